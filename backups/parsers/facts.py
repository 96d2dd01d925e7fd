"""The facts of retainer-restore, read strictly: what is missing or unreadable is never guessed."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


class UnreadableFacts(Exception):
    """A fact is not what retainer-restore writes; the message names it."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of a test: its exit status, and how long it took in seconds."""

    name: str
    exit_status: int
    seconds: float


# The phases in which data comes back: restored, or unpacked and loaded.
RECOVERY = {"restore", "unpack", "load"}


@dataclass(slots=True)
class PartFacts:
    """What a test found of one part. None: not read, because the test did not get that far.

    Args:
        snapshot: id and time of the one that was restored; of files that lie there, the id is their sha256.
        snapshot_name: what the tool calls it: an archive's name, a path.
        paths: what that snapshot says it holds; only restic says.
        newest_at: of the newest snapshot there.
        locks: locks that lie in the repository.
        expected, restored: bytes and files, by the snapshot's own list and as they came back; of databases bytes and tables.
        sources: source to how many files of it came back.
        elsewhere: why it was not compared with what lives; empty where it was.
        sample: how many were the same as the live file, changed since, gone since, and different though unchanged.
        differs, absent: names, the first few.
        missing: files that lay in a source before the snapshot and did not come back.
        canaries: path to the sha256 of each canary that came back.
        planted: when (seconds), with which sha256 and where canaries were left for the next snapshots.
        verifier: what became of the backups that were broken on purpose; empty where it was not reached.
        read: the part of all data that was read, and whether it was sound.
        said: the last words of what failed.
        nowhere: the folder that was to hold the backup and is not there.
        databases, tables: what came back: names, and rows by `database.schema.table` (MySQL: `database.table`).
        live_tables: by the same names: whether it has a row, and when its file was born (seconds; 0: not known).
        roles: that a dump names and does not bring.
        invalid: indexes and constraints that are not valid, by database.
        checked: tables that passed the server's own check, and problems that it found.
        programs, live_programs: routines, triggers and events that came back, and that live.
        oldest_at, space, identity, encryption, keys, append_only: of a reading: the oldest snapshot; bytes free and of all beside
            the repository; its id; how it is encrypted; how many keys open it, with a hash of their ids; whether it can't be changed.
        choices: of a reading: the newest snapshots, by time (seconds) and what the tool calls them.
        answers, unanswered: of declared queries, by their number from 1.
    """

    tool_version: str = ""
    phases: list[Phase] = field(default_factory=list)
    snapshot: tuple[str, datetime] | None = None
    snapshot_name: str = ""
    paths: tuple[str, ...] | None = None
    snapshots_total: int | None = None
    newest_at: datetime | None = None
    locks: int | None = None
    expected: tuple[int, int] | None = None
    restored: tuple[int, int] | None = None
    sources: dict[str, int] = field(default_factory=dict)
    live_gone: list[str] = field(default_factory=list)
    elsewhere: str = ""
    sample: tuple[int, int, int, int] | None = None
    sample_hash: str = ""
    differs: list[str] = field(default_factory=list)
    missing: int | None = None
    absent: list[str] = field(default_factory=list)
    canaries: dict[str, str] = field(default_factory=dict)
    planted: list[tuple[int, str, str]] = field(default_factory=list)
    modes: tuple[int, str] | None = None
    verifier: str = ""
    read: tuple[str, bool] | None = None
    said: str = ""
    nowhere: str = ""
    dump: int | None = None
    made_by: str = ""
    server: str = ""
    roles: str = ""
    databases: list[str] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)
    live_databases: list[str] = field(default_factory=list)
    live_tables: dict[str, tuple[bool, int]] = field(default_factory=dict)
    invalid: dict[str, int] = field(default_factory=dict)
    amcheck: list[tuple[int, str]] = field(default_factory=list)
    checked: tuple[int, int] | None = None
    programs: tuple[int, int, int] | None = None
    live_programs: list[tuple[int, int, int]] = field(default_factory=list)
    answers: dict[int, str] = field(default_factory=dict)
    unanswered: dict[int, str] = field(default_factory=dict)
    excludes: tuple[str, ...] | None = None
    oldest_at: datetime | None = None
    space: tuple[int, int] | None = None
    identity: str = ""
    encryption: str = ""
    keys: str = ""
    append_only: bool = False
    choices: list[tuple[int, str]] = field(default_factory=list)

    def recovery_s(self) -> float | None:
        """How long getting the data back took, in seconds; None where it was not reached."""
        seconds = [phase.seconds for phase in self.phases if phase.name in RECOVERY]
        return sum(seconds) if any(phase.name in {"restore", "load"} for phase in self.phases) else None


