"""The dashboard, the audit trail, health."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from clients.models import Client
from portal.accounts.permissions import anybody_allowed, requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.audit import services as audit_service
from portal.desk import audit_trail, queries
from portal.desk.audit_trail import Filter
from portal.ui.answers import render_page
from portal.ui.downloads import csv_download


@require_GET
@requires(Permission.SEE)
def home(request: PortalRequest) -> HttpResponse:
    """Operators see the fleet; a client's people see their own systems."""
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
@anybody_allowed
def health(request: PortalRequest) -> HttpResponse:
    """200 when the portal can reach its database; says nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
