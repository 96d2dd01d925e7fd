"""What a reading of a backup amounts to: pure functions over what the host said and what earlier readings said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from backups.choices import Cause, Level, RestoreVerdict
from backups.parsers.facts import PartFacts
from backups.services.judging import hours, why
from backups.services.judging_files import sources_not_in

# So many snapshots of the same size and count are suspicious.
SAME = 7
# Of so many earlier snapshots the median is taken.
REMEMBERED = 14
_TIGHT, _FULL = 0.10, 0.03
_RETENTION_GRACE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Shape:
    """An earlier snapshot as a reading saw it: bytes and files of what was then the newest."""

    newest_at: datetime
    size_b: int
    files: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """How a backup stands between two restore tests."""

    level: Level
    cause: Cause
    findings: tuple[str, ...]


def judge_reading(
    *, exit_status: int, facts: PartFacts, sources: Sequence[str], recovery_point: timedelta, keep: timedelta | None,
    history: Sequence[Shape], locked_before: bool, at: datetime,
) -> Outlook:  # fmt: skip
    """Weigh one reading.

    Args:
        history: earlier snapshots, the newest first, each once.
        keep: no snapshot is to be older; None: not known.
        locked_before: whether the reading before this one saw a lock as well.
    """
    if exit_status == 40:
        return Outlook(Level.UNKNOWN, Cause.TOOL, ("The tool is not installed on the host.",))
    if exit_status == 46 or facts.snapshots_total == 0:
        return Outlook(Level.BAD, Cause.COVERAGE, ("There is no snapshot in the repository.",))
    if exit_status != 0:
        verdict, cause, words = why(exit_status, facts, loads=False)
        level = Level.UNKNOWN if verdict == RestoreVerdict.INCONCLUSIVE else Level.BAD
        return Outlook(level, cause, (words, f"The tool said: {facts.said}"))
    if facts.newest_at is None or facts.expected is None:
        return Outlook(Level.UNKNOWN, Cause.UNREAD, ("The host did not say how old and how large the newest snapshot is.",))
    bad = _bad(facts, sources, recovery_point, at)
    notes = [*_shape(facts, history), *_upkeep(facts, keep, at)]
    if facts.locks and locked_before:
        notes.append(f"{facts.locks} lock lies in the repository since the last look: old snapshots may never be removed.")
    level = Level.BAD if bad else Level.WARN if notes else Level.OK
    return Outlook(level, Cause.NONE, (*bad, *notes) or (f"The newest snapshot is {hours(at - facts.newest_at, small=True)} old.",))


def _bad(facts: PartFacts, sources: Sequence[str], recovery_point: timedelta, at: datetime) -> list[str]:
    problems = []
    age = at - (facts.newest_at or at)
    if age > recovery_point:
        problems.append(f"The newest snapshot is {hours(age)} old; promised are {hours(recovery_point)}.")
    problems += [f"{source} is not in the newest snapshot." for source in sources_not_in(facts, sources)]
    if facts.space and facts.space[1] and facts.space[0] / facts.space[1] < _FULL:
        problems.append(f"Where the repository lies, {facts.space[0] / facts.space[1]:.0%} of the room is left.")
    return problems


def _shape(facts: PartFacts, history: Sequence[Shape]) -> list[str]:
    size, files = facts.expected or (0, 0)
    earlier = [shape for shape in history if shape.newest_at != facts.newest_at][:REMEMBERED]
    notes = []
    if len(earlier) >= 3:
        usual_size, usual_files = median(one.size_b for one in earlier), median(one.files for one in earlier)
        if size * 2 < usual_size or files * 2 < usual_files:
            notes.append(f"It shrank: {size} bytes in {files} files, where {usual_size:.0f} in {usual_files:.0f} are usual.")
    if len(earlier) >= SAME - 1 and all((one.size_b, one.files) == (size, files) for one in earlier[: SAME - 1]):
        notes.append(f"The last {SAME} snapshots are of exactly the same size: does it still take what changes?")
    return notes


def _upkeep(facts: PartFacts, keep: timedelta | None, at: datetime) -> list[str]:
    notes = []
    if keep is not None and facts.oldest_at is not None and at - facts.oldest_at > keep + _RETENTION_GRACE:
        notes.append(f"The oldest snapshot is {hours(at - facts.oldest_at)} old, and none should be kept longer than {hours(keep)}.")
    if facts.space and facts.space[1] and _FULL <= facts.space[0] / facts.space[1] < _TIGHT:
        notes.append(f"Where the repository lies, {facts.space[0] / facts.space[1]:.0%} of the room is left.")
    return notes
