"""Rows that are a queue: due ones are taken together, and come again on a grid of their own."""

from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet

from monitoring.models import Inventory, Probe, Watch

Row = TypeVar("Row", Watch, Inventory, Probe)


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
    rows.model.objects.bulk_update(taken, ["due_at", "claimed_until"])
    return taken
