"""Recurring windows: hand-made cases, and what must hold of every rule in every zone."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.clock.recurrence import Every, Recurrence, coming, moment_of, occurrences

BERLIN = "Europe/Berlin"
SUNDAY = frozenset({6})
ZONES = [BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"]


def weekly(start: str, end: str, days=SUNDAY, zone=BERLIN) -> Recurrence:
    return Recurrence(Every.WEEK, time.fromisoformat(start), time.fromisoformat(end), zone, weekdays=frozenset(days))


def first(rule: Recurrence, after: str, count: int = 1) -> list[tuple[str, str]]:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    return [(f"{w.start:%Y-%m-%d %H:%M}", f"{w.end:%Y-%m-%d %H:%M}") for w in islice(occurrences(rule, after=moment), count)]


@pytest.mark.parametrize(
    ("rule", "after", "expected"),
    [
        # winter and summer: the same wall time is another hour in UTC
        (weekly("02:00", "05:00"), "2026-01-05", [("2026-01-11 01:00", "2026-01-11 04:00")]),
        (weekly("02:00", "05:00"), "2026-07-06", [("2026-07-12 00:00", "2026-07-12 03:00")]),
        # 2026-03-29 02:00 does not exist in Berlin: it begins with the change, and lasts an hour less
        (weekly("02:30", "05:00"), "2026-03-23", [("2026-03-29 01:00", "2026-03-29 03:00")]),
        (weekly("01:00", "05:00"), "2026-03-23", [("2026-03-29 00:00", "2026-03-29 03:00")]),
        # a window that the change swallows does not occur that night
        (weekly("02:10", "02:50"), "2026-03-23", [("2026-04-05 00:10", "2026-04-05 00:50")]),
        # 2026-10-25 02:30 comes twice: the first one; it lasts an hour more
        (weekly("02:30", "05:00"), "2026-10-19", [("2026-10-25 00:30", "2026-10-25 04:00")]),
        # over midnight
        (weekly("22:00", "04:00", days={4}), "2026-06-01", [("2026-06-05 20:00", "2026-06-06 02:00")]),
        # one that is open counts
        (weekly("22:00", "04:00", days={4}), "2026-06-06T01:00", [("2026-06-05 20:00", "2026-06-06 02:00")]),
        (weekly("22:00", "04:00", days={4}), "2026-06-06T02:00", [("2026-06-12 20:00", "2026-06-13 02:00")]),
    ],
)
def test_weekly_windows(rule, after, expected):
    assert first(rule, after) == expected


def days_of(rule: Recurrence, after: str, count: int) -> list[str]:
    return [start[:10] for start, _ in first(rule, after, count)]


def test_day_31_falls_on_the_last_day_of_a_shorter_month():
    rule = Recurrence(Every.MONTH_DAY, time(1), time(2), "UTC", day=31)
    assert days_of(rule, "2027-01-01", 4) == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]
    assert days_of(rule, "2028-02-01", 1) == ["2028-02-29"]
    leap = Recurrence(Every.MONTH_DAY, time(1), time(2), "UTC", day=29)
    assert days_of(leap, "2027-02-01", 1) == ["2027-02-28"]


def test_the_second_and_the_last_tuesday():
    second = Recurrence(Every.MONTH_WEEKDAY, time(1), time(2), "UTC", weekdays=frozenset({1}), ordinal=2)
    last = Recurrence(Every.MONTH_WEEKDAY, time(1), time(2), "UTC", weekdays=frozenset({1}), ordinal=-1)
    assert days_of(second, "2026-12-01", 2) == ["2026-12-08", "2027-01-12"]
    assert days_of(last, "2026-12-01", 2) == ["2026-12-29", "2027-01-26"]


# hypothesis takes naive limits and puts the zone on
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
walls = st.times().map(lambda t: t.replace(second=0, microsecond=0, tzinfo=None))
rules = st.builds(
    Recurrence, every=st.just(Every.WEEK), start=walls, end=walls, zone=st.sampled_from(ZONES),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
) | st.builds(
    Recurrence, every=st.just(Every.MONTH_DAY), start=walls, end=walls, zone=st.sampled_from(ZONES), day=st.integers(1, 31)
)  # fmt: skip


@given(rules, moments)
def test_windows_come_in_order_do_not_overlap_and_end_after_the_moment(rule, after):
    found = list(islice(occurrences(rule, after=after), 6))
    assert all(window.start < window.end and window.end > after for window in found)
    assert all(earlier.end <= later.start for earlier, later in pairwise(found))
    assert all(window.end - window.start <= timedelta(hours=25) for window in found)


@given(rules, moments)
def test_every_window_starts_at_its_wall_time_or_where_the_clock_changed(rule, after):
    zone = ZoneInfo(rule.zone)
    for window in islice(occurrences(rule, after=after), 6):
        local = window.start.astimezone(zone)
        before = (window.start - timedelta(seconds=1)).astimezone(zone)
        assert local.time() == rule.start or before.utcoffset() != local.utcoffset()


@given(moments, st.integers(1, 31), walls)
def test_a_monthly_day_comes_in_every_month(after, day, start):
    """What a peer's list of 30-day months got wrong."""
    rule = Recurrence(Every.MONTH_DAY, start, start, "UTC", day=day)
    months = [(w.start.year, w.start.month) for w in islice(occurrences(rule, after=after), 15)]
    following = [(y + m // 12, m % 12 + 1) for y, m in months[:-1]]
    assert months[1:] == following


@given(st.dates(date(2020, 1, 1), date(2035, 1, 1)), walls, st.sampled_from(ZONES))
def test_a_wall_time_is_never_turned_into_an_earlier_one(day, wall, zone):
    local = moment_of(day, wall, zone).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert timedelta(0) <= local - datetime.combine(day, wall) <= timedelta(days=1)


def test_windows_that_touch_are_one_and_one_that_never_closes_is_cut():
    evening, night = weekly("20:00", "00:00", days={4}, zone="UTC"), weekly("00:00", "03:00", days={5}, zone="UTC")
    after = datetime(2026, 6, 1, tzinfo=UTC)
    window = coming([night, evening], after=after)
    assert (window.start, window.end) == (datetime(2026, 6, 5, 20, tzinfo=UTC), datetime(2026, 6, 6, 3, tzinfo=UTC))
    always = [weekly("00:00", "12:00", days=range(7)), weekly("12:00", "00:00", days=range(7))]
    assert timedelta(days=31) < coming(always, after=after).end - after < timedelta(days=40)
    assert coming([], after=after) is None


@given(st.lists(rules, min_size=1, max_size=4), moments)
def test_what_comes_next_is_no_later_than_each_rules_own_next(several, after):
    window = coming(several, after=after)
    assert window.end > after
    assert all(window.start <= next(occurrences(rule, after=after)).start for rule in several)
