"""Maintenance windows: kept by operators, asked by rollouts, given out as a calendar."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from heapq import merge
from itertools import islice, repeat, takewhile

from django.db import transaction
from django.db.models import Q
from icalendar import Calendar, Event

from clients.models import Client, System
from maintenance.choices import WindowKind
from maintenance.models import MaintenanceWindow
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.clock.recurrence import Window, coming, occurrences
from portal.errors import PortalError

FEED_DAYS = 370


def add(
    *, client: Client, name: str, every: str, start: time, end: time, weekdays: Iterable[int] = (), day: int | None = None,
    ordinal: int | None = None, system: System | None = None, actor: Actor, now: datetime,
) -> MaintenanceWindow:  # fmt: skip
    """Open a recurring window for a client or one of its systems.

    Raises:
        PortalError: the recurrence is not whole: no weekday, no day of the month, start and end the same.
    """
    actor.require(Permission.OPERATE)
    if every not in WindowKind.values:
        raise PortalError("Choose how often the window comes.")
    days = sorted(set(weekdays))
    if start == end:
        raise PortalError("A window begins and ends at different times.")
    if every == WindowKind.WEEK and not days:
        raise PortalError("Choose at least one weekday.")
    if every == WindowKind.MONTH_DAY and day is None:
        raise PortalError("Name the day of the month, 1 to 31.", hint="In a shorter month the window is on its last day.")
    if every == WindowKind.MONTH_WEEKDAY and (len(days) != 1 or ordinal is None):
        raise PortalError("Choose one weekday, and which of the month it is.")
    with transaction.atomic():
        window = MaintenanceWindow.objects.create(
            client=client, system=system, name=name.strip() or "Maintenance", every=every, start=start, end=end,
            weekdays=days if every != WindowKind.MONTH_DAY else [], day=day if every == WindowKind.MONTH_DAY else None,
            ordinal=ordinal if every == WindowKind.MONTH_WEEKDAY else None, created_at=now, actor_label=actor.label,
        )  # fmt: skip
        audit.record(
            action="maintenance_window.add", actor=actor, subject=window, client_id=client.pk, now=now,
            system=system.name if system else "", every=every, weekdays=days, day=day, ordinal=ordinal, start=str(start), end=str(end),
        )  # fmt: skip
    return window


def end_window(*, window: MaintenanceWindow, actor: Actor, now: datetime) -> None:
    """Take a window out of use; what was planned by it stands in the trail."""
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        if MaintenanceWindow.objects.filter(pk=window.pk, ended_at=None).update(ended_at=now):
            audit.record(action="maintenance_window.end", actor=actor, subject=window, client_id=window.client_id, now=now)


def next_window(system: System, *, now: datetime) -> Window | None:
    """The window of a system that is open or comes next; its own windows take the place of the client's. None: there is none."""
    windows = list(
        MaintenanceWindow.objects.filter(client_id=system.client_id, ended_at=None).filter(Q(system=system) | Q(system=None))
    )
    own = [window for window in windows if window.system_id is not None] or windows
    zone = system.client.time_zone
    return coming([window.recurrence(zone) for window in own], after=now)


def upcoming(client: Client, *, now: datetime, count: int = 5) -> list[tuple[MaintenanceWindow, Window]]:
    """The next occurrences of a client's windows."""
    return list(islice(_merged(client, now), count))


def calendar_of(client: Client, *, now: datetime) -> bytes:
    """A year of a client's windows as iCalendar (RFC 5545), each occurrence by itself and in UTC, so that no reader of it has
    to agree with us about daylight saving."""
    calendar = Calendar()
    calendar.add("prodid", "-//Retainer//maintenance windows//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"Maintenance of {client}")
    until = now + timedelta(days=FEED_DAYS)
    for row, window in takewhile(lambda found: found[1].start < until, _merged(client, now)):
        event = Event()
        event.add("uid", f"window-{row.pk}-{window.start:%Y%m%dT%H%M}@retainer")
        event.add("dtstamp", row.created_at)
        event.add("dtstart", window.start)
        event.add("dtend", window.end)
        event.add("summary", f"Maintenance: {row.system or client} ({row.name})")
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _merged(client: Client, now: datetime) -> Iterable[tuple[MaintenanceWindow, Window]]:
    rows = MaintenanceWindow.objects.filter(client=client, ended_at=None).select_related("system").order_by("pk")
    streams = [zip(repeat(row), occurrences(row.recurrence(client.time_zone), after=now), strict=False) for row in rows]
    return merge(*streams, key=lambda found: (found[1].start, found[0].pk))
