"""Alerts: one for each cause, told over each channel, and acknowledged by somebody with a name."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet

from monitoring.choices import OPEN_ALERT_STATES, AlertState, Event, Kind, Level
from monitoring.models import Alert, Channel, Check, Delivery, Drill, PlannedWork
from monitoring.services import channels, escalation, incidents
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

CHUNK = 5000
# So many systems that are not reached at once have one cause. While others are just failing the message waits so long, and later
# ones join it for so long.
STORM = 5
STORM_WAITS = timedelta(seconds=60)
STORM_LASTS = timedelta(minutes=10)


@transaction.atomic
def announce(*, now: datetime) -> int:
    """Write the messages of alerts that nobody was told of and that are not muted; and of those that closed. Returns how many.

    Many systems that are not reached have one cause: one message tells of all of them. It waits, a minute at most, while others are
    just failing too.
    """
    # reached again, and this is as it was: now it is told by itself
    left = Alert.objects.filter(state__in=OPEN_ALERT_STATES, part_of__state=AlertState.CLOSED).exclude(check_row__kind=Kind.REACH)
    left = left.filter(check_row__drill=False)
    left.update(part_of=None, announced_at=None)
    first = list(Channel.objects.filter(ended_at=None, first=True).order_by("pk"))
    told = list(_to_open(now=now)) if first else []
    if not first:
        # there is nobody to tell, which the pages say; what matters is an incident all the same
        new = Alert.objects.filter(state__in=OPEN_ALERT_STATES, level=Level.CRITICAL, incident=None, check_row__drill=False)
        incidents.join(list(new.select_related("check_row", "system__client").order_by("pk")[:CHUNK]), now=now)
    rounds = _rounds(told)
    rows = [(alert, channel, Event.OPENED.value, rounds.get(alert.pk, 0)) for alert in told for channel in first]
    closed = Delivery.objects.filter(event=Event.OPENED, alert__state=AlertState.CLOSED, alert__check_row__drill=False).exclude(
        alert__parts__state__in=OPEN_ALERT_STATES
    )
    closed = closed.exclude(alert__deliveries__event=Event.CLOSED).select_related("alert", "channel")
    rows += [(row.alert, row.channel, Event.CLOSED.value, 0) for row in closed.order_by("pk")[:CHUNK]]
    channels.write(rows, now=now)
    escalation.begin(told, now=now)
    return len(rows)


def _rounds(told: Sequence[Alert]) -> dict[int, int]:
    """Of alerts that were told before and became worse: the number of this telling."""
    rows = Delivery.objects.filter(alert__in=[alert.pk for alert in told], event=Event.OPENED).values("alert")
    return {row["alert"]: row["last"] + 1 for row in rows.annotate(last=Max("round"))}


def _to_open(*, now: datetime) -> Iterator[Alert]:
    """The alerts that get a message of their own now; what another one tells of is marked as told."""
    new = Alert.objects.filter(state__in=OPEN_ALERT_STATES, announced_at=None).exclude(check_row__muted_until__gt=now)
    new = new.filter(check_row__drill=False).exclude(system__in=_worked_on(now))
    rows = new.select_related("check_row", "system__client").select_for_update(skip_locked=True, of=("self",)).order_by("pk")
    alerts = list(rows[:CHUNK])
    unreached = [alert for alert in alerts if alert.check_row.kind == Kind.REACH]
    others = _unexplained([alert for alert in alerts if alert.check_row.kind != Kind.REACH], now=now)
    lead = _storm_of(now)
    if lead is None and len(unreached) + _failing(now) >= STORM:
        if _failing(now) and min(alert.opened_at for alert in unreached or [Alert(opened_at=now)]) > now - STORM_WAITS:
            unreached = []
        elif len(unreached) >= STORM:
            lead = unreached.pop(0)
            others.append(lead)
    if lead is not None and unreached:
        Alert.objects.filter(pk__in=[alert.pk for alert in unreached]).update(part_of=lead, announced_at=now)
        incidents.join([lead, *unreached], together=True, now=now)
        unreached = []
    told = [*unreached, *others]
    incidents.join(told, now=now)
    told += _leads_of_drills(now=now)
    Alert.objects.filter(pk__in=[alert.pk for alert in told]).update(announced_at=now)
    yield from told


def _leads_of_drills(*, now: datetime) -> list[Alert]:
    """Of each drill one alert whose message tells of all of it, once all have opened or the half of its time is over.

    What a drill put into a log is over with the next look: alerts that closed again already are told as well.
    """
    leads = []
    for drill in Drill.objects.filter(finished_at=None).order_by("pk"):
        rows = Alert.objects.filter(system=drill.system_id, check_row__drill=True, announced_at=None, opened_at__gte=drill.started_at)
        rows = rows.exclude(check_row__muted_until__gt=now).exclude(system__in=_worked_on(now))
        mine = list(rows.select_related("check_row", "system__client").select_for_update(skip_locked=True, of=("self",)).order_by("pk"))
        half = drill.started_at + (drill.until - drill.started_at) / 2
        if not mine or (len(mine) < drill.proofs.exclude(made_at=None).count() and now < half):
            continue
        Alert.objects.filter(pk__in=[alert.pk for alert in mine[1:]]).update(part_of=mine[0], announced_at=now)
        Alert.objects.filter(pk=mine[0].pk).update(announced_at=now)
        leads.append(mine[0])
    return leads


def _worked_on(now: datetime) -> QuerySet[PlannedWork, Any]:
    """Systems with planned work now."""
    return PlannedWork.objects.filter(starts_at__lte=now, ends_at__gt=now).values("system")


def _unexplained(alerts: list[Alert], *, now: datetime) -> list[Alert]:
    """Those of systems that are reached. Of the others the alert that they are not reached tells."""
    rows = Alert.objects.filter(
        system__in={alert.system_id for alert in alerts},
        check_row__kind=Kind.REACH,
        state__in=OPEN_ALERT_STATES,
        check_row__drill=False,
    )
    away = {row.system_id: row.part_of_id or row.pk for row in rows}
    for alert in alerts:
        if alert.system_id in away:
            Alert.objects.filter(pk=alert.pk).update(part_of=away[alert.system_id], announced_at=now)
    return [alert for alert in alerts if alert.system_id not in away]


def _storm_of(now: datetime) -> Alert | None:
    """An alert that tells of many since a little while, and still stands."""
    rows = Alert.objects.filter(announced_at__gt=now - STORM_LASTS, part_of=None, parts__state__in=OPEN_ALERT_STATES)
    rows = rows.filter(parts__check_row__kind=Kind.REACH, check_row__drill=False)
    return rows.order_by("-announced_at").first()


def _failing(now: datetime) -> int:
    """How many systems were not reached by the last look, and will be told if the next one fails too."""
    return (
        Check.objects.filter(kind=Kind.REACH, drill=False, level=Level.UP, ended_at=None, stale_at__gt=now)
        .exclude(last_level=Level.UP)
        .count()
    )


def acknowledge(*, alert: Alert, actor: Actor, now: datetime) -> None:
    """Say that somebody is on it.

    Raises:
        PortalError: it is closed, or somebody is on it already.
    """
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        changed = Alert.objects.filter(pk=alert.pk, state=AlertState.OPEN).update(
            state=AlertState.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=actor.label, next_step_at=None
        )
        if not changed:
            raise PortalError("This alert is closed, or somebody is on it already.", hint="Look at it again.")
        alert.refresh_from_db()
        incidents.answered_by(alert, now=now)
        audit.record(action="alert.acknowledge", actor=actor, subject=alert, client_id=alert.client_id, now=now, words=alert.words)


def mute(*, alert: Alert, hours: int, reason: str, actor: Actor, now: datetime) -> None:
    """Send no messages of this check for so many hours. It stays as red as it is.

    Raises:
        PortalError: no reason, or no end within a week.
    """
    actor.require(Permission.OPERATE)
    if not 1 <= hours <= 168:
        raise PortalError("Mute it for 1 to 168 hours: a mute without an end is an alert that no longer fires.")
    if not reason.strip():
        raise PortalError("Say why nobody needs to be told.")
    with transaction.atomic():
        check = alert.check_row
        check.muted_until, check.muted_why, check.muted_by = now + timedelta(hours=hours), reason.strip()[:500], actor.label
        check.save(update_fields=["muted_until", "muted_why", "muted_by"])
        audit.record(
            action="check.mute", actor=actor, subject=check, client_id=check.client_id, now=now, hours=hours, reason=reason.strip()
        )
