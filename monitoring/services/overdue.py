"""What was not looked at in time is unknown, and that is told as well.

This runs on another worker than the looks: whoever stopped looking can't be the one to say so. Where a system is not reached, its
other checks are unknown for that reason, and only one alert says so.
"""

from datetime import datetime

from django.db import transaction

from monitoring.choices import THRESHOLDS, Kind, Level
from monitoring.models import Check
from monitoring.services.recording import apply, follow, state_of, write
from monitoring.services.states import State

# At once, so that a fleet that nobody looks at any more is told within a minute.
CHUNK = 5000


def mark(*, now: datetime) -> int:
    """Turn every check that went stale into unknown, with an alert; returns how many."""
    with transaction.atomic():
        rows = Check.objects.filter(ended_at=None, stale_at__lte=now, system__client__ended_at=None).exclude(level=Level.UNKNOWN)
        checks = list(rows.select_for_update(no_key=True, skip_locked=True).order_by("pk")[:CHUNK])
        for check in checks:
            before = state_of(check)
            state = State(Level.UNKNOWN, now, Level.UNKNOWN, THRESHOLDS[Kind(check.kind)].confirm, (*before.changes, now.timestamp()))
            apply(check, state)
            check.value, check.words, check.last_at = None, "Not looked at in time.", now
        write(checks)
        away = _away({check.system_id for check in checks})
        follow([check for check in checks if check.kind == Kind.REACH or check.system_id not in away], at=now)
    return len(checks)


def _away(systems: set[int]) -> set[int]:
    """Those that are not reached or not looked at: their own alert says so, and why everything else of them is unknown."""
    rows = Check.objects.filter(system__in=systems, kind=Kind.REACH, drill=False, ended_at=None).exclude(level=Level.UP)
    return set(rows.values_list("system_id", flat=True))
