"""What databases that were loaded from a dump are judged by."""

from datetime import timedelta
from fnmatch import fnmatchcase

from backups.choices import Cause
from backups.parsers.expectations import Expectation
from backups.parsers.facts import PartFacts
from backups.services.promises import PartPromise

_SHOWN = 5


def database_unread(part: PartPromise, facts: PartFacts) -> list[str]:
    """What was not found out and had to be."""
    asked = len(part.expectations)
    heard = len(facts.answers) + len(facts.unanswered)
    unread = [] if asked == heard else [f"the answers of {asked - heard} queries"]
    if facts.server == "":
        unread.append("the server that it was loaded into")
    return unread


def database_problems(part: PartPromise, facts: PartFacts) -> list[tuple[Cause, str]]:
    """What fails the test, each with its cause."""
    return [
        *((Cause.CORRUPTION, words) for words in _damage(facts)),
        *((Cause.COVERAGE, words) for words in _coverage(part, facts)),
        *((Cause.MISMATCH, words) for words in _answers(part, facts)),
    ]


def database_notes(part: PartPromise, facts: PartFacts) -> list[str]:
    """What is to know and fails nothing."""
    notes = [f"{count} indexes or constraints of {name} are not valid." for name, count in facts.invalid.items() if count]
    if facts.elsewhere:
        why = "" if facts.elsewhere == "yes" else f" ({facts.elsewhere})"
        notes.append(f"Not compared with the live database{why}.")
    notes += [f"The database {name} does not live on the host any more." for name in facts.live_gone]
    newer = [name for name in _absent(part, facts) if not _was_there(part, facts, name)]
    if newer:
        notes.append(f"{len(newer)} tables live that are not in the dump and may be newer than it: {_some(newer)}.")
    before, now = sum(part.tables.values()), sum(facts.tables.values())
    if before >= 100 and now * 2 < before:
        notes.append(f"{now} rows came back; the last proof had {before}.")
    return notes


def database_summary(part: PartPromise, facts: PartFacts) -> str:
    """The numbers of a pass."""
    indexes = sum(count for count, word in facts.amcheck if word == "sound")
    more = f", {indexes} indexes checked" if indexes else ""
    asked = f", {len(part.expectations)} queries answered as expected" if part.expectations else ""
    needed = facts.roles.strip()
    roles = f" It needs roles that it does not bring ({needed}): keep those by pg_dumpall --globals-only." if needed else ""
    return f"{len(facts.tables)} tables with {sum(facts.tables.values())} rows loaded{more}{asked}.{roles}"


def _damage(facts: PartFacts) -> list[str]:
    problems = []
    if any(word == "broken" for _, word in facts.amcheck):
        problems.append(f"amcheck found a broken index. It said: {facts.said}")
    if facts.checked and facts.checked[1]:
        problems.append(f"CHECK TABLE found {facts.checked[1]} problems.")
    return problems


def _coverage(part: PartPromise, facts: PartFacts) -> list[str]:
    problems = [f"The database {name} is not in the dump." for name in part.databases if name not in facts.databases]
    if not facts.tables:
        problems.append("Not a single table came back.")
    absent = [name for name in _absent(part, facts) if _was_there(part, facts, name)]
    if absent:
        problems.append(f"{len(absent)} tables that live are not in the dump: {_some(absent)}.")
    empty = [
        name for name, (has_rows, _) in facts.live_tables.items()
        if has_rows and facts.tables.get(name) == 0 and not _excluded(part, name)
    ]  # fmt: skip
    if empty:
        problems.append(f"{len(empty)} tables came back empty and have rows where they live: {_some(empty)}.")
    lost = [name for name in part.tables if name not in facts.tables and name not in absent and not _excluded(part, name)]
    # what is gone from the live database as well was removed on purpose
    if facts.live_databases:
        lost = [name for name in lost if name in facts.live_tables]
    if lost:
        problems.append(f"{len(lost)} tables that the last proof had are not in the dump: {_some(lost)}.")
    if facts.programs and facts.live_programs:
        living = [sum(kind) for kind in zip(*facts.live_programs, strict=True)]
        for words, came, lives in zip(("routines", "triggers", "events"), facts.programs, living, strict=True):
            if came < lives:
                problems.append(
                    f"{came} of {lives} {words} are in the dump: it is made without them (--routines, --triggers, --events)."
                )
    return problems


def _absent(part: PartPromise, facts: PartFacts) -> list[str]:
    return [name for name in facts.live_tables if name not in facts.tables and not _excluded(part, name)]


def _was_there(part: PartPromise, facts: PartFacts, name: str) -> bool:
    """Whether a table certainly was there when the dump was made: the last proof had it, or its file is older."""
    born = facts.live_tables[name][1]
    taken = facts.snapshot[1] if facts.snapshot else None
    return name in part.tables or bool(born and taken and born < (taken - timedelta(minutes=1)).timestamp())


def _excluded(part: PartPromise, name: str) -> bool:
    """By `database.schema.table`, or by any shorter end of it."""
    words = name.split(".")
    ends = [".".join(words[n:]) for n in range(len(words))]
    return any(fnmatchcase(end, pattern) for end in ends for pattern in part.excludes)


def _answers(part: PartPromise, facts: PartFacts) -> list[str]:
    problems = []
    for number, (query, words) in enumerate(part.expectations, 1):
        if number in facts.unanswered:
            problems.append(f"“{query}” could not be answered: {facts.unanswered[number]}.")
        elif facts.snapshot is not None:
            failed = Expectation(query, words).failed(facts.answers.get(number, ""), taken=facts.snapshot[1])
            problems += [failed] if failed else []
    return problems


def _some(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and more"
