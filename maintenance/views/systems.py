"""A system's page, and asking for a scan."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from backups.queries import job_lines, open_findings
from clients.models import System
from maintenance import queries
from maintenance.choices import ScanState
from maintenance.models import Scan
from maintenance.queries import end_of_life
from maintenance.services import scans
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def system_detail(request: PortalRequest, system_id: int) -> HttpResponse:
    """What is known of a system: its health, what is pending, what was done."""
    return _page(request, system_id)


@require_POST
@requires(Permission.OPERATE)
def scan(request: PortalRequest, system_id: int) -> HttpResponse:
    """Ask for a scan."""
    system = get_object_or_404(System.objects.visible_to(request.actor), pk=system_id)
    try:
        scans.request(system=system, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, system_id, error=error)
    return see(request, "maintenance:system", system.pk)


def _page(request: PortalRequest, system_id: int, *, error: PortalError | None = None) -> HttpResponse:
    rows = System.objects.visible_to(request.actor).filter(pk=system_id)
    get_object_or_404(rows)
    now = timezone.now()
    line = queries.system_lines(rows, now=now)[0]
    context = {
        "line": line,
        "system": line.system,
        "updates": queries.updates_of([system_id]),
        "runs": queries.runs_for(request.actor).filter(system_id=system_id)[:10],
        "scan_open": Scan.objects.filter(system_id=system_id, state=ScanState.QUEUED).first(),
        "today": now.date(),
        "backups": job_lines(request.actor, now=now, system_id=system_id),
        "gaps": list(open_findings(request.actor, kind="uncovered", system_id=system_id)),
        "lives": [(life, life.level(now.date())) for life in end_of_life.of_systems([line.system])],
        "error": error,
    }
    return render_page(request, "maintenance/system.html", context, fragment="live", status=422 if error else 200)
