"""Checks and alerts over the API."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema

from clients.api import actor_of_request
from clients.models import System
from monitoring import queries
from monitoring.models import Alert
from monitoring.services import alerts, drills, planned_work
from portal.accounts.permissions import operation
from portal.accounts.roles import Permission

router = Router(tags=["monitoring"])


class CheckOut(Schema):
    """A check. `level` is confirmed; it is `unknown` where the last look said nothing or is too old, whatever was confirmed before."""

    id: int
    system_id: int
    kind: str
    subject: str
    level: str
    turning: str
    value: float | None
    words: str
    since: datetime
    last_at: datetime | None
    muted_until: datetime | None


class AlertOut(Schema):
    """An alert. `announced_at` is null while nobody was told: muted, or no channel."""

    id: int
    client_id: int
    system_id: int
    check_id: int
    level: str
    words: str
    state: str
    opened_at: datetime
    announced_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    closed_at: datetime | None


@router.get("/systems/{int:system_id}/checks", response=list[CheckOut], operation_id="list_monitoring_checks")
@operation(Permission.SEE)
def list_checks(request: HttpRequest, system_id: int) -> list[dict[str, Any]]:
    """The checks of a system, the worst first."""
    system = get_object_or_404(System.objects.visible_to(actor_of_request(request)), pk=system_id)
    names = ("id", "system_id", "kind", "subject", "value", "words", "since", "last_at", "muted_until")
    return [
        {**{name: getattr(line.check, name) for name in names}, "level": line.level, "turning": line.turning}
        for line in queries.checks_of(system, now=timezone.now())
    ]


@router.get("/alerts", response=list[AlertOut], operation_id="list_alerts")
@operation(Permission.SEE)
def list_alerts(request: HttpRequest) -> list[dict[str, Any]]:
    """Open alerts, the worst and oldest first."""
    return [_out(alert) for alert in queries.open_alerts(actor_of_request(request))]


@router.post("/alerts/{int:raised_id}/acknowledge", response=AlertOut, operation_id="acknowledge_alert")
@operation(Permission.OPERATE)
def acknowledge_alert(request: HttpRequest, raised_id: int) -> dict[str, Any]:
    """Say that one is on it."""
    actor = actor_of_request(request)
    alert = get_object_or_404(queries.alerts_for(actor), pk=raised_id)
    alerts.acknowledge(alert=alert, actor=actor, now=timezone.now())
    return _out(get_object_or_404(queries.alerts_for(actor), pk=raised_id))


class MuteIn(Schema):
    """For how many hours, 1 to 168, and why."""

    hours: int
    reason: str


@router.post("/alerts/{int:raised_id}/mute", response=AlertOut, operation_id="mute_alert")
@operation(Permission.OPERATE)
def mute_alert(request: HttpRequest, raised_id: int, data: MuteIn) -> dict[str, Any]:
    """Send no messages of its check for a while."""
    actor = actor_of_request(request)
    alert = get_object_or_404(queries.alerts_for(actor), pk=raised_id)
    alerts.mute(alert=alert, hours=data.hours, reason=data.reason, actor=actor, now=timezone.now())
    return _out(get_object_or_404(queries.alerts_for(actor), pk=raised_id))


class WorkIn(Schema):
    """Work on a system: for how many hours, 1 to 168, and what."""

    hours: int
    reason: str


class WorkOut(Schema):
    """Planned work: nobody is told of the system's alerts while it lasts."""

    starts_at: datetime
    ends_at: datetime
    reason: str


@router.post("/systems/{int:system_id}/planned-work", response=WorkOut, operation_id="announce_planned_work")
@operation(Permission.OPERATE)
def announce_work(request: HttpRequest, system_id: int, data: WorkIn) -> Any:
    """Announce work on a system."""
    actor, now = actor_of_request(request), timezone.now()
    system = get_object_or_404(System.objects.visible_to(actor), pk=system_id)
    until = now + timedelta(hours=max(0, min(data.hours, 10_000)))
    return planned_work.begin(system=system, until=until, reason=data.reason, actor=actor, now=now)


class IncidentOut(Schema):
    """An incident. `answered_at` is null while nobody answered; the promise is `answer_due_at`."""

    id: int
    client_id: int
    title: str
    state: str
    opened_at: datetime
    answer_due_at: datetime
    answered_at: datetime | None
    resolved_at: datetime | None


@router.get("/incidents", response=list[IncidentOut], operation_id="list_incidents")
@operation(Permission.SEE)
def list_incidents(request: HttpRequest) -> Any:
    """Open incidents, then the last hundred that were resolved."""
    actor = actor_of_request(request)
    return [*queries.open_incidents(actor), *queries.past_incidents(actor)]


class ThingOut(Schema):
    """Something that runs on a system: `state` is Checked, Not checked, Excused or Gone."""

    kind: str
    name: str
    state: str
    covered_by: str


@router.get("/systems/{int:system_id}/coverage", response=list[ThingOut], operation_id="list_coverage")
@operation(Permission.SEE)
def list_coverage(request: HttpRequest, system_id: int) -> list[dict[str, str]]:
    """What runs on a system and which check would notice if it failed, gaps first. Empty where nobody could look."""
    system = get_object_or_404(System.objects.visible_to(actor_of_request(request)), pk=system_id)
    return [
        {"kind": line.thing.kind, "name": line.thing.name, "state": line.state, "covered_by": line.covered_by}
        for line in queries.thing_lines(system)
    ]


class EventOut(Schema):
    """Something that changed on a system and that nobody said is meant."""

    id: int
    area: str
    thing: str
    was: str
    now_is: str
    seen_at: datetime


@router.get("/systems/{int:system_id}/security-events", response=list[EventOut], operation_id="list_security_events")
@operation(Permission.SEE)
def list_security_events(request: HttpRequest, system_id: int) -> Any:
    """Open security events of a system, the oldest first."""
    return queries.open_events(get_object_or_404(System.objects.visible_to(actor_of_request(request)), pk=system_id))


class DrillOut(Schema):
    """A drill that was begun; its outcome stands on its page."""

    id: int
    started_at: datetime
    until: datetime


@router.post("/systems/{int:system_id}/drill", response=DrillOut, operation_id="begin_drill")
@operation(Permission.OPERATE)
def begin_drill(request: HttpRequest, system_id: int) -> Any:
    """Prove the alerts of a system."""
    actor = actor_of_request(request)
    system = get_object_or_404(System.objects.visible_to(actor), pk=system_id)
    return drills.begin(system=system, actor=actor, now=timezone.now())


def _out(alert: Alert) -> dict[str, Any]:
    names = [name for name in AlertOut.model_fields if name != "check_id"]
    return {name: getattr(alert, name) for name in names} | {"check_id": alert.check_row_id}
