"""What goes on for systems that are taken over: maintenance windows, backups that need no key, checks from outside.

What can't go on by itself is named instead: a backup whose key stands with the credentials, a job that calls an address of the portal
before, a command, which nobody here has read yet.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, time
from typing import Any

from backups.choices import KEYED_TOOLS, Tool
from backups.services import jobs
from clients.models import Client, System
from maintenance.services import maintenance_windows
from monitoring.choices import PROBED, Kind
from monitoring.services import probes
from portal.accounts.actor import Actor
from portal.errors import PortalError

Row = Mapping[str, Any]
Systems = Mapping[str, System]
NEEDED = {
    "backups": ("system", "name", "tool", "repository"),
    "windows": ("name", "every", "start", "end"),
    "checks": ("system", "kind", "target"),
}


def shape_problems(values: Row) -> list[str]:
    """What of it is not as an inventory has it."""
    found = []
    for name, keys in NEEDED.items():
        rows = values[name]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            found.append(f"{name} is not a list")
        elif not all(isinstance(row.get(key), str) for row in rows for key in keys):
            found.append(f"one of {name} is not whole")
    return found


def left_out(values: Row) -> list[str]:
    """What is set up by hand, and why: sentences."""
    return [
        *(f"The backup {row['name']} of {row['system']} is not brought in: {why}." for row, why in _backups_left(values["backups"])),
        *(f"{row['target']} of {row['system']} is not brought in: {why}." for row, why in _checks_left(values["checks"])),
    ]


def bring(client: Client, systems: Systems, values: Row, *, actor: Actor, now: datetime) -> None:
    """Bring it in.

    Raises:
        PortalError: something is not valid, or of a system that is not there.
    """
    try:
        for row in values["windows"]:
            _window(client, systems, row, actor=actor, now=now)
        left = [id(row) for row, _ in _backups_left(values["backups"])]
        _backups(systems, [row for row in values["backups"] if id(row) not in left], actor=actor, now=now)
        left = [id(row) for row, _ in _checks_left(values["checks"])]
        for row in values["checks"]:
            if id(row) not in left:
                probes.add(
                    system=systems[row["system"]], kind=row["kind"], target=row["target"], options=row.get("options") or {},
                    interval_s=int(row["every_s"]), actor=actor, now=now,
                )  # fmt: skip
    except KeyError as error:
        raise PortalError(f"The inventory is not whole: {error.args[0]} is missing.", hint="Nothing was brought in.") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise PortalError("A window, backup or check in it is not one.", hint="Nothing was brought in.") from error


def _window(client: Client, systems: Systems, row: Row, *, actor: Actor, now: datetime) -> None:
    maintenance_windows.add(
        client=client, name=row["name"][:100], every=row["every"], start=time.fromisoformat(row["start"]),
        end=time.fromisoformat(row["end"]), weekdays=[int(day) for day in row.get("weekdays") or []], day=row.get("day"),
        ordinal=row.get("ordinal"), system=systems[row["system"]] if row.get("system") else None, actor=actor, now=now,
    )  # fmt: skip


def _backups(systems: Systems, rows: list[Row], *, actor: Actor, now: datetime) -> None:
    made = {}
    for row in (one for one in rows if one["tool"] != Tool.COMPOSITE):
        where = systems[row["restore_on"]] if row.get("restore_on") else None
        made[row["system"], row["name"]] = jobs.add(
            system=systems[row["system"]], restore_on=where, actor=actor, now=now,
            wish=jobs.Wish(
                name=row["name"], tool=row["tool"], repository=row["repository"], archive_root=row["archive_root"],
                canaries=bool(row["canaries"]), recovery_point_h=int(row["recovery_point_h"]),
                recovery_time_min=int(row["recovery_time_min"]), test_every_days=int(row["test_every_days"]),
                read_parts=int(row["read_parts"]), keep_days=row.get("keep_days"),
                sources=_words(row, "sources"), databases=_words(row, "databases"),
                excludes=_words(row, "excludes"), queries=_words(row, "queries"),
            ),
        )  # fmt: skip
    for row in (one for one in rows if one["tool"] == Tool.COMPOSITE):
        jobs.add_composite(
            name=row["name"], parts=[made[row["system"], part] for part in row["parts"]], application=row["application"],
            apart_min=int(row["apart_min"]), actor=actor, now=now,
        )  # fmt: skip


def _words(row: Row, key: str) -> list[str]:
    """A list of words: a word alone would be read as its letters."""
    if not isinstance(row[key], list):
        raise TypeError(key)
    return [str(word) for word in row[key]]


def _backups_left(rows: list[Row]) -> Iterator[tuple[Row, str]]:
    """Those that need a key, and what only counts together with them."""
    keyed = {(row["system"], row["name"]) for row in rows if row.get("needs_key", row["tool"] in KEYED_TOOLS)}
    for row in rows:
        if (row["system"], row["name"]) in keyed:
            yield row, "its key stands with the credentials"
        elif any((row["system"], part) in keyed for part in row.get("parts") or []):
            yield row, "one of its parts is not"


def _checks_left(rows: list[Row]) -> Iterator[tuple[Row, str]]:
    for row in rows:
        if row["kind"] == Kind.HEARTBEAT:
            yield row, "the job has to be told its new address"
        elif row["kind"] == Kind.COMMAND:
            yield row, "somebody reads the command first"
        elif row["kind"] not in PROBED:
            yield row, "this portal does not know such a check"
