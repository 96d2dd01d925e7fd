"""Windows that recur by a client's wall clock, as moments in UTC.

Wall times are turned into moments by the zone's rules: a time that a change to summer time leaves out is the moment of the
change itself, one that a change back repeats is the first of the two. A window's end is a wall time too ("we work until five"),
so on the nights of a change it lasts an hour less or more. A month without the named day has its window on its last day.
"""

import calendar
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from zoneinfo import ZoneInfo


class Every(enum.StrEnum):
    """How a window recurs."""

    WEEK = "week"
    MONTH_DAY = "month_day"
    MONTH_WEEKDAY = "month_weekday"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A recurring window.

    Args:
        every: `week` on `weekdays`; `month_day` on day `day`; `month_weekday` on the `ordinal`th of `weekdays` in each month.
        weekdays: Monday is 0.
        day: 1 to 31; in a month that is shorter, its last day.
        ordinal: 1 to 4, or -1 for the last.
        start, end: wall times; an end that is not after the start is on the next day.
        zone: an IANA name.
    """

    every: Every
    start: time
    end: time
    zone: str
    weekdays: frozenset[int] = frozenset()
    day: int = 0
    ordinal: int = 0

    def falls_on(self, day: date) -> bool:
        """Whether a window starts on this day of the zone's calendar."""
        if self.every is Every.WEEK:
            return day.weekday() in self.weekdays
        length = calendar.monthrange(day.year, day.month)[1]
        if self.every is Every.MONTH_DAY:
            return day.day == min(self.day, length)
        if day.weekday() not in self.weekdays:
            return False
        return day.day + 7 > length if self.ordinal == -1 else (day.day - 1) // 7 + 1 == self.ordinal


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One occurrence, in UTC; its end is not part of it."""

    start: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies within."""
        return self.start <= moment < self.end


def moment_of(day: date, wall: time, zone: str) -> datetime:
    """A wall time as a moment in UTC: the first of two, and the moment of the change for one that does not exist."""
    naive = datetime.combine(day, wall)
    local = naive.replace(tzinfo=ZoneInfo(zone))
    moment = local.astimezone(UTC)
    if moment.astimezone(local.tzinfo).replace(tzinfo=None) == naive:
        return moment
    # Within a gap the offset before the change puts us after it by as much as we are in it (PEP 495, fold=0).
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    if before is None or after is None:
        raise ValueError(f"{zone} has no offset at {naive}")
    return _change_within(moment - (after - before) - timedelta(hours=3), moment + timedelta(hours=3), local)


def _change_within(low: datetime, high: datetime, local: datetime) -> datetime:
    """The moment between two at which the zone's offset changes, to the second."""
    offset = low.astimezone(local.tzinfo).utcoffset()
    while high - low > timedelta(milliseconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(local.tzinfo).utcoffset() == offset else (low, middle)
    return high.replace(microsecond=0)


def occurrences(rule: Recurrence, *, after: datetime) -> Iterator[Window]:
    """The windows that end after a moment, in order, without end. One that a change of the clock swallows does not occur."""
    # two days back: a window of up to a day that began then may still be open, whatever the zone
    day = after.astimezone(ZoneInfo(rule.zone)).date() - timedelta(days=2)
    while day < date.max - timedelta(days=2):
        if rule.falls_on(day):
            last = day + timedelta(days=1) if rule.end <= rule.start else day
            window = Window(moment_of(day, rule.start, rule.zone), moment_of(last, rule.end, rule.zone))
            if window.start < window.end and window.end > after:
                yield window
        day += timedelta(days=1)


def coming(rules: Iterable[Recurrence], *, after: datetime) -> Window | None:
    """The window of several rules that is open or comes next; windows that touch are one. None where there is no rule.

    One that never closes is cut a month after its beginning.
    """
    streams = [occurrences(rule, after=after) for rule in rules]
    found: Window | None = None
    for window in merge(*streams):
        if found is None:
            found = window
        elif window.start > found.end or found.end - found.start > timedelta(days=31):
            break
        else:
            found = Window(found.start, max(found.end, window.end))
    return found
