"""Rows that are a queue: due ones are taken together, and come again on a grid of their own."""

from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import QuerySet
from psycopg.sql import SQL, Identifier

from monitoring.models import Inventory, Probe, Watch

Row = TypeVar("Row", Watch, Inventory, Probe)

# Not bulk_update: a WHEN for each row cost as much as the rest of the claim and its record together (benchmarks/sweep.py).
_HOLD = SQL("""
UPDATE {} t SET due_at = n.due_at, claimed_until = %s FROM unnest(%s::bigint[], %s::timestamptz[]) AS n(id, due_at) WHERE t.id = n.id
""")


@transaction.atomic
def claim(rows: QuerySet[Row], *, now: datetime, held: timedelta, most: int) -> list[Row]:
    """Take those that are due and that nobody holds, the longest overdue first.

    Args:
        rows: which may be taken at all.
        held: a claim runs out after so long: whoever died with it delays its rows no longer.
    """
    free = rows.filter(due_at__lte=now).exclude(claimed_until__gt=now)
    taken = list(free.select_for_update(skip_locked=True, of=("self",)).order_by("due_at", "pk")[:most])
    for row in taken:
        # what was late does not shift the ones after it, and what was missed is not made up for
        missed = max(0, int((now - row.due_at).total_seconds() // row.interval_s))
        row.due_at += timedelta(seconds=row.interval_s * (missed + 1))
        row.claimed_until = now + held
    if taken:
        with connection.cursor() as cursor:
            hold = _HOLD.format(Identifier(rows.model._meta.db_table))  # noqa: SLF001  # Django's documented door to it
            cursor.execute(hold, [now + held, [row.pk for row in taken], [row.due_at for row in taken]])
    return taken
