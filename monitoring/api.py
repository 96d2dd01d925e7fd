"""Checks and alerts over the API."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema

from clients.api import actor_of_request
from clients.models import System
from monitoring import queries
from monitoring.models import Alert
from monitoring.services import alerts
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


def _out(alert: Alert) -> dict[str, Any]:
    names = [name for name in AlertOut.model_fields if name != "check_id"]
    return {name: getattr(alert, name) for name in names} | {"check_id": alert.check_row_id}
