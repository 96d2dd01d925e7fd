"""Reads for pages: incidents, duty, drills."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring.choices import EntryKind, IncidentState
from monitoring.models import Alert, Duty, EscalationStep, Incident, IncidentEntry
from portal.accounts.actor import Actor

# What a client reads of a timeline: what they were told, and that it was opened, taken and resolved.
_FOR_CLIENTS = [EntryKind.OPENED, EntryKind.TOLD, EntryKind.RESOLVED]
COUNTED = timedelta(days=90)


def open_incidents(actor: Actor) -> list[Incident]:
    """What stands, the one whose answer is due first in front; answered ones behind."""
    rows = Incident.objects.visible_to(actor).filter(state=IncidentState.OPEN).select_related("client", "owner")
    return sorted(rows.order_by("answer_due_at", "pk"), key=lambda one: one.answered_at is not None)


def past_incidents(actor: Actor) -> list[Incident]:
    """What was resolved, the newest first; 100 at most."""
    rows = Incident.objects.visible_to(actor).filter(state=IncidentState.RESOLVED).select_related("client", "owner")
    return list(rows.order_by("-opened_at", "-pk")[:100])


@dataclass(frozen=True, slots=True)
class Answers:
    """Of the incidents of 90 days: how many there were, and how many were answered in time; open ones count once they are late."""

    counted: int
    in_time: int


def answers(actor: Actor, *, now: datetime) -> Answers:
    """How the promise of an answer the same day is kept."""
    rows = Incident.objects.visible_to(actor).filter(opened_at__gt=now - COUNTED).values_list("answer_due_at", "answered_at")
    judged = [answered is not None and answered <= due for due, answered in rows if answered is not None or due < now]
    return Answers(len(judged), sum(judged))


def alerts_of(incident: Incident) -> list[Alert]:
    """Its alerts, the oldest first."""
    return list(incident.alerts.select_related("system", "check_row").order_by("opened_at", "pk"))


def timeline(incident: Incident, actor: Actor) -> list[IncidentEntry]:
    """Its lines, the oldest first; a client's people read what was written for them."""
    rows = incident.entries.order_by("at", "pk")
    return list(rows if actor.sees_all_clients else rows.filter(kind__in=_FOR_CLIENTS))


def coming_shifts(*, now: datetime) -> list[Duty]:
    """Shifts of now and to come, by their beginning; 60 at most."""
    return list(Duty.objects.filter(ends_at__gt=now).select_related("person").order_by("starts_at", "place", "-created_at")[:60])


def steps(lines: int) -> list[EscalationStep | None]:
    """The steps of the escalation, filled up with empty lines."""
    found: list[EscalationStep | None] = list(EscalationStep.objects.select_related("channel").order_by("number")[:lines])
    return found + [None] * (lines - len(found))
