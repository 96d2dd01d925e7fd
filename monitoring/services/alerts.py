"""Alerts: told once over each channel, tried again where that failed, and acknowledged by somebody with a name."""

import logging
import smtplib
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction

from monitoring.choices import OPEN_ALERT_STATES, AlertState, ChannelKind, DeliveryState, Event, Kind, Level
from monitoring.models import Alert, Channel, Check, Delivery, PlannedWork
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

logger = logging.getLogger(__name__)

# Between tries; after the last one the next channel takes over, while this one is still tried each quarter of an hour.
AGAIN = (timedelta(seconds=20), timedelta(minutes=1), timedelta(minutes=5))
LATER = timedelta(minutes=15)
CHUNK = 5000
# So many systems that are not reached at once have one cause. While others are just failing the message waits so long, and later
# ones join it for so long.
STORM = 5
STORM_WAITS = timedelta(seconds=60)
STORM_LASTS = timedelta(minutes=10)
# Messages that one task sends.
SENT_AT_ONCE = 100
# Systems that a message names.
NAMED = 30


@transaction.atomic
def announce(*, now: datetime) -> int:
    """Write the messages of alerts that nobody was told of and that are not muted; and of those that closed. Returns how many.

    Many systems that are not reached have one cause: one message tells of all of them. It waits, a minute at most, while others are
    just failing too.
    """
    # reached again, and this is as it was: now it is told by itself
    left = Alert.objects.filter(state__in=OPEN_ALERT_STATES, part_of__state=AlertState.CLOSED).exclude(check_row__kind=Kind.REACH)
    left.update(part_of=None, announced_at=None)
    channels = list(Channel.objects.filter(ended_at=None, first=True).order_by("pk"))
    told = list(_to_open(now=now)) if channels else []  # with no channel there is nobody to tell, which the pages say
    rows = [(alert, channel, Event.OPENED) for alert in told for channel in channels]
    closed = Delivery.objects.filter(event=Event.OPENED, alert__state=AlertState.CLOSED).exclude(
        alert__parts__state__in=OPEN_ALERT_STATES
    )
    closed = closed.exclude(alert__deliveries__event=Event.CLOSED).select_related("alert", "channel")
    rows += [(row.alert, row.channel, Event.CLOSED) for row in closed.order_by("pk")[:CHUNK]]
    Delivery.objects.bulk_create(
        [
            Delivery(client_id=alert.client_id, alert=alert, channel=channel, event=event, due_at=now, created_at=now)
            for alert, channel, event in rows
        ],
        ignore_conflicts=True,
    )
    return len(rows)


def _to_open(*, now: datetime) -> Iterator[Alert]:
    """The alerts that get a message of their own now; what another one tells of is marked as told."""
    new = Alert.objects.filter(state__in=OPEN_ALERT_STATES, announced_at=None).exclude(check_row__muted_until__gt=now)
    new = new.exclude(system__in=PlannedWork.objects.filter(starts_at__lte=now, ends_at__gt=now).values("system"))
    alerts = list(new.select_related("check_row").select_for_update(skip_locked=True, of=("self",)).order_by("pk")[:CHUNK])
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
        unreached = []
    told = [*unreached, *others]
    Alert.objects.filter(pk__in=[alert.pk for alert in told]).update(announced_at=now)
    yield from told


def _unexplained(alerts: list[Alert], *, now: datetime) -> list[Alert]:
    """Those of systems that are reached. Of the others the alert that they are not reached tells."""
    rows = Alert.objects.filter(
        system__in={alert.system_id for alert in alerts}, check_row__kind=Kind.REACH, state__in=OPEN_ALERT_STATES
    )
    away = {row.system_id: row.part_of_id or row.pk for row in rows}
    for alert in alerts:
        if alert.system_id in away:
            Alert.objects.filter(pk=alert.pk).update(part_of=away[alert.system_id], announced_at=now)
    return [alert for alert in alerts if alert.system_id not in away]


def _storm_of(now: datetime) -> Alert | None:
    """An alert that tells of many since a little while, and still stands."""
    rows = Alert.objects.filter(
        announced_at__gt=now - STORM_LASTS, part_of=None, parts__state__in=OPEN_ALERT_STATES, parts__check_row__kind=Kind.REACH
    )
    return rows.order_by("-announced_at").first()


def _failing(now: datetime) -> int:
    """How many systems were not reached by the last look, and will be told if the next one fails too."""
    return Check.objects.filter(kind=Kind.REACH, level=Level.UP, ended_at=None, stale_at__gt=now).exclude(last_level=Level.UP).count()


def send_due(*, now: datetime) -> int:
    """Send the messages that are due, one by one; returns how many arrived. A failure is kept with the message and tried again."""
    sent = 0
    for delivery_id in _claim(now):
        delivery = Delivery.objects.select_related("alert__system__client", "channel").get(pk=delivery_id)
        trouble = _send(delivery)
        if not trouble:
            Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.SENT, sent_at=now, trouble="")
            sent += 1
            continue
        Delivery.objects.filter(pk=delivery.pk).update(trouble=trouble[:500])
        if delivery.tries >= len(AGAIN):
            _fall_over(delivery, now=now)
        logger.warning("alert.not_sent", extra={"delivery": delivery.pk, "tries": delivery.tries})
    return sent


