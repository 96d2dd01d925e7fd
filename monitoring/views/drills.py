"""Drills: which alerts are proven, one drill, and one more."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from monitoring import queries
from monitoring.models import Drill
from monitoring.services import drills
from monitoring.views.probes import visible_system
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see

PAGE_SIZE = 100


@require_GET
@requires(Permission.SEE)
def drill_list(request: PortalRequest) -> HttpResponse:
    """How many alerts of each system are proven."""
    return _list(request)


@require_GET
@requires(Permission.SEE)
def drill(request: PortalRequest, drill_id: int) -> HttpResponse:
    """One drill, station by station; renews itself while it is under way."""
    found = get_object_or_404(Drill.objects.visible_to(request.actor).select_related("system__client"), pk=drill_id)
    context = {"drill": found, "proofs": found.proofs.order_by("outcome", "kind")}
    return render_page(request, "monitoring/drill.html", context, fragment="live")


@require_POST
@requires(Permission.OPERATE)
def begin(request: PortalRequest, system_id: int) -> HttpResponse:
    """Start one."""
    system = visible_system(request, system_id)
    try:
        made = drills.begin(system=system, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _list(request, error=error)
    return see(request, "monitoring:drill", made.pk)


def _list(request: PortalRequest, *, error: PortalError | None = None) -> HttpResponse:
    page = Paginator(queries.drills(request.actor, now=timezone.now()), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"lines": page, "page": page, "error": error}
    return render_page(request, "monitoring/drills.html", context, status=422 if error else 200)