@dataclass(slots=True)
class Facts:
    """What a test found, by part in order; `current` is the number (from 0) of the part at which it ended.

    Args:
        room: bytes needed and free, files needed and inodes free (0: the file system counts none).
        application: what is wrong with a composite's application, in words.
        changes: of a restore: files that are new where they go, are there already, are replaced; bytes of all.
        adds, replaces: names, the first few; kept: where a copy of what was replaced lies.
        allowed: whether the host's administrator lets this repository be restored for real.
        placed: files that were put there, and how many of them are not what came back.
        code: files of the application as its maker signed them, that are not and are the same where they live, and that are neither.
        rows_and_files: rows whose file came back with its size, rows whose did not, files without a row.
    """

    parts: list[PartFacts] = field(default_factory=lambda: [PartFacts()])
    current: int = 0
    room: tuple[int, int, int, int] | None = None
    unusable: str = ""
    application: list[str] = field(default_factory=list)
    rows_and_files: tuple[int, int, int] | None = None
    code: tuple[int, int, int] | None = None
    code_wrong: list[str] = field(default_factory=list)
    rows_without_file: list[str] = field(default_factory=list)
    files_without_row: list[str] = field(default_factory=list)
    changes: tuple[int, int, int, int] | None = None
    adds: list[str] = field(default_factory=list)
    replaces: list[str] = field(default_factory=list)
    kept: str = ""
    allowed: bool | None = None
    placed: tuple[int, int] | None = None

    @property
    def here(self) -> PartFacts:
        """The part at which the test ended, or stands."""
        return self.parts[self.current]

    def recovery_s(self) -> float | None:
        """How long getting all parts back took, in seconds; None where one was not reached."""
        seconds = [part.recovery_s() for part in self.parts]
        return None if None in seconds else sum(value for value in seconds if value is not None)


def parse_facts(rows: Sequence[tuple[str, str]]) -> Facts:
    """Read (name, value) rows as retainer-restore writes them.

    Raises:
        UnreadableFacts: a name that it does not write, or a value that is not of its form.
    """
    facts = Facts()
    for name, value in rows:
        try:
            if name in _WHOLE:
                _WHOLE[name](facts, value)
            elif name in _OF_A_PART:
                _OF_A_PART[name](facts.here, value)
            else:
                raise UnreadableFacts(f"an unknown fact {name[:40]!r}")
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise UnreadableFacts(f"{name}: {value[:120]!r}") from error
    return facts


def parse_reading(text: str) -> tuple[int, PartFacts]:
    """Read `retainer-host backup-reading`: exit status and facts.

    Raises:
        UnreadableFacts: a line is not of its form, or the last one is missing.
    """
    lines = text.splitlines()
    if not lines or not re.fullmatch(r"exit=\d{1,3}", lines[-1]):
        raise UnreadableFacts("the reading was cut before its end")
    rows = []
    for line in lines[:-1]:
        if not line.startswith("fact="):
            raise UnreadableFacts(f"unknown line {line[:100]!r}")
        name, _, value = line.removeprefix("fact=").partition("\t")
        rows.append((name, value))
    return int(lines[-1].removeprefix("exit=")), parse_facts(rows).here


def _numbers(value: str, count: int) -> tuple[int, ...]:
    numbers = tuple(int(word) for word in value.split())
    if len(numbers) != count or min(numbers) < 0:
        raise ValueError(value)
    return numbers


