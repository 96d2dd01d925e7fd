"""How single results become something confirmed: pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitoring.choices import RANK, Level

# To be believed in order again, so many results in a row.
RECOVERY = 2
# Confirmed changes within this time make something flap.
FLAP_WITHIN = timedelta(hours=1)
FLAPS = 6


@dataclass(frozen=True, slots=True)
class State:
    """What is confirmed, and what the last results said.

    Args:
        level, since: confirmed, and since when.
        last_level, times: what the last result said, and how many in a row said the same.
        changes: when the confirmed level changed of late, the oldest first (seconds since 1970).
    """

    level: Level
    since: datetime
    last_level: Level
    times: int
    changes: tuple[float, ...] = ()


def step(state: State, said: Level, *, at: datetime, confirm: int) -> State:
    """The state after one more result.

    A change is confirmed once it was said often enough in a row: for the worse `confirm` times, for the better RECOVERY times. Of what
    was unknown anything that is not in order counts as worse: a new check is believed no sooner than an old one.
    """
    times = state.times + 1 if said == state.last_level else 1
    better = RANK[said] < RANK[state.level] and (said == Level.UP or state.level != Level.UNKNOWN)
    # what is believed at once is also believed in order at once: some things are looked at once a day
    needed = min(RECOVERY, confirm) if better else confirm
    changes = tuple(change for change in state.changes if change > (at - FLAP_WITHIN).timestamp())
    if said == state.level or times < needed:
        return State(state.level, state.since, said, times, changes)
    return State(said, at, said, times, (*changes, at.timestamp()))


def is_flapping(changes: Sequence[float], *, at: datetime) -> bool:
    """Whether it changed so often of late that a single change tells little."""
    return sum(change > (at - FLAP_WITHIN).timestamp() for change in changes) >= FLAPS
