"""The dashboard, the audit trail, health."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clients.models import Client
from clients.support.queries import tickets_for
from clients.support.services import knowledge
from clients.support.views.tickets import language
from clients.support.views.tickets import page as ticket_page
from monitoring.queries.status import status_of
from portal.accounts.permissions import anybody_allowed, requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.audit import services as audit_service
from portal.desk import audit_trail, client_home, links, queries
from portal.desk.audit_trail import Filter
from portal.errors import PortalError
from portal.ui.answers import render_page, see
from portal.ui.downloads import csv_download


@require_GET
@requires(Permission.SEE)
def home(request: PortalRequest) -> HttpResponse:
    """Operators see the fleet; a client's people whether all is well."""
    if not request.actor.may(Permission.SEE_FLEET):
        now = timezone.now()
        return render_page(
            request, "desk/client_home.html", {"homes": client_home.homes(request.actor, now=now), "now": now}, fragment="live"
        )
    return _fleet(request)


@require_GET
@requires(Permission.SEE)
def details(request: PortalRequest) -> HttpResponse:
    """All systems as operators see them; a client's people see their own."""
    return _fleet(request)


def _fleet(request: PortalRequest) -> HttpResponse:
    context = {"desk": queries.desk(request.actor, now=timezone.now())}
    return render_page(request, "desk/home.html", context, fragment="fleet")


@require_GET
@requires(Permission.READ_AUDIT)
def audit(request: PortalRequest) -> HttpResponse:
    """Who did what: staff see all clients, a client's owner everything that was done on their systems."""
    wanted = Filter.of(request.GET)
    page = Paginator(audit_trail.events(request.actor, wanted), 100).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "wanted": wanted,
        "scripts": audit_trail.scripts(list(page)),
        "clients": Client.objects.visible_to(request.actor, Permission.READ_AUDIT).order_by("name", "pk"),
        "address": urlencode({name: value for name, value in request.GET.items() if name != "page" and value}),
    }
    return render_page(request, "desk/audit.html", context)


@require_GET
@requires(Permission.READ_AUDIT)
def audit_export(request: PortalRequest) -> HttpResponse:
    """The same as a file; that it was exported is an event itself."""
    wanted = Filter.of(request.GET)
    rows = audit_trail.export(audit_trail.events(request.actor, wanted))
    own: list[int | None] = [*sorted(request.actor.clients_with(Permission.READ_AUDIT))] or [wanted.client_id]
    for client_id in own:
        audit_service.record(
            action="audit.export", actor=request.actor, subject=None, client_id=client_id, now=timezone.now(), rows=len(rows) - 1,
            query=request.GET.urlencode(),
        )  # fmt: skip
    return csv_download(rows, filename="audit-trail.csv")


@require_GET
@requires(Permission.SEE)
def offered(request: PortalRequest, client_id: int) -> HttpResponse:
    """For the page of a new ticket: what is known to be out of order, and answers that fit what was typed so far."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    words = f"{request.GET.get('subject', '')} {request.GET.get('body', '')}"[:1000]
    found = knowledge.search(words=words, client_ids=[client.pk], language=language(), most=3)
    status = status_of(client, now=timezone.now())
    context = {
        "found": found, "client": client, "incidents": status.open,
        "down": [line for line in status.lines if line.now == "bad"],
    }  # fmt: skip
    return render_page(request, "support/_offered.html", context)


@require_POST
@requires(Permission.OPERATE)
def ticket_link(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """Link a ticket with what it is about, elsewhere in the portal."""
    ticket = get_object_or_404(tickets_for(request.actor), pk=ticket_id)
    try:
        links.link(
            ticket=ticket,
            kind=request.POST.get("kind", ""),
            number=request.POST.get("number", ""),
            actor=request.actor,
            now=timezone.now(),
        )
    except PortalError as error:
        return ticket_page(request, ticket, error=error, status=422)
    return see(request, "support:ticket", ticket.pk)


@require_GET
@anybody_allowed
def health(request: PortalRequest) -> HttpResponse:
    """200 when the portal can reach its database; says nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
