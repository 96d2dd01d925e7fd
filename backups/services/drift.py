"""Drift and coverage: pure functions over what a system says now and what was accepted."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backups.choices import DATABASE_TOOLS, FILE_TOOLS, KEYED_TOOLS, Level, Tool
from backups.parsers.discovery import Found
from backups.parsers.survey import Entry, Place

_OFF = ("off", "disabled", "inactive", "masked", "not executable", "failed")
# What must not change without somebody saying so; a tool's version may, and is told.
_CRITICAL_TRAITS = {"identity": "repository id", "keys": "keys that open it", "encryption": "encryption"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was accepted."""

    subject: str
    before: str
    after: str
    level: Level


@dataclass(frozen=True, slots=True)
class Watched:
    """What of a job counts here."""

    tool: str
    repository: str
    sources: tuple[str, ...]
    databases: tuple[str, ...]
    excludes: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Where it writes to; of patterns the folder."""
        return self.repository if self.tool in KEYED_TOOLS else posixpath.dirname(self.repository)


def entries_of(job: Watched, entries: Sequence[Entry], found: Sequence[Found], jobs: Sequence[Watched]) -> list[Entry]:
    """The entries that make this backup: they name its repository, or call a script that does; where none does and it is the
    only one of its tool, all that use the tool.
    """
    named = {name for one in found if (one.tool, one.repository) == (job.tool, job.repository) for name in one.places}
    mine = {entry.name for entry in entries if entry.name in named or job.repository in entry.text}
    if not mine and sum(other.tool == job.tool for other in jobs) == 1:
        mine = {entry.name for entry in entries if job.tool in entry.text}
    scripts = {entry.name for entry in entries if entry.name in mine and entry.kind in {"script", "configuration"}}
    calling = {entry.name for entry in entries if any(script in entry.text for script in scripts)}
    # borgmatic and its like are called without naming their configuration
    wrappers = {word for name in scripts for word in ("borgmatic", "autorestic", "resticprofile") if word in name}
    calling |= {entry.name for entry in entries if entry.kind in {"cron", "timer", "script"} and any(w in entry.text for w in wrappers)}
    return [entry for entry in entries if entry.name in mine | calling]


def content_of(entries: Sequence[Entry], traits: Mapping[str, Any]) -> dict[str, Any]:
    """What a baseline keeps."""
    return {
        "entries": {f"{entry.kind} {entry.name}": {"state": entry.state, "text": entry.text} for entry in entries},
        "traits": {name: value for name, value in traits.items() if value not in ("", None)},
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What changed since a baseline. What can't be read now is no difference: a look that failed says so elsewhere."""
    return [*_entries(before["entries"], after["entries"]), *_traits(before["traits"], after["traits"])]


def _entries(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        if name not in after:
            yield Difference(name, before[name]["text"], "", Level.BAD)
        elif name not in before:
            yield Difference(name, "", after[name]["text"], Level.WARN)
        else:
            yield from _entry(name, before[name], after[name])


def _entry(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    # an entry that was accepted when it came has no state yet
    if old["state"] and old["state"] != new["state"]:
        off = any(word in new["state"] for word in _OFF)
        yield Difference(f"state of {name}", old["state"], new["state"], Level.BAD if off else Level.WARN)
    if old["text"] != new["text"]:
        yield Difference(f"text of {name}", old["text"], new["text"], Level.WARN)


def _traits(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name, words in _CRITICAL_TRAITS.items():
        if name in before and name in after and before[name] != after[name]:
            yield Difference(words, str(before[name]), str(after[name]), Level.BAD)
    if "tool_version" in before and "tool_version" in after and before["tool_version"] != after["tool_version"]:
        yield Difference("version of the tool", before["tool_version"], after["tool_version"], Level.WARN)
    if before.get("append_only") and after.get("append_only") is False:
        yield Difference("append-only", "yes", "no", Level.BAD)
    for name, words, lost in (("paths", "paths in the snapshot", Level.BAD), ("excludes", "excludes of the snapshot", Level.WARN)):
        if name in before and name in after and sorted(before[name]) != sorted(after[name]):
            gone = set(before[name]) - set(after[name])
            level = lost if gone and name == "paths" else Level.WARN
            yield Difference(words, "\n".join(sorted(before[name])), "\n".join(sorted(after[name])), level)


def apply(entries: dict[str, Any], traits: dict[str, Any], *, subject: str, after: str) -> None:
    """Change a baseline's entries and traits as one difference says, so that it is none any more.

    Raises:
        KeyError: the subject is none of `differences`.
    """
    if subject.startswith("state of "):
        entries[subject.removeprefix("state of ")]["state"] = after
    elif subject.startswith("text of "):
        entries[subject.removeprefix("text of ")]["text"] = after
    elif subject in _TRAITS_BY_WORDS:
        name = _TRAITS_BY_WORDS[subject]
        values: dict[str, Any] = {"paths": after.splitlines(), "excludes": after.splitlines(), "append_only": after == "yes"}
        traits[name] = values.get(name, after)
    elif not after:
        del entries[subject]
    else:
        entries[subject] = {"state": "", "text": after}


_TRAITS_BY_WORDS = {
    **{words: name for name, words in _CRITICAL_TRAITS.items()},
    "version of the tool": "tool_version",
    "append-only": "append_only",
    "paths in the snapshot": "paths",
    "excludes of the snapshot": "excludes",
}


def uncovered(places: Sequence[Place], jobs: Sequence[Watched], *, scratch: str) -> list[Place]:
    """Places that no job covers. Where backups themselves lie is none, nor the scratch area of restore tests."""
    own = [job.folder for job in jobs] + [scratch]
    return [
        place for place in places
        if not (_database_covered(place, jobs) if place.kind == "database" else _path_covered(place.where, jobs, own))
    ]  # fmt: skip


def _database_covered(place: Place, jobs: Sequence[Watched]) -> bool:
    tools = {"postgresql": {Tool.PG_DUMP, Tool.PG_DUMPALL}, "mysql": {Tool.MYSQLDUMP}}[place.where]
    for job in jobs:
        if job.tool not in DATABASE_TOOLS or job.tool not in tools:
            continue
        if place.name in job.databases or job.tool == Tool.PG_DUMPALL:
            return True
    return False


def _path_covered(path: str, jobs: Sequence[Watched], own: Sequence[str]) -> bool:
    if any(_inside(path, folder) for folder in own if folder.startswith("/")):
        return True
    for job in jobs:
        if job.tool not in FILE_TOOLS:
            continue
        left_out = any(pattern.startswith("/") and _inside(path, pattern) for pattern in job.excludes)
        if not left_out and any(_inside(path, source) for source in job.sources):
            return True
    return False


def _inside(path: str, folder: str) -> bool:
    return folder in {"/", path} or path.startswith(folder.rstrip("/") + "/")


def is_watched(found: Found, jobs: Sequence[Watched]) -> bool:
    """Whether a backup that was found on the system is one of the jobs."""
    return any(job.tool == found.tool and (job.repository == found.repository or _same_pattern(job, found)) for job in jobs)


def _same_pattern(job: Watched, found: Found) -> bool:
    """Of patterns those of the same folder are the same where they hold the same databases or sources."""
    if job.tool in KEYED_TOOLS or posixpath.dirname(found.repository) != job.folder:
        return False
    held, there = set(job.databases + job.sources), set(found.databases + found.sources)
    return bool(held & there) or found.repository == job.repository or not there
