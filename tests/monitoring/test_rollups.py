"""Years of results: rolled up honestly, forecasts, and what pages count."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from monitoring.models import Result, RolledUp, Rollup
from monitoring.queries.status import availability
from monitoring.services import rollups
from monitoring.services.forecast import full_at
from portal.errors import constraint_name
from tests import people

pytestmark = pytest.mark.django_db
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture
def check(system):
    people.make_watch(system)
    check = people.make_check(system, kind="reach", subject="")
    type(check).objects.filter(pk=check.pk).update(last_at=NOON, stale_at=NOON + timedelta(seconds=130))
    return check


def results(check, *ranks: int, start=NOON, value=10.0):
    """A result a minute; 9: none."""
    Result.objects.bulk_create(
        [
            Result(check_row=check, client_id=check.client_id, at=start + timedelta(minutes=number), rank=rank, value=value + number)
            for number, rank in enumerate(ranks)
            if rank != 9
        ]
    )


def rolled(check, step=300):
    RolledUp.objects.all().delete()
    rollups.roll_up(now=NOON + timedelta(hours=1))
    rows = Rollup.objects.filter(check_row=check, step=step, at__gte=NOON - timedelta(hours=1)).order_by("at")
    return [(int((row.at - NOON).total_seconds() // 60), round(row.up_s), round(row.down_s)) for row in rows]


def test_five_minutes_hours_and_days_say_for_how_long_it_was_up_and_down(check):
    results(check, 0, 0, 0, 0, 0, 3, 3, 0, 0, 1, 2, 2, 0, 0, 0)
    assert rolled(check) == [(0, 300, 0), (5, 180, 120), (10, 180, 0), (15, 70, 0)], "the last result counts until it goes stale"
    day = Rollup.objects.get(check_row=check, step=86_400)
    assert (round(day.up_s), round(day.down_s), day.values_n, day.low, day.high) == (730, 120, 15, 10.0, 24.0)
    assert Rollup.objects.get(check_row=check, step=3600).at == NOON


def test_rolled_up_twice_it_is_the_same(check):
    results(check, *[0] * 30)
    first = rolled(check)
    rollups.roll_up(now=NOON + timedelta(hours=1, minutes=5))
    rollups.roll_up(now=NOON + timedelta(hours=1, minutes=5))
    assert rolled(check) == first


def test_a_worker_that_was_paused_for_ten_minutes_is_a_gap_and_no_uptime(check):
    results(check, 0, 0, 0, 0, 0, *[9] * 10, 0, 0, 0, 0, 0)
    assert rolled(check) == [(0, 300, 0), (5, 70, 0), (15, 300, 0), (20, 70, 0)]


def test_with_all_workers_stopped_the_reported_uptime_does_not_rise(check, system):
    results(check, *[0] * 10, 3, 3)
    rolled(check)

    def uptime(at):
        (line,) = availability([system], now=at)
        return line.up_s, line.percent

    before = uptime(NOON + timedelta(hours=1))
    rollups.roll_up(now=NOON + timedelta(hours=9))
    assert uptime(NOON + timedelta(hours=9)) == before
    assert before[1] < 90


def test_something_that_is_asked_once_an_hour_counts_for_two(check):
    type(check).objects.filter(pk=check.pk).update(last_at=NOON, stale_at=NOON + timedelta(seconds=7210))
    results(check, 0)
    assert sum(up for _, up, _ in rolled(check)) == 3600, "until now"


def test_bars_of_ninety_days_are_counted_honestly(check, system):
    today = NOON.replace(hour=0)
    for days, up, down in ((1, 86_400, 0), (2, 80_000, 6_400), (3, 10_000, 0), (4, 0, 0)):
        Rollup.objects.create(
            check_row=check, client_id=check.client_id, step=86_400, at=today - timedelta(days=days), values_n=1, up_s=up, down_s=down
        )
    (line,) = availability([system], now=NOON)
    levels = {bar.day: bar.level for bar in line.bars}
    assert [levels[(today - timedelta(days=days)).date()] for days in (1, 2, 3, 4, 5)] == ["ok", "bad", "unknown", "unknown", "unknown"]
    assert line.percent == pytest.approx(100 * 176_400 / 182_800)
    assert len(line.bars) == 90


def test_the_database_holds_no_more_seconds_than_there_are(check):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Rollup.objects.create(check_row=check, client_id=check.client_id, step=300, at=NOON, values_n=0, up_s=200, down_s=200)
    assert constraint_name(error.value) == "rollup_seconds_fit"


def test_partitions_are_made_ahead_and_dropped(check):
    def names() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT relname FROM pg_class WHERE relname ~ '^monitoring_rollup_(5m|1h|1d)_[0-9]{8}$' AND relkind = 'r'")
            return {row[0] for row in cursor.fetchall()}

    before = names()
    for _ in range(2):
        rollups.roll_up(now=NOON + timedelta(days=200))
    after = names()
    assert {name for name in before if "_5m_" in name} - after, "five minutes of long ago"
    assert {name for name in before if "_1d_" in name} <= after, "days are kept for years"


def points(*values: float, hours: float = 1):
    return [(NOON + timedelta(hours=hours * number), value) for number, value in enumerate(values)]


def test_when_a_disk_will_be_full():
    growing = points(*[50 + number for number in range(24)])
    assert full_at(growing) == NOON + timedelta(hours=50)
    assert full_at(points(*[50.0] * 24)) is None
    assert full_at(points(*[90 - number for number in range(24)])) is None
    assert full_at(points(50, 60, 70)) is None, "too early to tell"
    assert full_at(points(*[50 + number / 1000 for number in range(24)])) is None, "not within a year"
    assert full_at(points(*[99 + number for number in range(24)])) == growing[-1][0]
