"""Results rolled up to five minutes, hours and days, so that years fit and charts are fast. Told twice it is the same."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from monitoring.models import RolledUp

FIVE_MINUTES, HOUR, DAY = 300, 3600, 86_400
# A look may be recorded a little late: the last ones are rolled up again.
AGAIN = timedelta(minutes=15)
# At once, so that a portal that was off for weeks does not begin with one endless statement.
MOST = timedelta(days=1)

# Check by check, so that of each only what reaches into this time is read. How long a result counts: until the next one, and no
# longer than until its check would have gone stale. Nobody knows of the rest.
_FROM_RESULTS = """
INSERT INTO monitoring_rollup (step, check_id, client_id, at, values_n, total, low, high, up_s, down_s)
SELECT 300, check_id, client_id, bucket, count(own), sum(own), min(own), max(own),
    least(300, coalesce(sum(seconds) FILTER (WHERE rank IN (0, 1)), 0)),
    least(300 - least(300, coalesce(sum(seconds) FILTER (WHERE rank IN (0, 1)), 0)), coalesce(sum(seconds) FILTER (WHERE rank = 3), 0))
FROM (
    SELECT r.check_id, r.client_id, r.rank, b.bucket, CASE WHEN r.at >= b.bucket THEN r.value END AS own,
        extract(epoch FROM least(r.until, b.bucket + interval '300 s') - greatest(r.at, b.bucket)) AS seconds
    FROM (
        SELECT c.id AS check_id, c.client_id, one.at, one.rank, one.value, one.until
        FROM monitoring_check c CROSS JOIN LATERAL (
            SELECT r.at, r.rank, r.value, least(lead(r.at) OVER (ORDER BY r.at), r.at + (c.stale_at - c.last_at), %(until)s) AS until
            FROM monitoring_result r
            WHERE r.check_id = c.id AND r.at >= %(since)s - interval '3 hours' AND r.at < %(until)s
                AND r.at >= %(since)s - (c.stale_at - c.last_at)
        ) one
        WHERE NOT c.drill AND c.last_at IS NOT NULL
    ) r
    CROSS JOIN LATERAL generate_series(
        date_bin('300 s', greatest(r.at, %(since)s), 'epoch'), greatest(r.at, r.until - interval '1 us'), interval '300 s') AS b(bucket)
    WHERE r.until > %(since)s AND b.bucket >= %(since)s AND b.bucket < %(until)s
) spread
GROUP BY check_id, client_id, bucket
ON CONFLICT (step, check_id, at) DO UPDATE SET values_n = EXCLUDED.values_n, total = EXCLUDED.total, low = EXCLUDED.low,
    high = EXCLUDED.high, up_s = EXCLUDED.up_s, down_s = EXCLUDED.down_s
"""
_FROM_FINER = """
INSERT INTO monitoring_rollup (step, check_id, client_id, at, values_n, total, low, high, up_s, down_s)
SELECT %(step)s, check_id, client_id, date_bin(%(span)s, at, 'epoch'), sum(values_n), sum(total), min(low), max(high), sum(up_s),
    sum(down_s)
FROM monitoring_rollup WHERE step = %(finer)s AND at >= %(since)s AND at < %(until)s
GROUP BY check_id, client_id, date_bin(%(span)s, at, 'epoch')
ON CONFLICT (step, check_id, at) DO UPDATE SET values_n = EXCLUDED.values_n, total = EXCLUDED.total, low = EXCLUDED.low,
    high = EXCLUDED.high, up_s = EXCLUDED.up_s, down_s = EXCLUDED.down_s
"""


def roll_up(*, now: datetime) -> None:
    """Roll up what came since the last time: five minutes from results, hours and days from what is finer, the unfinished ones too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT retainer_rollup_partitions(%s)", [now.astimezone(UTC).date()])
    _step(FIVE_MINUTES, _FROM_RESULTS, now=now)
    _step(HOUR, _FROM_FINER, finer=FIVE_MINUTES, now=now)
    _step(DAY, _FROM_FINER, finer=HOUR, now=now)


@transaction.atomic
def _step(step: int, statement: str, *, now: datetime, finer: int = 0) -> None:
    """One size. The row of the step is locked: two workers do not do the same at once."""
    until = now if finer else floor(now, step)
    row, _ = RolledUp.objects.select_for_update().get_or_create(step=step, defaults={"until": floor(now - MOST, step)})
    since = floor(row.until - AGAIN, step)
    until = min(until, since + AGAIN + MOST * (30 if finer else 1))
    if until <= since:
        return
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"since": since, "until": until, "step": step, "finer": finer, "span": timedelta(seconds=step)}
        cursor.execute(statement, values)
    RolledUp.objects.filter(step=step).update(until=until)


def floor(at: datetime, step: int) -> datetime:
    """The beginning of the step in which a moment lies, in UTC."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % step, UTC)
