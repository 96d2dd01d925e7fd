"""The state of a client's systems: for their own people, and for the public where they want that."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_GET, require_POST

from clients.models import Client
from monitoring import queries
from monitoring.services import status
from portal.accounts.permissions import anybody_allowed, requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.accounts.scope import acting_for_all
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def own(request: PortalRequest) -> HttpResponse:
    """The state of every client that one may see; of a client's own people just theirs."""
    clients = list(Client.objects.visible_to(request.actor).filter(ended_at=None).order_by("name"))
    if len(clients) == 1:
        return _page(request, clients[0])
    return render_page(request, "monitoring/status_list.html", {"clients": clients})


@require_GET
@requires(Permission.SEE)
def of_client(request: PortalRequest, client_id: int) -> HttpResponse:
    """The state of one client's systems."""
    return _page(request, _visible(request, client_id))


@require_POST
@requires(Permission.OPERATE)
def publish(request: PortalRequest, client_id: int) -> HttpResponse:
    """Show it to the public."""
    client = _visible(request, client_id)
    try:
        status.publish(
            client=client,
            slug=request.POST.get("slug", ""),
            title=request.POST.get("title", ""),
            actor=request.actor,
            now=timezone.now(),
        )
    except PortalError as error:
        return _page(request, client, error=error)
    return see(request, "monitoring:status", client.pk)


@require_POST
@requires(Permission.OPERATE)
def withdraw(request: PortalRequest, client_id: int) -> HttpResponse:
    """Show it to the public no more."""
    client = _visible(request, client_id)
    page = queries.status_page_of(client)
    if page is not None:
        status.withdraw(page=page, actor=request.actor, now=timezone.now())
    return see(request, "monitoring:status", client.pk)


@anybody_allowed
@require_GET
def public(request: PortalRequest, slug: str) -> HttpResponse:
    """What everybody may read: production systems by name, their 90 days, and what was written for the client."""
    with acting_for_all():
        page = queries.status_page(slug)
        if page is None:
            raise Http404
        now = timezone.now()
        context = {"page": page, "status": queries.status_of(page.client, now=now, production_only=True), "now": now}
        answer = render_page(request, "monitoring/status_public.html", context)
    patch_cache_control(answer, public=True, max_age=30)
    return answer


def _visible(request: PortalRequest, client_id: int) -> Client:
    return get_object_or_404(Client.objects.visible_to(request.actor).filter(ended_at=None), pk=client_id)


def _page(request: PortalRequest, client: Client, *, error: PortalError | None = None) -> HttpResponse:
    now = timezone.now()
    context = {
        "client": client, "status": queries.status_of(client, now=now), "page": queries.status_page_of(client), "now": now,
        "error": error,
    }  # fmt: skip
    return render_page(request, "monitoring/status.html", context, status=422 if error else 200, fragment="live")
