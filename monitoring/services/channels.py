"""Channels: where messages go. What opens one is sealed; pages show what is not secret of it."""

import json
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import apprise
from django.db import transaction

from monitoring.choices import ChannelKind, DeliveryState, Level
from monitoring.models import Channel, Delivery, EscalationStep
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.vault.services import seal_for_portal, unseal_for_portal

# What Apprise would do on the portal's own machine.
_LOCAL = {"dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "syslog"}


def add(
    *, name: str, address: str, kind: str = ChannelKind.EMAIL, secret: str = "", next_channel: Channel | None = None,
    first: bool = True, person: User | None = None, quiet: tuple[time, time, str] | None = None, actor: Actor, now: datetime,
) -> Channel:  # fmt: skip
    """A place that messages go to.

    Args:
        address: of e-mail an address; of a webhook its URL; of Apprise one of its URLs.
        secret: of a webhook: what its messages are signed with.
        person: whose it is; messages for whoever is on duty go there, and others only where `first` says so.
        quiet: from, until and zone; only what is critical goes there in between.

    Raises:
        PortalError: a name that is taken, or an address that does not fit its kind.
    """
    actor.require(Permission.OPERATE)
    if Channel.objects.filter(name=name.strip()).exists() or not name.strip():
        raise PortalError("Give it a name that no other channel has.")
    shown, sealed = _address_of(kind, address.strip(), secret)
    if quiet and (quiet[2] not in available_timezones() or quiet[0] == quiet[1]):
        raise PortalError("Quiet hours have a beginning, another end, and a time zone such as Europe/Berlin.")
    with transaction.atomic():
        channel = Channel.objects.create(
            name=name.strip(), kind=kind, address=shown, sealed=sealed, next_channel=next_channel, first=first, person=person,
            quiet_from=quiet[0] if quiet else None, quiet_until=quiet[1] if quiet else None, quiet_zone=quiet[2] if quiet else "UTC",
            created_at=now, actor_label=actor.label,
        )  # fmt: skip
        audit.record(action="channel.add", actor=actor, subject=channel, client_id=None, now=now, kind=kind, address=shown)
    return channel


def _address_of(kind: str, address: str, secret: str) -> tuple[str, str]:
    """What pages show, and the sealed rest."""
    if kind == ChannelKind.EMAIL:
        if "@" not in address or any(character.isspace() for character in address):
            raise PortalError("Give an e-mail address.")
        return address, ""
    if kind == ChannelKind.WEBHOOK:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise PortalError("Give an address that begins with https://.")
        return f"{parts.scheme}://{parts.hostname}/…", seal_for_portal(json.dumps({"url": address, "secret": secret}))
    if kind == ChannelKind.APPRISE:
        scheme = address.partition("://")[0].lower()
        found = None if scheme in _LOCAL else apprise.Apprise.instantiate(address, suppress_exceptions=True)
        if found is None:
            raise PortalError(
                "Apprise does not know this address.", hint="Its documentation has one for each service, such as ntfys://host/topic."
            )
        shown = str(found.url(privacy=True))  # type: ignore[no-untyped-call]
        return shown[:500], seal_for_portal(json.dumps({"url": address}))
    raise PortalError("Choose how messages travel.")


def opened(channel: Channel) -> dict[str, str]:
    """What opens a channel, for sending.

    Raises:
        Unsealable: another master key, or a tampered row.
    """
    found: dict[str, str] = json.loads(unseal_for_portal(channel.sealed))
    return found


def end(*, channel: Channel, actor: Actor, now: datetime) -> None:
    """Send nothing there any more. Steps of the escalation that name it go with it."""
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        if Channel.objects.filter(pk=channel.pk, ended_at=None).update(ended_at=now):
            waiting = Delivery.objects.filter(channel=channel, state=DeliveryState.WAITING)
            waiting.update(state=DeliveryState.FAILED, trouble="The channel ended.")
            EscalationStep.objects.filter(channel=channel).delete()
            audit.record(action="channel.end", actor=actor, subject=channel, client_id=None, now=now)


def due_at(channel: Channel, level: str, *, now: datetime) -> datetime:
    """When a message may go there: at once, or when its quiet hours end."""
    if channel.quiet_from is None or channel.quiet_until is None or level == Level.CRITICAL:
        return now
    local = now.astimezone(ZoneInfo(channel.quiet_zone))
    ends = local.replace(hour=channel.quiet_until.hour, minute=channel.quiet_until.minute, second=0, microsecond=0)
    if ends <= local:
        ends += timedelta(days=1)
    over_night = channel.quiet_from > channel.quiet_until
    at = local.time()
    quiet = at >= channel.quiet_from or at < channel.quiet_until if over_night else channel.quiet_from <= at < channel.quiet_until
    return ends if quiet else now


def write(rows: list[tuple[Any, Channel, str, int]], *, now: datetime) -> None:
    """Write messages to be sent: alert, channel, event and round. One that was written before is left as it is."""
    Delivery.objects.bulk_create(
        [
            Delivery(
                client_id=alert.client_id, alert=alert, channel=channel, event=event, round=number,
                due_at=due_at(channel, alert.level, now=now), created_at=now,
            )
            for alert, channel, event, number in rows
        ],
        ignore_conflicts=True,
    )  # fmt: skip