@transaction.atomic
def _claim(now: datetime) -> list[int]:
    """Due messages, each put off before it is tried: a worker that dies in between does not send it twice at once."""
    rows = Delivery.objects.filter(state=DeliveryState.WAITING, due_at__lte=now).order_by("due_at", "pk")
    claimed = list(rows.select_for_update(skip_locked=True)[:SENT_AT_ONCE])
    for row in claimed:
        row.due_at = now + (AGAIN[row.tries] if row.tries < len(AGAIN) else LATER)
        row.tries += 1
    Delivery.objects.bulk_update(claimed, ["due_at", "tries"])
    return [row.pk for row in claimed]


def _fall_over(delivery: Delivery, *, now: datetime) -> None:
    """Give the message to the next channel as well. This one is tried on: that it does not work is seen on the page."""
    following = delivery.channel.next_channel
    if following is not None and following.ended_at is None:
        values = {"client_id": delivery.client_id, "due_at": now, "created_at": now}
        Delivery.objects.get_or_create(alert=delivery.alert, channel=following, event=delivery.event, defaults=values)


def _send(delivery: Delivery) -> str:
    """Send one message; what went wrong, or nothing."""
    if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        return "No mail server is configured (EMAIL_HOST): nobody is told."
    subject, body = message_of(delivery.alert, delivery.event)
    try:
        EmailMessage(
            subject.replace("\n", " "), body, to=[delivery.channel.address], headers={"X-Retainer-Alert": str(delivery.alert_id)}
        ).send()
    except (OSError, smtplib.SMTPException) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def message_of(alert: Alert, event: str) -> tuple[str, str]:
    """Subject and text of an alert's message; of one that tells of many, all of them."""
    head = alert.get_level_display() if event == Event.OPENED else "In order again"
    system = f"{alert.system.client} · {alert.system}"
    parts = alert.parts.select_related("system__client").order_by("system__client__name", "system__name", "pk")
    names = list(dict.fromkeys([system, *(f"{part.system.client} · {part.system}" for part in parts)]))
    since = f"Since {alert.opened_at:%Y-%m-%d %H:%M:%S} UTC"
    if alert.closed_at:
        since += f", in order again since {alert.closed_at:%Y-%m-%d %H:%M:%S} UTC"
    address = f"{settings.PORTAL_URL}/alerts/{alert.pk}/"
    if len(names) == 1:
        return f"[{head}] {system}: {alert.check_row}", "\n".join([system, f"{alert.check_row}: {alert.words}", since, "", address])
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    cause = "Together, so look first for one cause: the network between the portal and them, or the portal itself."
    subject = f"[{head}] {len(names)} systems: {alert.check_row}"
    return subject, "\n".join([f"{alert.check_row}: {alert.words}", cause, since, "", *names[:NAMED], *more, "", address])


def acknowledge(*, alert: Alert, actor: Actor, now: datetime) -> None:
    """Say that somebody is on it.

    Raises:
        PortalError: it is closed, or somebody is on it already.
    """
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        changed = Alert.objects.filter(pk=alert.pk, state=AlertState.OPEN).update(
            state=AlertState.ACKNOWLEDGED, acknowledged_at=now, acknowledged_by=actor.label
        )
        if not changed:
            raise PortalError("This alert is closed, or somebody is on it already.", hint="Look at it again.")
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


def add_channel(
    *, name: str, address: str, next_channel: Channel | None = None, first: bool = True, actor: Actor, now: datetime
) -> Channel:
    """A place that messages go to.

    Raises:
        PortalError: a name that is taken, or no address.
    """
    actor.require(Permission.OPERATE)
    if "@" not in address or any(character.isspace() for character in address):
        raise PortalError("Give an e-mail address.")
    if Channel.objects.filter(name=name.strip()).exists() or not name.strip():
        raise PortalError("Give it a name that no other channel has.")
    with transaction.atomic():
        channel = Channel.objects.create(
            name=name.strip(),
            kind=ChannelKind.EMAIL,
            address=address,
            next_channel=next_channel,
            first=first,
            created_at=now,
            actor_label=actor.label,
        )
        audit.record(action="channel.add", actor=actor, subject=channel, client_id=None, now=now, address=address)
    return channel


def end_channel(*, channel: Channel, actor: Actor, now: datetime) -> None:
    """Send nothing there any more."""
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        if Channel.objects.filter(pk=channel.pk, ended_at=None).update(ended_at=now):
            Delivery.objects.filter(channel=channel, state=DeliveryState.WAITING).update(
                state=DeliveryState.FAILED, trouble="The channel ended."
            )
            audit.record(action="channel.end", actor=actor, subject=channel, client_id=None, now=now)
