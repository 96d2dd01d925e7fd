"""Business time: a table of hand-made cases, and what must hold always."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.clock.business import BusinessCalendar, add_days, add_hours, holidays_of, time_between

BERLIN = BusinessCalendar("Europe/Berlin", region="DE-BE")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2026-06-01T08:00", 4, "2026-06-01T12:00"),  # a Monday, 10:00 in Berlin
        ("2026-06-01T13:00", 4, "2026-06-02T09:00"),  # over the night
        ("2026-06-05T14:00", 2, "2026-06-08T08:00"),  # over the weekend
        ("2026-06-06T12:00", 1, "2026-06-08T08:00"),  # from a Saturday
        # Friday before the clock goes forward (2026-03-29): Monday's nine o'clock is 07:00 UTC, not 08:00
        ("2026-03-27T15:00", 2, "2026-03-30T08:00"),
        # Friday before it goes back (2026-10-25)
        ("2026-10-23T14:00", 2, "2026-10-26T09:00"),
        # Good Friday and Easter Monday
        ("2026-04-02T14:00", 2, "2026-04-07T08:00"),
        ("2026-06-01T08:00", 0, "2026-06-01T08:00"),
    ],
)
def test_hours_are_counted_within_working_time(start, hours, expected):
    assert add_hours(utc(start), timedelta(hours=hours), BERLIN) == utc(expected)


def test_days_end_with_the_work_of_the_last_one():
    assert add_days(utc("2026-03-27T15:00"), 1, BERLIN) == utc("2026-03-30T15:00")  # summer time by then
    assert add_days(utc("2026-04-02T08:00"), 1, BERLIN) == utc("2026-04-07T15:00")  # over Easter


def test_regions_differ_and_an_unknown_one_is_refused():
    epiphany = date(2026, 1, 6)
    assert epiphany in holidays_of("DE-BY", 2026)
    assert epiphany not in holidays_of("DE-BE", 2026)
    with pytest.raises(ValueError, match="no public holidays"):
        holidays_of("XX", 2026)


def test_a_calendar_without_work_is_refused():
    with pytest.raises(ValueError, match="no working"):
        add_hours(utc("2026-06-01T08:00"), timedelta(hours=1), BusinessCalendar("UTC", hours={}))
    with pytest.raises(ValueError, match="no working"):
        add_days(utc("2026-06-01T08:00"), 1, BusinessCalendar("UTC", hours={}))


calendars = st.builds(
    BusinessCalendar, zone=st.sampled_from(["Europe/Berlin", "America/New_York", "UTC", "Australia/Lord_Howe"]),
    hours=st.dictionaries(st.integers(0, 6), st.just((time(1), time(6))), min_size=1), region=st.sampled_from(["", "DE", "US"]),
)  # fmt: skip
# hypothesis takes naive limits and puts the zone on
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
amounts = st.timedeltas(timedelta(0), timedelta(hours=60))


@given(moments, amounts, amounts, calendars)
def test_waiting_in_two_parts_is_waiting_at_once(start, one, two, calendar):
    assert add_hours(add_hours(start, one, calendar), two, calendar) == add_hours(start, one + two, calendar)


@given(moments, amounts, calendars)
def test_more_time_never_ends_earlier_and_ends_at_work(start, amount, calendar):
    end = add_hours(start, amount, calendar)
    assert end >= start + amount
    assert end <= add_hours(start, amount + timedelta(minutes=1), calendar)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-27T15:00", "2026-03-30T08:00", 2),  # over the change to summer time: an hour on Friday, an hour on Monday
        ("2026-10-23T14:00", "2026-10-26T09:00", 2),  # and back: work ends at 15 UTC on Friday, begins at 8 UTC on Monday
        ("2026-05-01T06:00", "2026-05-01T20:00", 0),  # a holiday
        ("2026-07-04T06:00", "2026-07-05T20:00", 0),  # a weekend
        ("2026-07-06T07:00", "2026-07-06T07:00", 0),
        ("2026-07-07T07:00", "2026-07-06T07:00", 0),  # backwards is nothing
        ("2026-07-06T00:00", "2026-07-10T23:00", 40),
    ],
)
def test_time_between_two_moments_is_what_was_worked(start, end, hours):
    calendar = BusinessCalendar("Europe/Berlin", region="DE")
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end)]
    assert time_between(*moments, calendar) == timedelta(hours=hours)


def test_what_is_added_lies_between():
    calendar = BusinessCalendar("Europe/Berlin", region="DE-BY")
    start = datetime(2026, 3, 26, 11, 17, tzinfo=UTC)
    for minutes in range(0, 6000, 371):
        assert time_between(start, add_hours(start, timedelta(minutes=minutes), calendar), calendar) == timedelta(minutes=minutes)
