"""Business time: adding working hours to a moment on a client's calendar. Moments in and out are UTC; days are the zone's."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from portal.clock.recurrence import moment_of

_FIVE_DAYS: Mapping[int, tuple[time, time]] = {day: (time(9), time(17)) for day in range(5)}
# Ten years without a working hour is a calendar without any.
_GIVE_UP = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """When somebody works.

    Args:
        zone: an IANA name.
        hours: weekday (Monday is 0) to the wall times between which that day's work lies; a missing day is free.
        region: country, or country and subdivision, whose public holidays are free (`DE`, `DE-BY`); empty has none.
        closed: further free days.
    """

    zone: str
    hours: Mapping[int, tuple[time, time]] = field(default_factory=lambda: dict(_FIVE_DAYS))
    region: str = ""
    closed: Set[date] = frozenset()

    def span(self, day: date) -> tuple[datetime, datetime] | None:
        """The working time of a day, None on a free one."""
        wall = self.hours.get(day.weekday())
        if wall is None or day in self.closed or (self.region and day in holidays_of(self.region, day.year)):
            return None
        start, end = (moment_of(day, at, self.zone) for at in wall)
        return (start, end) if start < end else None


@lru_cache(maxsize=256)
def holidays_of(region: str, year: int) -> frozenset[date]:
    """The public holidays of a region in a year, by the `holidays` library.

    Raises:
        ValueError: a region that the library does not know.
    """
    country, _, subdivision = region.partition("-")
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
    except NotImplementedError as error:
        raise ValueError(f"no public holidays are known for {region}") from error


def add_hours(start: datetime, amount: timedelta, calendar: BusinessCalendar) -> datetime:
    """The moment at which so much working time has passed since `start`.

    Raises:
        ValueError: a negative amount, or a calendar without working time in ten years.
    """
    if amount < timedelta(0):
        raise ValueError("business time is not counted backwards")
    day, left = start.astimezone(ZoneInfo(calendar.zone)).date(), amount
    until = day + _GIVE_UP
    while day < until:
        span = calendar.span(day)
        if span is not None:
            opened = max(start, span[0])
            if opened < span[1]:
                if opened + left <= span[1]:
                    return opened + left
                left -= span[1] - opened
        day += timedelta(days=1)
    raise ValueError("this calendar has no working time")


def end_of_day(start: datetime, calendar: BusinessCalendar) -> datetime:
    """The end of work of the day on which it is `start`; after it, or on a free day, that of the next working day.

    Raises:
        ValueError: a calendar without working time in ten years.
    """
    day = start.astimezone(ZoneInfo(calendar.zone)).date()
    until = day + _GIVE_UP
    while day < until:
        span = calendar.span(day)
        if span is not None and start < span[1]:
            return span[1]
        day += timedelta(days=1)
    raise ValueError("this calendar has no working time")


def time_between(start: datetime, end: datetime, calendar: BusinessCalendar) -> timedelta:
    """How much working time lies between two moments; none where the second is not after the first."""
    zone = ZoneInfo(calendar.zone)
    day, last, total = start.astimezone(zone).date(), end.astimezone(zone).date(), timedelta()
    while day <= last:
        span = calendar.span(day)
        if span is not None:
            total += max(timedelta(), min(end, span[1]) - max(start, span[0]))
        day += timedelta(days=1)
    return total


def add_days(start: datetime, days: int, calendar: BusinessCalendar) -> datetime:
    """The end of work on the last of so many working days; the day of `start` itself does not count.

    Raises:
        ValueError: no day to add, or a calendar without working days in ten years.
    """
    if days < 1:
        raise ValueError("at least one working day")
    day = start.astimezone(ZoneInfo(calendar.zone)).date()
    until = day + _GIVE_UP + timedelta(days=2 * days)
    while day < until:
        day += timedelta(days=1)
        span = calendar.span(day)
        if span is not None:
            days -= 1
            if days == 0:
                return span[1]
    raise ValueError("this calendar has no working days")
