"""Business calendars of clients: the one in force at a moment, and a new version of it. A version is never changed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

from django.db import transaction

from clients.models import BusinessHours, Client
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.clock.business import BusinessCalendar, end_of_day, holidays_of
from portal.errors import PortalError

WEEKDAYS = range(7)


def version_of(client: Client, *, at: datetime) -> BusinessHours | None:
    """The version in force at a moment; None: five days from nine to five in the client's zone, without holidays."""
    return BusinessHours.objects.filter(client=client, since__lte=at).order_by("-since").first()


def calendar_of(client: Client, *, at: datetime) -> BusinessCalendar:
    """What the clock takes for a client at a moment."""
    return calendar_from(version_of(client, at=at), client)


def calendar_from(version: BusinessHours | None, client: Client) -> BusinessCalendar:
    """What the clock takes for a version, or for none."""
    if version is None:
        return BusinessCalendar(client.time_zone)
    hours = {int(day): (time.fromisoformat(start), time.fromisoformat(end)) for day, (start, end) in version.hours.items()}
    return BusinessCalendar(version.zone, hours, version.region, frozenset(version.closed))


def set_calendar(
    *, client: Client, hours: Mapping[int, tuple[time, time]], region: str, closed: Sequence[date], actor: Actor, now: datetime
) -> BusinessHours:
    """A new version from now on. What was promised before stays promised by the version before.

    Args:
        hours: weekday (Monday is 0) to when work begins and ends; a missing day is free.

    Raises:
        PortalError: no working time, an end before its beginning, or a region whose holidays nobody knows.
    """
    actor.require(Permission.OPERATE)
    for day, (start, end) in hours.items():
        if day not in WEEKDAYS or start >= end:
            raise PortalError("A day's work ends after it begins.", hint="Leave both fields of a free day empty.")
    if region:
        try:
            holidays_of(region, now.year)
        except ValueError as error:
            raise PortalError(f"No public holidays are known for “{region}”.", hint="Write DE, or DE-BY for a part.") from error
    try:
        end_of_day(now, BusinessCalendar(client.time_zone, hours, region, frozenset(closed)))
    except ValueError as error:
        raise PortalError("This calendar has no working time.") from error
    with transaction.atomic():
        version = BusinessHours.objects.create(
            client=client, since=now, zone=client.time_zone, region=region, closed=sorted(set(closed)), actor_label=actor.label,
            hours={str(day): [f"{start:%H:%M}", f"{end:%H:%M}"] for day, (start, end) in sorted(hours.items())},
        )  # fmt: skip
        audit.record(
            action="calendar.change", actor=actor, subject=version, client_id=client.pk, now=now, hours=version.hours, region=region,
            closed=[day.isoformat() for day in version.closed],
        )  # fmt: skip
    return version
