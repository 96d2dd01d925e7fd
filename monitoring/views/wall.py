"""The wall: all systems, the worst first, and one system with all that is looked at."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET

from clients.models import System
from monitoring import queries
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.ui.answers import render_page

SHOWN = timedelta(hours=24)


@require_GET
@requires(Permission.SEE)
def wall(request: PortalRequest) -> HttpResponse:
    """All systems, readable across a room; renews itself."""
    now = timezone.now()
    context = {"wall": queries.wall(request.actor, now=now), "now": now}
    return render_page(request, "monitoring/wall.html", context, fragment="live")


@require_GET
@requires(Permission.SEE)
def system_checks(request: PortalRequest, system_id: int) -> HttpResponse:
    """All checks of a system with their last day; renews itself."""
    system = get_object_or_404(System.objects.visible_to(request.actor).select_related("client"), pk=system_id)
    now = timezone.now()
    context = {
        "system": system, "rows": queries.pictures(system, since=now - SHOWN, now=now), "watch": queries.watch_of(system),
        "alerts": [alert for alert in queries.open_alerts(request.actor) if alert.system_id == system.pk],
    }  # fmt: skip
    return render_page(request, "monitoring/system.html", context, fragment="live")
