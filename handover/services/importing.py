"""Taking over: a package is read back in, with a preview first. Nothing in it is believed: host keys are seen, not confirmed, and
nothing is connected to before somebody confirmed them and ran the set-up script."""

import json
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from clients.choices import Access, Environment, SystemRole
from clients.models import Client, SystemHostKey
from clients.services import registry
from handover.models import Runbook
from handover.parsers.runbooks import VALUE, UnreadableRunbook, parse_runbook, sha256_of
from handover.services import continuing, documents
from handover.services.inventory import FORMAT, VERSION
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.ssh.target import HostKey

NAME = "inventory/inventory.json"
# Of a system its columns, what they are called in an inventory, and how long they may be.
_OS = {
    "os_id": ("id", 32),
    "os_version": ("version", 32),
    "os_name": ("name", 200),
    "kernel": ("kernel", 100),
    "architecture": ("architecture", 32),
    "package_manager": ("package_manager", 16),
}
LARGEST_B = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Preview:
    """What would come in: the client's name, and lines of what and how many; `problems` keep it from coming in."""

    client: str
    lines: tuple[str, ...]
    problems: tuple[str, ...]


def read_package(path: Path) -> dict[str, Any]:
    """The inventory of a package's zip, or of the JSON file itself.

    Raises:
        PortalError: neither, or not an inventory that this portal reads.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if archive.getinfo(NAME).file_size > LARGEST_B:
                    raise PortalError("Its inventory is too large.")
                return read_inventory(archive.read(NAME))
        return read_inventory(path.read_bytes())
    except (KeyError, zipfile.BadZipFile) as error:
        raise PortalError("This zip holds no inventory: it is not a handover's package.") from error
    except OSError as error:
        raise PortalError(f"The file can't be read: {error.strerror}.") from error


def read_inventory(content: bytes) -> dict[str, Any]:
    """An inventory as it was written.

    Raises:
        PortalError: not one, too large, or of another version.
    """
    if len(content) > LARGEST_B:
        raise PortalError("It is too large for an inventory.")
    try:
        values = json.loads(content)
    except ValueError as error:
        raise PortalError("This is not JSON.", hint="Choose a package, or its inventory/inventory.json.") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise PortalError("This is not a handover's inventory.")
    if values.get("version") != VERSION:
        raise PortalError(f"It is of version {values.get('version')}; this portal reads version {VERSION}.")
    wrong = _shape_problems(values)
    if wrong:
        raise PortalError(f"The inventory is not whole: {wrong[0]}.")
    return values


def _shape_problems(values: dict[str, Any]) -> list[str]:
    found = [
        f"{name} is missing"
        for name in ("client", "contacts", "systems", "runbooks", "backups", "windows", "checks")
        if name not in values
    ]
    if found:
        return found
    if not isinstance(values["client"], dict) or not isinstance(values["client"].get("name"), str):
        return ["the client has no name"]
    for name in ("contacts", "systems", "runbooks"):
        if not isinstance(values[name], list) or not all(isinstance(one, dict) for one in values[name]):
            return [f"{name} is not a list"]
    found = [problem for system in values["systems"] for problem in _system_problems(system)]
    for row in values["runbooks"]:
        if not all(isinstance(row.get(key), str) for key in ("system", "name", "text")) or not isinstance(row.get("values"), dict):
            found.append("a runbook is not whole")
    return found + continuing.shape_problems(values)


def _system_problems(system: dict[str, Any]) -> list[str]:
    wanted = (("name", str), ("address", str), ("port", int), ("login", str), ("environment", str), ("roles", list))
    found = [f"a system has no {key}" for key, kind in wanted if not isinstance(system.get(key), kind)]
    if found:
        return found
    if system["environment"] not in Environment.values or not set(system["roles"]) <= set(SystemRole.values):
        found.append(f"{system['name'][:60]} has an unknown role or environment")
    if not _is_document(system.get("document")):
        found.append(f"{system['name'][:60]} has a document that is none")
    return found


def _is_document(document: Any) -> bool:
    if document is None:
        return True
    return (
        isinstance(document, dict)
        and isinstance(document.get("rows"), dict)
        and isinstance(document.get("unread"), list)
        and all(
            isinstance(row, list) and all(isinstance(word, str) for word in row) for rows in document["rows"].values() for row in rows
        )
        and isinstance(document.get("files"), list)
        and all(isinstance(file, dict) and {"path", "why", "text", "default"} <= file.keys() for file in document["files"])
    )


def preview(values: dict[str, Any]) -> Preview:
    """What would come in, and what keeps it from that."""
    name = values["client"]["name"].strip()
    problems = [f"There is a client {name} already."] if Client.objects.filter(name__iexact=name).exists() else []
    names = [system["name"] for system in values["systems"]]
    problems += ["Two systems have one name."] if len(set(names)) < len(names) else []
    for system in values["systems"]:
        twin = system.get("staging_twin")
        problems += [f"{system['name']}: its staging twin {twin} is not in it."] if twin and twin not in names else []
    for row in values["runbooks"]:
        if row["system"] not in names:
            problems.append(f"A runbook is of {row['system']}, which is not in it.")
        try:
            parse_runbook(row["text"])
        except UnreadableRunbook as error:
            problems.append(f"{row['name']}: {error}")
    lines = [
        f"{len(names)} systems: {', '.join(sorted(names))}",
        f"{len(values['contacts'])} contacts",
        f"{len(values['runbooks'])} runbooks",
    ]
    lines.append(f"{sum(1 for system in values['systems'] if system.get('document'))} documents")
    lines.append(f"{len(values['windows'])} maintenance windows, {len(values['backups'])} backups, {len(values['checks'])} checks")
    lines += continuing.left_out(values)
    return Preview(name, tuple(lines), tuple(problems))


@transaction.atomic
def take_over(*, values: dict[str, Any], actor: Actor, now: datetime) -> Client:
    """Bring a client in, as the preview said.

    Raises:
        PortalError: what the preview says keeps it from coming in, or a value is not valid. Nothing is kept then.
    """
    actor.require(Permission.OPERATE)
    found = preview(values)
    if found.problems:
        raise PortalError(found.problems[0], hint="Nothing was brought in.")
    told = values["client"]
    client = registry.add_client(name=told["name"], time_zone=told.get("time_zone", "UTC"), actor=actor, now=now)
    Client.objects.filter(pk=client.pk).update(
        language=told.get("language") if told.get("language") in {"en", "de"} else "en",
        security_window_days=int(told.get("security_window_days", 7)),
        routine_window_days=int(told.get("routine_window_days", 30)),
    )
    if told.get("prose"):
        documents.write_prose(client=client, system=None, body=told["prose"], actor=actor, now=now)
    for contact in values["contacts"]:
        registry.add_contact(
            client=client,
            name=str(contact.get("name", "")),
            email=str(contact.get("email", "")),
            phone=str(contact.get("phone", "")),
            duty=str(contact.get("duty", "")),
            actor=actor,
            now=now,
        )
    systems = _systems(client, values["systems"], actor=actor, now=now)
    _runbooks(client, systems, values["runbooks"], actor=actor, now=now)
    continuing.bring(client, systems, values, actor=actor, now=now)
    audit.record(action="handover.take_over", actor=actor, subject=client, client_id=client.pk, now=now, systems=len(systems))
    return client


def _systems(client: Client, rows: list[dict[str, Any]], *, actor: Actor, now: datetime) -> dict[str, Any]:
    made: dict[str, Any] = {}
    # staging first: twins must be there
    for row in sorted(rows, key=lambda one: one["environment"] != Environment.STAGING):
        system = registry.add_system(
            client=client,
            name=row["name"],
            address=row["address"],
            environment=row["environment"],
            port=row["port"],
            login=row["login"],
            access=row.get("access", Access.MANAGE),
            roles=row["roles"],
            staging_twin=made.get(row.get("staging_twin") or ""),
            actor=actor,
            now=now,
        )
        told = row.get("os") or {}
        for column, (name, most) in _OS.items():
            setattr(system, column, str(told.get(name, ""))[:most])
        system.notes = str(row.get("notes", ""))[:20_000]
        system.save()
        for key in row.get("host_keys") or []:
            shown = HostKey(str(key.get("type", "")), str(key.get("key", "")))
            if shown.fingerprint != "not a key":
                SystemHostKey.objects.get_or_create(
                    system=system,
                    fingerprint=shown.fingerprint,
                    defaults={"client_id": client.pk, "key_type": shown.key_type, "key": shown.base64, "seen_at": now},
                )
        for check in row.get("service_checks") or []:
            registry.add_service_check(
                system=system, url=str(check["url"]), expected_status=int(check["expected_status"]), actor=actor, now=now
            )
        if row.get("document"):
            documents.keep(system=system, facts=row["document"], masked=0, actor=actor, now=now)
        if row.get("prose"):
            documents.write_prose(client=client, system=system, body=row["prose"], actor=actor, now=now)
        made[system.name] = system
    return made


def _runbooks(client: Client, systems: dict[str, Any], rows: list[dict[str, Any]], *, actor: Actor, now: datetime) -> None:
    for row in rows:
        book = parse_runbook(row["text"])
        values = {str(name): str(value) for name, value in row["values"].items() if VALUE.fullmatch(str(value))}
        Runbook.objects.create(
            client=client,
            system=systems[row["system"]],
            slug=row["name"][:60],
            title=book.title[:200],
            text=row["text"],
            sha256=sha256_of(book),
            values=values,
            shipped=bool(row["shipped"]),
            changed_at=now,
            actor_label=actor.label,
        )
