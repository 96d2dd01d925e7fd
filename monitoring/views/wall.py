"""The wall: all systems, the worst first, and one system with all that is looked at."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clients.models import System
from monitoring import queries
from monitoring.forms import WorkForm
from monitoring.services import planned_work
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see

SHOWN = timedelta(hours=24)
# More can't be read across a room; the worst come first.
TILES = 200


@require_GET
@requires(Permission.SEE)
def wall(request: PortalRequest) -> HttpResponse:
    """All systems, readable across a room; renews itself."""
    now = timezone.now()
    found = queries.wall(request.actor, now=now)
    tiles = found.tiles if request.GET.get("all") else found.tiles[:TILES]
    context = {"wall": found, "tiles": tiles, "hidden": found.tiles[len(tiles) :], "now": now, "blind": queries.blindness(now=now)}
    if request.actor.sees_all_clients:
        context["watcher"] = queries.watcher_state()
    return render_page(request, "monitoring/wall.html", context, fragment="live")


@require_GET
@requires(Permission.SEE)
def system_checks(request: PortalRequest, system_id: int) -> HttpResponse:
    """All checks of a system with their last day; renews itself."""
    return _system(request, system_id)


@require_POST
@requires(Permission.OPERATE)
def work_begin(request: PortalRequest, system_id: int) -> HttpResponse:
    """Announce work on a system."""
    system, form = _visible(request, system_id), WorkForm(request.POST)
    if not form.is_valid():
        return _system(request, system_id, form=form)
    now = timezone.now()
    given = form.cleaned_data
    until = (given["starts_at"] or now) + timedelta(hours=given["hours"])
    try:
        planned_work.begin(
            system=system, until=until, reason=given["reason"], starts_at=given["starts_at"], actor=request.actor, now=now
        )
    except PortalError as error:
        return _system(request, system_id, error=error)
    return see(request, "monitoring:system-checks", system.pk)


@require_POST
@requires(Permission.OPERATE)
def work_end(request: PortalRequest, system_id: int) -> HttpResponse:
    """Work on a system is done."""
    system = _visible(request, system_id)
    planned_work.end(system=system, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now(), settles=timedelta())
    return see(request, "monitoring:system-checks", system.pk)


def _visible(request: PortalRequest, system_id: int) -> System:
    return get_object_or_404(System.objects.visible_to(request.actor).select_related("client"), pk=system_id)


def _system(request: PortalRequest, system_id: int, *, error: PortalError | None = None, form: WorkForm | None = None) -> HttpResponse:
    system, now = _visible(request, system_id), timezone.now()
    context = {
        "system": system, "rows": queries.pictures(system, since=now - SHOWN, now=now), "watch": queries.watch_of(system),
        "alerts": [alert for alert in queries.open_alerts(request.actor) if alert.system_id == system.pk],
        "works": queries.planned_work_of(system, now=now), "error": error, "form": form or WorkForm(),
    }  # fmt: skip
    return render_page(request, "monitoring/system.html", context, fragment="live", status=422 if error or form else 200)
