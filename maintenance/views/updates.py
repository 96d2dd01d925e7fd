"""One pending update: what it is, which advisories it fixes, what was decided."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from clients.models import System
from maintenance import queries
from maintenance.models import PendingUpdate
from maintenance.services import changelogs, unfixed, waiting
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.ui.answers import render_page


@require_GET
@requires(Permission.SEE)
def unfixed_list(request: PortalRequest, system_id: int) -> HttpResponse:
    """What is known of a system's packages and no update takes away."""
    system = get_object_or_404(System.objects.visible_to(request.actor).select_related("client"), pk=system_id)
    page = Paginator(unfixed.issues_of(system), 100).get_page(request.GET.get("page"))
    context = {"system": system, "page": page, "notices": queries.feed_notices(now=timezone.now())}
    return render_page(request, "maintenance/unfixed.html", context)


@require_GET
@requires(Permission.SEE)
def update_detail(request: PortalRequest, update_id: int) -> HttpResponse:
    """The update with its advisories, worst first."""
    rows = PendingUpdate.objects.visible_to(request.actor).select_related(
        "system__client", "system__staging_twin", "client", "decision"
    )
    update = get_object_or_404(rows, pk=update_id)
    changelog, no_changelog = changelogs.what_is_new(update)
    context = {
        "update": update,
        "changelog": changelog,
        "no_changelog": no_changelog,
        "waiting": waiting.reason_of(update, now=timezone.now()),
        "advisories": queries.advisories_of(update),
        "decisions": update.decisions.order_by("-decided_at", "-pk"),
        "notices": queries.feed_notices(now=timezone.now()),
    }
    return render_page(request, "maintenance/update.html", context)
