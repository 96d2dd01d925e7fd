"""What a client's people see first: whether all is well, what is planned, what was done, what they asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clients.models import Client
from clients.support.choices import OPEN_STATES
from clients.support.models import Ticket
from clients.support.queries import tickets_for
from handover.models import ReadinessDay
from maintenance.models import Rollout
from maintenance.queries import emergencies_since
from maintenance.services import maintenance_windows
from maintenance.services.promise import this_month
from monitoring.models import Incident, IncidentEntry
from monitoring.queries.status import ClientStatus, status_of
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.desk.queries import EMERGENCIES_SHOWN
from portal.reports import gather
from portal.reports.models import Report, ReportState

SHOWN = 5
READY_FOR = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class ClientHome:
    """One client's, for somebody there.

    Args:
        open: incidents that are not over, with what was told of them.
        proven: when a restore was last proven; None: never.
        unproven: how many backups were never restored.
        verdict: the worst of its systems. With updates that were not read it is unknown; with late ones, or a backup that was never
            restored, or none at all, not everything is well.
        planned: what comes next, the soonest first.
        hours: whether the person sees them.
        may_ask: whether its people may still ask us.
        ready: how ready the client is to go on alone, in percent; None where that was not found out lately.
        emergencies: rollouts of late that did not wait for their soak and window, with their reasons.
    """

    client: Client
    status: ClientStatus
    open: Sequence[tuple[Incident, list[IncidentEntry]]]
    facts: dict[str, Any]
    proven: datetime | None
    unproven: int
    verdict: str
    tickets: Sequence[Ticket]
    planned: Sequence[tuple[datetime, str]]
    report: Report | None
    hours: bool
    may_ask: bool
    ready: int | None
    emergencies: Sequence[Rollout]


def homes(actor: Actor, *, now: datetime) -> list[ClientHome]:
    """A home for each client that somebody belongs to."""
    clients = Client.objects.visible_to(actor).order_by("ended_at", "name", "pk")
    return [_home(client, actor, now=now) for client in clients]


def _home(client: Client, actor: Actor, *, now: datetime) -> ClientHome:
    status, facts = status_of(client, now=now), gather.so_far(client, this_month(client, now=now), now=now)
    jobs = facts["restores"]["jobs"]
    proven = [datetime.fromisoformat(job["proven"]) for job in jobs if job["proven"]]
    planned = [(work.starts_at, f"{work.system}: {work.reason}") for work in status.planned]
    planned += [(span.start, window.name) for window, span in maintenance_windows.upcoming(client, now=now, count=SHOWN)]
    return ClientHome(
        client=client,
        status=status,
        open=status.open,
        facts=facts,
        proven=max(proven, default=None),
        unproven=sum(job["proven"] is None for job in jobs),
        verdict=_verdict(status.state, facts, proven=bool(jobs) and len(proven) == len(jobs)),
        tickets=list(tickets_for(actor).filter(client=client, state__in=OPEN_STATES).order_by("-changed_at", "-pk")[:SHOWN]),
        planned=sorted(planned, key=lambda one: one[0])[:SHOWN],
        report=Report.objects.filter(client=client, state=ReportState.SENT).defer("pdf", "facts").order_by("-month").first(),
        hours=actor.may(Permission.SEE_HOURS, client.pk),
        may_ask=client.may_ask(now=now),
        ready=ReadinessDay.objects.filter(client=client, made_at__gt=now - READY_FOR)
        .order_by("-day")
        .values_list("score", flat=True)
        .first(),
        emergencies=[row for row in emergencies_since(actor, since=now - EMERGENCIES_SHOWN) if row.client_id == client.pk],
    )


def _verdict(state: str, facts: dict[str, Any], *, proven: bool) -> str:
    if state in {"ok", "warn"} and facts["updates"]["unread"]:
        return "unknown"
    return "warn" if state == "ok" and (not proven or facts["updates"]["missed"]) else state