def _time(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _part(facts: Facts, value: str) -> None:
    number = int(value)
    if not 1 <= number <= len(facts.parts) + 1:
        raise ValueError(value)
    if number > len(facts.parts):
        facts.parts.append(PartFacts())
    facts.current = number - 1


def _phase(facts: PartFacts, value: str) -> None:
    name, code, seconds = value.split()
    facts.phases.append(Phase(name, int(code), float(seconds)))


def _snapshot(facts: PartFacts, value: str) -> None:
    name, seconds = value.split()
    if not re.fullmatch(r"[0-9a-f]{8,64}", name):
        raise ValueError(name)
    facts.snapshot = (name, _time(seconds))


def _snapshot_json(facts: PartFacts, value: str) -> None:
    snapshot = json.loads(value)
    facts.paths = tuple(str(path) for path in snapshot["paths"])
    facts.excludes = tuple(str(pattern) for pattern in snapshot.get("excludes") or ())


def _count_and_name(value: str) -> tuple[int, str]:
    count, _, name = value.partition(" ")
    return int(count), name


def _source(facts: PartFacts, value: str) -> None:
    count, path = _count_and_name(value)
    facts.sources[path] = count


def _canary(facts: PartFacts, value: str) -> None:
    digest, _, path = value.partition(" ")
    facts.canaries[path] = digest


def _planted(facts: PartFacts, value: str) -> None:
    seconds, digest, path = value.split(" ", 2)
    facts.planted.append((int(seconds), digest, path))


def _read(facts: PartFacts, value: str) -> None:
    part, word = value.split()
    facts.read = (part, {"sound": True, "broken": False}[word])


def _table(facts: PartFacts, value: str) -> None:
    rows, name = _count_and_name(value)
    facts.tables[name] = rows


def _live_table(facts: PartFacts, value: str) -> None:
    rows, born, name = value.split(" ", 2)
    facts.live_tables[name] = ({"1": True, "0": False}[rows], max(int(born), 0))


def _invalid(facts: PartFacts, value: str) -> None:
    count, name = _count_and_name(value)
    facts.invalid[name] = count


def _amcheck(facts: PartFacts, value: str) -> None:
    count, word = value.split()
    if word not in {"sound", "broken", "none"}:
        raise ValueError(word)
    facts.amcheck.append((int(count), word))


def _answer(facts: PartFacts, value: str) -> None:
    number, answer = _count_and_name(value)
    facts.answers[number] = answer


def _unanswered(facts: PartFacts, value: str) -> None:
    number, words = _count_and_name(value)
    facts.unanswered[number] = words


def _set(name: str, read):  # type: ignore[no-untyped-def]  # generic over the field's type
    return lambda facts, value: setattr(facts, name, read(value))


def _add(name: str) -> Callable[[Any, str], None]:
    return lambda facts, value: getattr(facts, name).append(value)


_WHOLE = {
    "part": _part,
    "room": _set("room", lambda value: _numbers(value, 4)),
    "unusable": _set("unusable", str),
    "application": _add("application"),
    "code": _set("code", lambda value: _numbers(value, 3)),
    "code_wrong": _add("code_wrong"),
    "rows_and_files": _set("rows_and_files", lambda value: _numbers(value, 3)),
    "row_without_file": _add("rows_without_file"),
    "file_without_row": _add("files_without_row"),
    "changes": _set("changes", lambda value: _numbers(value, 4)),
    "adds": _add("adds"),
    "replaces": _add("replaces"),
    "kept": _set("kept", str),
    "allowed": _set("allowed", lambda value: {"yes": True, "no": False}[value]),
    "placed": _set("placed", lambda value: _numbers(value, 2)),
}
_OF_A_PART = {
    "tool_version": _set("tool_version", str),
    "phase": _phase,
    "snapshot": _snapshot,
    "snapshot_name": _set("snapshot_name", str),
    "snapshot_json": _snapshot_json,
    "snapshots_total": _set("snapshots_total", int),
    "newest": _set("newest_at", _time),
    "locks": _set("locks", int),
    "expected": _set("expected", lambda value: _numbers(value, 2)),
    "restored": _set("restored", lambda value: _numbers(value, 2)),
    "source": _source,
    "live_gone": _add("live_gone"),
    "elsewhere": _set("elsewhere", str),
    "sample": _set("sample", lambda value: _numbers(value, 4)),
    "sample_hash": _set("sample_hash", str),
    "differs": _add("differs"),
    "missing": _set("missing", int),
    "absent": _add("absent"),
    "canary": _canary,
    "planted": _planted,
    "modes": _set("modes", _count_and_name),
    "verifier": _set("verifier", str),
    "read": _read,
    "said": _set("said", str),
    "nowhere": _set("nowhere", str),
    "dump": _set("dump", int),
    "made_by": _set("made_by", str),
    "server": _set("server", str),
    "roles": _set("roles", str),
    "database": _add("databases"),
    "table": _table,
    "live_database": _add("live_databases"),
    "live_table": _live_table,
    "invalid": _invalid,
    "amcheck": _amcheck,
    "checked": _set("checked", lambda value: _numbers(value, 2)),
    "programs": _set("programs", lambda value: _numbers(value, 3)),
    "live_programs": lambda facts, value: facts.live_programs.append(_numbers(value, 3)),
    "oldest": _set("oldest_at", _time),
    "space": _set("space", lambda value: _numbers(value, 2)),
    "identity": _set("identity", str),
    "encryption": _set("encryption", str),
    "keys": _set("keys", str),
    "append_only": _set("append_only", lambda value: value == "yes"),
    "choice": lambda facts, value: facts.choices.append(_count_and_name(value)),
    "query": _answer,
    "query_failed": _unanswered,
}
