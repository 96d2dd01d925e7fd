"""Whether runbooks still work, as a check of monitoring: one that does not is told like everything else that broke."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from handover.choices import Outcome
from handover.models import Runbook
from handover.services.runbooks import REHEARSE_EVERY, last_rehearsals
from monitoring.choices import Kind, Level
from monitoring.models import Check
from monitoring.services.recording import Look, record
from monitoring.services.rules import Observation

# The task comes every quarter of an hour.
INTERVAL_S = 900
# Rehearsals come every month; one that is two months old says that they stopped.
STALE_AFTER = 2 * REHEARSE_EVERY


def say(*, now: datetime) -> int:
    """Record the check of every watched system of which a runbook was rehearsed once; returns how many."""
    watched = Runbook.objects.filter(
        system__client__ended_at=None, system__watch__ended_at=None, system__watch__isnull=False, ended_at=None
    ).select_related("system")
    by_system: dict[int, list[Any]] = defaultdict(list)
    for row in last_rehearsals(watched).order_by("system", "slug"):
        by_system[row.system_id].append(row)
    said_once = set(Check.objects.filter(kind=Kind.RUNBOOKS, ended_at=None).values_list("system_id", flat=True))
    looks = [
        Look(rows[0].client_id, system_id, INTERVAL_S, now, [observation(rows, now=now)])
        for system_id, rows in by_system.items()
        if system_id in said_once or any(row.rehearsed for row in rows)
    ]
    record(looks)
    return len(looks)


def observation(rows: Sequence[Any], *, now: datetime) -> Observation:
    """One that failed is a warning; nobody knows of those whose last rehearsal is too long ago. Never rehearsed ones are readiness's.

    Args:
        rows: a system's runbooks as `last_rehearsals` gives them.
    """
    failing = [row.title for row in rows if row.rehearsed == Outcome.FAILS]
    if failing:
        words = f"Does not work any more, by its last rehearsal: {', '.join(failing[:5])}{', …' * (len(failing) > 5)}."
        return Observation(Kind.RUNBOOKS, "", Level.WARNING, float(len(failing)), words)
    known = [row for row in rows if row.rehearsed]
    old = [row.title for row in known if row.rehearsed_at < now - STALE_AFTER]
    if old or not known:
        words = f"Not rehearsed for two months: {', '.join(old[:5])}." if old else "None was rehearsed as it is now."
        return Observation(Kind.RUNBOOKS, "", Level.UNKNOWN, None, words)
    return Observation(Kind.RUNBOOKS, "", Level.UP, 0.0, f"{len(known)} of {len(rows)} rehearsed, and they work.")
