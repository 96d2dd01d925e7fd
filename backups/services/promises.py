"""What a restore test holds a backup to: made from its job when it is asked for, kept in its specification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Planted:
    """A canary that an earlier test left: where, with which sha256, and when."""

    path: str
    sha256: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PartPromise:
    """One part: what must come back.

    Args:
        excludes: patterns; of databases of table names.
        expectations: queries and what they are to answer, in the order in which they were asked.
        canaries: that earlier tests left in the sources.
        tables: rows by table, as the last proof found them.
    """

    tool: str
    name: str = ""
    sources: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    expectations: tuple[tuple[str, str], ...] = ()
    canaries: tuple[Planted, ...] = ()
    tables: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a whole backup is held to."""

    parts: tuple[PartPromise, ...]
    recovery_point: timedelta
    recovery_time: timedelta
    apart: timedelta = timedelta(minutes=15)
    application: str = ""


def part_of_specification(specification: Mapping[str, Sequence[str]], number: int, tables: Mapping[str, int]) -> PartPromise:
    """Part `number` (from 1) of a test's specification.

    Raises:
        KeyError, ValueError: the specification is not of this portal's form.
    """

    def given(name: str) -> tuple[str, ...]:
        return tuple(specification.get(f"{number}.{name}", ()))

    canaries = []
    for line in given("planted"):
        seconds, digest, path = line.split(" ", 2)
        canaries.append(Planted(path, digest, datetime.fromtimestamp(int(seconds), UTC)))
    return PartPromise(
        tool=specification[f"{number}.tool"][0], name=given("name")[0], sources=given("source"), databases=given("database"),
        excludes=given("exclude"), expectations=tuple(zip(given("query"), given("expect"), strict=True)), canaries=tuple(canaries),
        tables=tables,
    )  # fmt: skip
