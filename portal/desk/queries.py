"""Reads for pages that span areas."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from clients.models import HostKeyAlert, System
from clients.queries import open_alerts
from maintenance.models import Rollout, UpdateRun
from maintenance.queries import SystemLine, emergencies_since, feed_notices, runs_for, system_lines
from portal.accounts.actor import Actor

EMERGENCIES_SHOWN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Desk:
    """What somebody sees first."""

    lines: list[SystemLine]
    alerts: QuerySet[HostKeyAlert]
    open_runs: QuerySet[UpdateRun]
    counts: dict[str, int]
    security: int
    overdue: int
    # What makes severities older than they look; staff read it.
    notices: list[str]
    # Emergency rollouts of late, which clients are told of with their reasons.
    emergencies: list[Rollout]


def desk(actor: Actor, *, now: datetime) -> Desk:
    """The systems an actor may see with their health, and what waits for somebody."""
    lines = system_lines(System.objects.visible_to(actor), now=now)
    counts = {level: sum(line.health.level == level for line in lines) for level in ("bad", "unknown", "warn", "ok")}
    worst_first = {"bad": 0, "unknown": 1, "warn": 2, "ok": 3}
    lines.sort(key=lambda line: (line.system.client.name, worst_first[line.health.level], line.system.name))
    return Desk(
        lines=lines, alerts=open_alerts(actor), open_runs=runs_for(actor).filter(finished_at=None), counts=counts,
        notices=feed_notices(now=now) if actor.sees_all_clients else [],
        emergencies=list(emergencies_since(actor, since=now - EMERGENCIES_SHOWN)),
        security=sum(line.security for line in lines), overdue=sum(line.overdue for line in lines),
    )  # fmt: skip
