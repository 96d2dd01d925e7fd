"""Incidents: opened by alerts that matter, answered the same day, told to the client, closed when nothing is red any more."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from clients.models import Client
from clients.services import calendars
from clients.support.services import announcing
from monitoring.choices import OPEN_ALERT_STATES, EntryKind, IncidentState, Kind, Level
from monitoring.models import Alert, Incident, IncidentEntry
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.clock.business import end_of_day
from portal.errors import PortalError, constraint_name

POST_MORTEM = """## What happened

## What it meant for the client

## Why it happened

## How it was noticed, and how fast

## What is done so that it does not happen again
"""
ACTOR = "monitoring"


@transaction.atomic
def join(alerts: Sequence[Alert], *, together: bool = False, now: datetime) -> None:
    """Of critical alerts that were told just now: each joins the open incident of its system, or opens one.

    Args:
        together: they have one cause, so that each client has one incident of all of theirs.
    """
    groups: dict[tuple[int, int], list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.level == Level.CRITICAL and not alert.check_row.drill and alert.incident_id is None:
            groups[alert.client_id, 0 if together else alert.system_id].append(alert)
    for (client_id, _), members in groups.items():
        systems = {alert.system_id for alert in members}
        standing = Incident.objects.filter(
            client=client_id, state=IncidentState.OPEN, alerts__system__in=systems, alerts__state__in=OPEN_ALERT_STATES
        )
        incident = standing.order_by("opened_at").first() or _open(members, now=now)
        Alert.objects.filter(pk__in=[alert.pk for alert in members]).update(incident=incident)
        for alert in members:
            _note(incident, EntryKind.ALERT, f"{alert.system}: {alert.check_row}: {alert.words}", label=ACTOR, now=now)


def _open(members: Sequence[Alert], *, now: datetime) -> Incident:
    first = members[0]
    systems = {alert.system_id for alert in members}
    who = str(first.system) if len(systems) == 1 else f"{len(systems)} systems"
    # the client reads it
    title = f"{who}: not reached" if first.check_row.kind == Kind.REACH else f"{who}: {first.check_row}"
    client = first.system.client
    incident = Incident.objects.create(
        client=client, title=title[:200], opened_at=min(alert.opened_at for alert in members),
        answer_due_at=answer_due(client, now), post_mortem=POST_MORTEM,
    )  # fmt: skip
    _note(incident, EntryKind.OPENED, title, label=ACTOR, now=now)
    return incident


def answer_due(client: Client, at: datetime) -> datetime:
    """The end of work of the day by the client's calendar; of what comes after it, or on a free day, of the next working day."""
    return end_of_day(at, calendars.calendar_of(client, at=at))


def note(*, incident: Incident, words: str, to_client: bool, actor: Actor, now: datetime) -> None:
    """Write a line into the timeline; one that the client reads is an answer.

    Raises:
        PortalError: nothing written.
    """
    actor.require(Permission.OPERATE)
    if not words.strip():
        raise PortalError("Write what is known.")
    with transaction.atomic():
        _note(incident, EntryKind.TOLD if to_client else EntryKind.NOTE, words.strip()[:5000], label=actor.label, now=now)
        if to_client:
            _answered(incident, now=now)
            announcing.tell_of_incident(client=incident.client, title=incident.title, words=words.strip(), over=False, now=now)
            audit.record(
                action="incident.tell", actor=actor, subject=incident, client_id=incident.client_id, now=now, words=words.strip()
            )


def take(*, incident: Incident, person: User, actor: Actor, now: datetime) -> None:
    """Somebody is on it.

    Raises:
        PortalError: it is resolved, or the person is none of us.
    """
    actor.require(Permission.OPERATE)
    if not person.is_staff_member or not person.is_active:
        raise PortalError("Choose somebody of ours who can sign in.")
    with transaction.atomic():
        if not Incident.objects.filter(pk=incident.pk, state=IncidentState.OPEN).update(owner=person):
            raise PortalError("This incident is resolved.")
        _note(incident, EntryKind.OWNER, f"{person.name} is on it.", label=actor.label, now=now)
        _answered(incident, now=now)
        audit.record(action="incident.take", actor=actor, subject=incident, client_id=incident.client_id, now=now, person=person.email)


def answered_by(alert: Alert, *, now: datetime) -> None:
    """Somebody said that they are on an alert: its incident is answered."""
    if alert.incident is not None:
        _note(
            alert.incident, EntryKind.OWNER, f"{alert.acknowledged_by} is on “{alert.check_row}”.", label=alert.acknowledged_by, now=now
        )
        _answered(alert.incident, now=now)


def resolve(*, incident: Incident, words: str, actor: Actor, now: datetime) -> None:
    """It is over, and the client reads why. The database refuses while one of its alerts is open.

    Raises:
        PortalError: an alert is still open, it is resolved already, or nothing is said.
    """
    actor.require(Permission.OPERATE)
    if not words.strip():
        raise PortalError("Say what it was and what was done: the client reads it.")
    try:
        with transaction.atomic():
            if not Incident.objects.filter(pk=incident.pk, state=IncidentState.OPEN).update(
                state=IncidentState.RESOLVED, resolved_at=now
            ):
                raise PortalError("This incident is resolved already.")
            _note(incident, EntryKind.RESOLVED, words.strip()[:5000], label=actor.label, now=now)
            _answered(incident, now=now)
            announcing.tell_of_incident(client=incident.client, title=incident.title, words=words.strip(), over=True, now=now)
            audit.record(
                action="incident.resolve", actor=actor, subject=incident, client_id=incident.client_id, now=now, words=words.strip()
            )
    except IntegrityError as error:
        if constraint_name(error) != "not_resolved_while_red":
            raise
        raise PortalError(
            "One of its alerts is still open.",
            hint="It is over when what is red is in order again, or is looked at no more with a reason.",
        ) from error


def write_post_mortem(*, incident: Incident, text: str, actor: Actor, now: datetime) -> None:
    """Keep what was learnt."""
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        Incident.objects.filter(pk=incident.pk).update(post_mortem=text[:20_000])
        audit.record(action="incident.post_mortem", actor=actor, subject=incident, client_id=incident.client_id, now=now)


def _answered(incident: Incident, *, now: datetime) -> None:
    Incident.objects.filter(pk=incident.pk, answered_at=None).update(answered_at=now)


def _note(incident: Incident, kind: EntryKind, words: str, *, label: str, now: datetime) -> None:
    IncidentEntry.objects.create(client_id=incident.client_id, incident=incident, at=now, kind=kind, words=words, actor_label=label)
