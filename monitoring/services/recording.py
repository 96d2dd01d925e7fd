"""What looks said becomes checks, results and alerts: for many systems at once, in a handful of statements.

A check is made by the first look that sees its thing. It is never removed: what is not seen any more goes stale, and that is told.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from monitoring.choices import OPEN_ALERT_STATES, RANK, THRESHOLDS, AlertState, Kind, Level
from monitoring.models import Alert, Check
from monitoring.services.rules import Observation
from monitoring.services.states import State, is_flapping, step

# What was said counts for twice the interval, and a few seconds for the way.
STALE_AFTER = 2
SLACK = timedelta(seconds=10)
# What is believed after so few looks gets the next one sooner.
HURRIED = 3

_UPDATE = """
UPDATE monitoring_check c SET level = n.level, since = n.since, last_level = n.last_level, times = n.times, value = n.value,
    words = n.words, last_at = n.last_at, stale_at = n.stale_at, changes = n.changes::jsonb
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::int[], %s::float8[], %s::text[], %s::timestamptz[],
    %s::timestamptz[], %s::text[])
    AS n(id, level, since, last_level, times, value, words, last_at, stale_at, changes)
WHERE c.id = n.id
"""
_RESULTS = """
INSERT INTO monitoring_result (check_id, client_id, at, rank, value)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::smallint[], %s::float8[])
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one system: what it said of each thing, when, and in how many seconds the next one comes."""

    client_id: int
    system_id: int
    interval_s: int
    at: datetime
    observations: Sequence[Observation]


@transaction.atomic
def record(looks: Sequence[Look]) -> set[int]:
    """Keep looks at systems, each system at most once. Returns the systems of which something failed that is not confirmed yet.

    Locks the checks of these systems, in the order of their ids. A look that is older than what a check knows is left out: it was
    told twice, or late.
    """
    by_system = {look.system_id: look for look in looks}
    observed = {(system_id, one.kind, one.subject): one for system_id, look in by_system.items() for one in look.observations}
    rows: list[Check] = []
    for check in _checks(by_system):
        look, said = by_system[check.system_id], observed.get((check.system_id, Kind(check.kind), check.subject))
        if said is None or check.ended_at is not None or (check.last_at is not None and look.at <= check.last_at):
            continue
        after = step(state_of(check), said.level, at=look.at, confirm=THRESHOLDS[said.kind].confirm)
        apply(check, after)
        check.value = None if said.value is None else float(said.value)
        check.words, check.last_at = said.words[:500], look.at
        check.stale_at = look.at + STALE_AFTER * timedelta(seconds=said.interval_s or look.interval_s) + SLACK
        rows.append(check)
    write(rows)
    follow(rows, at=max((look.at for look in looks), default=None))
    return {row.system_id for row in rows if _is_failing(row)}


def state_of(check: Check) -> State:
    """A check's state as the rules take it."""
    return State(Level(check.level), check.since, Level(check.last_level), check.times, tuple(check.changes))


def write(rows: Sequence[Check]) -> None:
    """Write the states of checks and a result of each."""
    if not rows:
        return
    with connection.cursor() as cursor:
        columns = ("pk", "level", "since", "last_level", "times", "value", "words", "last_at", "stale_at")
        values: list[list[object]] = [[getattr(row, name) for row in rows] for name in columns]
        cursor.execute(_UPDATE, [*values, [json.dumps(list(row.changes)) for row in rows]])
        ranks = [RANK[Level(row.last_level)] for row in rows]
        cursor.execute(
            _RESULTS, [[r.pk for r in rows], [r.client_id for r in rows], [r.last_at for r in rows], ranks, [r.value for r in rows]]
        )


def follow(rows: Sequence[Check], *, at: datetime | None) -> None:
    """Open an alert for each check that is confirmed not to be in order, and close those of checks that are again.

    An alert of a check that flaps stays open: closing it would only write the next message.
    """
    if not rows or at is None:
        return
    open_alerts = {
        alert.check_row_id: alert for alert in Alert.objects.filter(check_row__in=[row.pk for row in rows], state__in=OPEN_ALERT_STATES)
    }
    new = []
    for row in rows:
        alert = open_alerts.get(row.pk)
        if row.level == Level.UP:
            if alert is not None and not is_flapping(row.changes, at=at):
                Alert.objects.filter(pk=alert.pk, state__in=OPEN_ALERT_STATES).update(state=AlertState.CLOSED, closed_at=at)
        elif row.level == Level.UNKNOWN and row.last_at is not None and row.times < THRESHOLDS[Kind(row.kind)].confirm:
            continue  # new, and nothing is confirmed yet
        elif alert is None:
            new.append(
                Alert(client_id=row.client_id, check_row=row, system_id=row.system_id, level=row.level, words=row.words, opened_at=at)
            )
        elif RANK[Level(row.level)] > RANK[Level(alert.level)]:
            # it is told once more: what was a warning may be read tomorrow
            Alert.objects.filter(pk=alert.pk).update(level=row.level, words=row.words, announced_at=None)
    Alert.objects.bulk_create(new, ignore_conflicts=True)


def _checks(by_system: dict[int, Look]) -> list[Check]:
    """All checks of these systems, locked; those that are new made first."""
    rows = Check.objects.filter(system__in=by_system).select_for_update(no_key=True).order_by("pk")
    there = list(rows)
    known = {(check.system_id, check.kind, check.subject) for check in there}
    new = [
        Check(
            client_id=look.client_id, system_id=system_id, kind=one.kind, subject=one.subject, since=look.at, stale_at=look.at
        )
        for system_id, look in by_system.items()
        for one in look.observations
        if (system_id, one.kind, one.subject) not in known
    ]  # fmt: skip
    if not new:
        return there
    Check.objects.bulk_create(new, ignore_conflicts=True)
    return list(rows.all())


def _is_failing(check: Check) -> bool:
    """Whether the next look decides. What is believed late on purpose is not hurried."""
    worse = RANK[Level(check.last_level)] > RANK[Level(check.level)]
    return worse and THRESHOLDS[Kind(check.kind)].confirm <= HURRIED


def apply(check: Check, state: State) -> None:
    """Give a check that is about to be written a state."""
    check.level, check.since, check.last_level = state.level, state.since, state.last_level
    check.times, check.changes = state.times, list(state.changes)
