"""The facts of retainer-restore, read strictly: what is missing or unreadable is never guessed."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime


class UnreadableFacts(Exception):
    """A fact is not what retainer-restore writes; the message names it."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of a test: its exit status, and how long it took in seconds."""

    name: str
    exit_status: int
    seconds: float


@dataclass(slots=True)
class Facts:
    """What a restore test found. None: not read, because the test did not get that far.

    Args:
        snapshot: id and time of the one that was restored.
        paths: what that snapshot says it holds.
        newest_at: of the newest snapshot there.
        locks: locks that lie in the repository.
        expected, restored: bytes and files, by the snapshot's own list and as they came back.
        room: bytes needed and free, files needed and inodes free (0: the file system counts none).
        sources: source to how many files of it came back.
        sample: how many were the same as the live file, changed since, gone since, and different though unchanged.
        differs, absent: names, the first few.
        missing: files that lay in a source before the snapshot and did not come back.
        verifier: what became of the repositories that were broken on purpose; empty where it was not reached.
        read: the part of all data that was read, and whether it was sound.
        said: the last words of what failed.
    """

    tool_version: str = ""
    phases: list[Phase] = field(default_factory=list)
    snapshot: tuple[str, datetime] | None = None
    paths: tuple[str, ...] | None = None
    snapshots_total: int | None = None
    newest_at: datetime | None = None
    locks: int | None = None
    expected: tuple[int, int] | None = None
    restored: tuple[int, int] | None = None
    room: tuple[int, int, int, int] | None = None
    sources: dict[str, int] = field(default_factory=dict)
    live_gone: list[str] = field(default_factory=list)
    sample: tuple[int, int, int, int] | None = None
    sample_hash: str = ""
    differs: list[str] = field(default_factory=list)
    missing: int | None = None
    absent: list[str] = field(default_factory=list)
    modes: tuple[int, str] | None = None
    verifier: str = ""
    read: tuple[str, bool] | None = None
    unusable: str = ""
    said: str = ""

    def seconds(self, name: str) -> float | None:
        """How long a phase took; None where it was not reached."""
        return next((phase.seconds for phase in self.phases if phase.name == name), None)


def parse_facts(rows: Sequence[tuple[str, str]]) -> Facts:
    """Read (name, value) rows as retainer-restore writes them.

    Raises:
        UnreadableFacts: a name that it does not write, or a value that is not of its form.
    """
    facts = Facts()
    for name, value in rows:
        reader = _READERS.get(name)
        if reader is None:
            raise UnreadableFacts(f"an unknown fact {name[:40]!r}")
        try:
            reader(facts, value)
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise UnreadableFacts(f"{name}: {value[:120]!r}") from error
    return facts


def _numbers(value: str) -> tuple[int, ...]:
    return tuple(int(word) for word in value.split())


def _exactly(value: str, count: int) -> tuple[int, ...]:
    numbers = _numbers(value)
    if len(numbers) != count or min(numbers) < 0:
        raise ValueError(value)
    return numbers


def _time(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _phase(facts: Facts, value: str) -> None:
    name, code, seconds = value.split()
    facts.phases.append(Phase(name, int(code), float(seconds)))


def _snapshot(facts: Facts, value: str) -> None:
    name, seconds = value.split()
    if not re.fullmatch(r"[0-9a-f]{8,64}", name):
        raise ValueError(name)
    facts.snapshot = (name, _time(seconds))


def _snapshot_json(facts: Facts, value: str) -> None:
    facts.paths = tuple(str(path) for path in json.loads(value)["paths"])


def _source(facts: Facts, value: str) -> None:
    count, _, path = value.partition(" ")
    facts.sources[path] = int(count)


def _modes(facts: Facts, value: str) -> None:
    count, _, path = value.partition(" ")
    facts.modes = (int(count), path)


def _read(facts: Facts, value: str) -> None:
    part, word = value.split()
    facts.read = (part, {"sound": True, "broken": False}[word])


def _set(name: str, read):  # type: ignore[no-untyped-def]  # generic over the field's type
    return lambda facts, value: setattr(facts, name, read(value))


_READERS = {
    "tool_version": _set("tool_version", str),
    "phase": _phase,
    "snapshot": _snapshot,
    "snapshot_json": _snapshot_json,
    "snapshots_total": _set("snapshots_total", int),
    "newest": _set("newest_at", _time),
    "locks": _set("locks", int),
    "expected": _set("expected", lambda value: _exactly(value, 2)),
    "restored": _set("restored", lambda value: _exactly(value, 2)),
    "room": _set("room", lambda value: _exactly(value, 4)),
    "source": _source,
    "live_gone": lambda facts, value: facts.live_gone.append(value),
    "sample": _set("sample", lambda value: _exactly(value, 4)),
    "sample_hash": _set("sample_hash", str),
    "differs": lambda facts, value: facts.differs.append(value),
    "missing": _set("missing", int),
    "absent": lambda facts, value: facts.absent.append(value),
    "modes": _modes,
    "verifier": _set("verifier", str),
    "read": _read,
    "unusable": _set("unusable", str),
    "said": _set("said", str),
}
