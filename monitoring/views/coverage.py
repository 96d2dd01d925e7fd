"""Coverage: what runs and what is checked; and what changed that nobody said is meant."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clients.models import System
from monitoring import queries
from monitoring.models import SecurityEvent, Thing
from monitoring.services import coverage as coverage_services
from monitoring.services import security
from monitoring.views.probes import visible_system
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def coverage(request: PortalRequest) -> HttpResponse:
    """How much of what runs is checked, by client and system."""
    return render_page(request, "monitoring/coverage.html", {"clients": queries.coverage(request.actor)})


@require_GET
@requires(Permission.SEE)
def system_coverage(request: PortalRequest, system_id: int) -> HttpResponse:
    """What runs on a system, and which check would notice if it failed."""
    return _coverage(request, visible_system(request, system_id))


@require_POST
@requires(Permission.OPERATE)
def cover(request: PortalRequest, thing_id: int) -> HttpResponse:
    """Have it checked."""
    thing = _thing(request, thing_id)
    try:
        coverage_services.cover(thing=thing, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _coverage(request, thing.system, error=error)
    return see(request, "monitoring:system-coverage", thing.system_id)


@require_POST
@requires(Permission.OPERATE)
def excuse(request: PortalRequest, thing_id: int) -> HttpResponse:
    """Say why it needs no check."""
    thing = _thing(request, thing_id)
    try:
        coverage_services.excuse(thing=thing, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _coverage(request, thing.system, error=error)
    return see(request, "monitoring:system-coverage", thing.system_id)


@require_GET
@requires(Permission.SEE)
def system_security(request: PortalRequest, system_id: int) -> HttpResponse:
    """What changed on a system that nobody said is meant, and what was."""
    return _security(request, visible_system(request, system_id))


@require_POST
@requires(Permission.OPERATE)
def accept(request: PortalRequest, system_id: int) -> HttpResponse:
    """Say that changes are meant."""
    system = visible_system(request, system_id)
    chosen = [int(pk) for pk in request.POST.getlist("event") if pk.isdigit()]
    events = list(SecurityEvent.objects.visible_to(request.actor).filter(system=system, pk__in=chosen))
    try:
        if not events:
            raise PortalError("Choose at least one of them.")
        security.accept(events=events, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _security(request, system, error=error)
    return see(request, "monitoring:security", system.pk)


def _thing(request: PortalRequest, thing_id: int) -> Thing:
    return get_object_or_404(Thing.objects.visible_to(request.actor).select_related("system__client"), pk=thing_id)


def _coverage(request: PortalRequest, system: System, *, error: PortalError | None = None) -> HttpResponse:
    context = {
        "system": system, "inventory": queries.inventory_of(system), "lines": queries.thing_lines(system), "error": error,
        "far_off": queries.far_off(system),
    }  # fmt: skip
    return render_page(request, "monitoring/system_coverage.html", context, status=422 if error else 200)


def _security(request: PortalRequest, system: System, *, error: PortalError | None = None) -> HttpResponse:
    context = {
        "system": system, "inventory": queries.inventory_of(system), "events": queries.open_events(system),
        "past": queries.past_events(system), "error": error,
    }  # fmt: skip
    return render_page(request, "monitoring/security.html", context, status=422 if error else 200)
