"""Pages of monitoring with 1,000 systems and 10,000 checks, as an operator's browser gets them; and what rolling up costs."""

import statistics
import time
from typing import Any

from benchmarks import ground

ROUNDS = 20
ADDRESSES = {
    "wall": "/wall/", "wall, renewed": "/wall/", "alerts": "/alerts/", "incidents": "/incidents/", "coverage": "/coverage/",
    "drills": "/drills/",
    "a system": "/systems/{system}/checks/", "a check": "/measured/{check}/", "over a quarter": "/measured/{check}/?span=quarter",
    "a client's status": "/clients/{client}/status/",
}  # fmt: skip
# Ten checks for each system; two days of results of each minute for the first hundred systems, and their roll-ups.
FILL = (
    """INSERT INTO monitoring_watch (client_id, system_id, interval_s, due_at, last_at, counters, looks, noted_on)
    SELECT client_id, id, 60, now(), now(), '{}', 0, current_date FROM clients_system""",
    """INSERT INTO monitoring_check (client_id, system_id, kind, subject, level, since, last_level, times, value, words, last_at,
        stale_at, changes, muted_why, muted_by, ended_why)
    SELECT s.client_id, s.id, k.kind, '', CASE WHEN s.id % 50 = 0 AND k.n = 3 THEN 'critical' ELSE 'up' END, now(), 'up', 9, 42,
        '42 % used.', now(), now() + interval '1 hour', '[]', '', '', ''
    FROM clients_system s, unnest(ARRAY['reach', 'cpu', 'load', 'memory', 'disk', 'inodes', 'units', 'clock', 'restart', 'service'])
        WITH ORDINALITY AS k(kind, n)""",
    """INSERT INTO monitoring_result (check_id, client_id, at, rank, value)
    SELECT c.id, c.client_id, now() - interval '1 minute' * m, 0, 40 + m % 9 FROM monitoring_check c, generate_series(0, 1439) m
    WHERE c.system_id <= (SELECT min(id) + 99 FROM clients_system)""",
    """INSERT INTO monitoring_alert (client_id, check_id, system_id, level, words, state, opened_at, acknowledged_by, steps)
    SELECT client_id, id, system_id, 'critical', words, 'open', now(), '', 0 FROM monitoring_check WHERE level = 'critical'""",
)


def main() -> None:
    """Measure and print."""
    with ground.portal():
        from django.db import connection
        from django.utils import timezone

        from benchmarks import fleet
        from monitoring.models import Check, Result, Rollup
        from monitoring.services import rollups
        from portal.accounts.scope import acting_for_all
        from tests import people

        fleet.fill(updates=1)
        with acting_for_all(), connection.cursor() as cursor:
            for statement in FILL:
                cursor.execute(statement)
            print(f"{Check.objects.count()} checks, {Result.objects.count()} results, as of a day of a hundred systems", flush=True)
            ground.analyze()
            took = _seconds(lambda: rollups.roll_up(now=timezone.now()))
            print(f"rolled up for the first time in {took:.1f} s: {Rollup.objects.count()} rows")
            ground.analyze()
            print(f"and five minutes later in {_seconds(lambda: rollups.roll_up(now=timezone.now())):.2f} s", flush=True)
            check = Check.objects.filter(kind="disk").order_by("system_id")[0]
            page = people.signed_in(people.make_operator())
        for name, address in ADDRESSES.items():
            url = address.format(system=check.system_id, check=check.pk, client=check.client_id)
            headers = {"HX-Request": "true"} if "renewed" in name else {}
            answer = page.get(url, headers=headers)
            times = sorted(_seconds(lambda url=url, headers=headers: page.get(url, headers=headers)) for _ in range(ROUNDS))
            median = statistics.median(times) * 1000
            print(f"{name:18} median {median:6.1f} ms   {len(answer.content) / 1024:.0f} KiB   {answer.status_code}", flush=True)


def _seconds(what: Any) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
