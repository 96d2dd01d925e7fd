"""Backup jobs: taken on, and ended."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from backups.choices import DATABASE_TOOLS, FILE_TOOLS, KEYED_TOOLS, Application, Tool
from backups.models import BackupJob
from backups.parsers.expectations import BadExpectation, parse_expectation
from backups.services import looks
from backups.services.storage import has_login
from clients.choices import Access
from clients.models import System
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.vault import services as vault
from portal.vault.models import Credential, CredentialKind

_PASSWORD_IN_ADDRESS = re.compile(r"://[^/@]*:[^/@]+@")
_DATABASE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class Wish:
    """A backup as an operator describes it.

    Args:
        repository: as the tool takes it; of dumps, archives and copies a path whose last part is a pattern.
        sources: absolute paths; databases: names. One of the two, as the tool backs up files or databases.
        queries: lines of the form of `backups.parsers.expectations`.
        key: restic's password or borg's passphrase; empty for tools that have none, and for an unencrypted borg repository.
        key_export: borg's exported key (keyfile mode).
        storage_login, storage_secret: of storage that asks for a login of its own (restic over REST or S3); both or none.
    """

    name: str
    tool: str
    repository: str
    sources: Sequence[str] = ()
    databases: Sequence[str] = ()
    excludes: Sequence[str] = ()
    queries: Sequence[str] = ()
    key: str = ""
    key_export: str = ""
    storage_login: str = ""
    storage_secret: str = ""
    archive_root: str = "/"
    canaries: bool = False
    recovery_point_h: int = 26
    recovery_time_min: int = 240
    test_every_days: int = 30
    keep_days: int | None = None
    read_parts: int = 3
    scratch: str = ""


def add(*, system: System, wish: Wish, restore_on: System | None = None, actor: Actor, now: datetime) -> BackupJob:
    """Take a backup on, with its key into the vault. It counts once a restore test proved it.

    Raises:
        PortalError: a read-only system, an unknown tool, no key, a source that is no absolute path, a line break somewhere, a
            name that another job of the system has, a query that is none.
    """
    actor.require(Permission.OPERATE)
    _managed(system)
    if restore_on is not None:
        _managed(restore_on)
        if restore_on.client_id != system.client_id:
            raise PortalError("A backup is restored on a system of the same client.")
    columns = _columns(wish)

    def keep(label: str, secret: str) -> Credential | None:
        if not secret.strip():
            return None
        return vault.store(
            client_id=system.client_id, kind=CredentialKind.PASSWORD, label=label, secret=secret.strip().encode(), system_id=system.pk,
            actor=actor, now=now,
        )  # fmt: skip

    try:
        with transaction.atomic():
            job = BackupJob.objects.create(
                client_id=system.client_id, system=system, restore_on=restore_on if restore_on != system else None,
                credential=keep(f"Backup {columns['name']} of {system.name}", wish.key),
                key_export=keep(f"Exported key of backup {columns['name']} of {system.name}", wish.key_export),
                storage_credential=keep(f"Storage of backup {columns['name']} of {system.name}", wish.storage_secret),
                created_at=now, actor_label=actor.label, **columns,
            )  # fmt: skip
            audit.record(
                action="backup.add", actor=actor, subject=job, client_id=job.client_id, now=now, system=system.name, tool=job.tool,
                repository=job.repository, holds=job.holds, excludes=job.excludes,
            )  # fmt: skip
            # how it looks is known within minutes, not hours
            looks.request(system=job.restore_on or system, actor=actor)
    except IntegrityError as error:
        raise _taken(error, system) from error
    return job


def add_composite(
    *, name: str, parts: Sequence[BackupJob], application: str = "", apart_min: int = 15, actor: Actor, now: datetime,
) -> BackupJob:  # fmt: skip
    """Make one backup of several of a system that only count together; from then on they are proven together or not at all.

    Its promise is the strictest of its parts'.

    Raises:
        PortalError: fewer than two parts, parts of several systems or of another whole, a name that is taken.
    """
    actor.require(Permission.OPERATE)
    if len(parts) < 2:
        raise PortalError("Choose at least two backups that only count together.")
    first = parts[0]
    if len({part.system_id for part in parts}) > 1 or len({part.restore_on_id for part in parts}) > 1:
        raise PortalError("Backups that count together are of one system, and restored in one place.")
    if any(part.part_of_id or part.ended_at or part.tool == Tool.COMPOSITE for part in parts):
        raise PortalError("One of them is part of another whole, or not watched any more.")
    if application not in Application.values:
        raise PortalError("Choose an application that the portal knows, or none.")
    try:
        with transaction.atomic():
            job = BackupJob.objects.create(
                client_id=first.client_id, system=first.system, name=_name(name), tool=Tool.COMPOSITE, repository=first.repository,
                scratch=first.scratch, restore_on=first.restore_on, application=application, apart_min=apart_min,
                recovery_point_h=min(part.recovery_point_h for part in parts),
                recovery_time_min=min(part.recovery_time_min for part in parts),
                test_every_days=min(part.test_every_days for part in parts), created_at=now, actor_label=actor.label,
            )  # fmt: skip
            BackupJob.objects.filter(pk__in=[part.pk for part in parts]).update(part_of=job)
            audit.record(
                action="backup.compose", actor=actor, subject=job, client_id=job.client_id, now=now, application=application,
                parts=[part.name for part in parts],
            )  # fmt: skip
    except IntegrityError as error:
        raise _taken(error, first.system) from error
    return job


def end(*, job: BackupJob, reason: str, actor: Actor, now: datetime) -> None:
    """Stop watching a backup. What its tests showed stays.

    Raises:
        PortalError: no reason; a part of a whole.
    """
    actor.require(Permission.OPERATE)
    if job.part_of_id is not None:
        raise PortalError("This backup only counts together with others.", hint="Stop watching the whole first.")
    if not reason.strip():
        raise PortalError("Say why: from now on nobody proves this backup.")
    with transaction.atomic():
        if BackupJob.objects.filter(pk=job.pk, ended_at=None).update(ended_at=now):
            # its parts are backups of their own again, each to be proven
            BackupJob.objects.filter(part_of=job).update(part_of=None)
            audit.record(action="backup.end", actor=actor, subject=job, client_id=job.client_id, now=now, reason=reason.strip())


def _columns(wish: Wish) -> dict[str, Any]:
    """What a wish amounts to, once it is one that can be carried out."""
    if wish.tool not in Tool.values or wish.tool == Tool.COMPOSITE:
        raise PortalError("Choose the tool that makes the backup.")
    if wish.tool == Tool.RESTIC and not wish.key.strip():
        raise PortalError("Give the repository's key: without it nothing can be restored, by nobody.")
    if (wish.key.strip() and wish.tool not in KEYED_TOOLS) or (wish.key_export.strip() and wish.tool != Tool.BORG):
        raise PortalError("This tool has no key.", hint="Leave the key empty; only borg has one to export.")
    repository, excludes = wish.repository.strip(), [pattern.strip() for pattern in wish.excludes if pattern.strip()]
    texts = [repository, wish.scratch, *excludes]
    if not repository or repository.startswith("-") or any(character in text for text in texts for character in "\n\r\0"):
        raise PortalError("Name the repository, and keep line breaks out of names.")
    if wish.tool not in KEYED_TOOLS:
        _absolute(repository)
    if _PASSWORD_IN_ADDRESS.search(repository):
        raise PortalError("A password stands in the repository's address.", hint="Give it as the login and secret of the storage.")
    login = _login(wish, repository)
    held = _held(wish)
    try:
        queries = [f"{one.query} => {one.words}" for one in map(parse_expectation, filter(str.strip, wish.queries))]
    except BadExpectation as error:
        raise PortalError(str(error)) from error
    if queries and wish.tool not in DATABASE_TOOLS:
        raise PortalError("Only a database can be asked.", hint="Leave the queries empty.")
    if wish.canaries and wish.tool not in FILE_TOOLS:
        raise PortalError("Canaries are files: a database has no place for one.")
    return {
        "name": _name(wish.name), "tool": wish.tool, "repository": repository, "excludes": excludes, "queries": queries,
        "archive_root": _absolute(wish.archive_root.strip() or "/"), "canaries": wish.canaries,
        "recovery_point_h": wish.recovery_point_h,
        "recovery_time_min": wish.recovery_time_min, "test_every_days": wish.test_every_days, "keep_days": wish.keep_days,
        "read_parts": wish.read_parts, "storage_login": login, **held,
        **({"scratch": _absolute(wish.scratch)} if wish.scratch.strip() else {}),
    }  # fmt: skip


def _login(wish: Wish, repository: str) -> str:
    login, secret = wish.storage_login.strip(), wish.storage_secret.strip()
    if not login and not secret:
        return ""
    if not login or not secret:
        raise PortalError("Give the login of the storage and its secret, or neither.")
    if wish.tool != Tool.RESTIC or not has_login(repository):
        raise PortalError(
            "This storage takes no login from the portal.",
            hint="restic over rest: or s3: does. For ssh and sftp the system's own key is used; B2 and others speak S3 as well.",
        )
    if any(character in login + secret for character in "\n\r\0"):
        raise PortalError("Keep line breaks out of the login and its secret.")
    return login


def _held(wish: Wish) -> dict[str, list[str]]:
    sources = [source for source in wish.sources if source.strip()]
    databases = [name.strip() for name in wish.databases if name.strip()]
    if wish.tool in DATABASE_TOOLS:
        if sources:
            raise PortalError("A dump holds databases: name those, and no paths.")
        if not databases or any(not _DATABASE.fullmatch(name) for name in databases):
            raise PortalError("Name at least one database that must be in every dump.", hint="Letters, digits, _ and -, one a line.")
        return {"sources": [], "databases": databases}
    if databases:
        raise PortalError("This tool backs up files: name their paths, and no databases.")
    if not sources:
        raise PortalError("Name at least one source: what must be in every snapshot.")
    return {"sources": [_absolute(source) for source in sources], "databases": []}


def _managed(system: System) -> None:
    if system.access != Access.MANAGE:
        raise PortalError(f"{system} is read-only: a restore test needs root there.", hint="Give the portal the right to manage it.")


def _name(name: str) -> str:
    if not name.strip() or any(character in name for character in "\n\r\0"):
        raise PortalError("Give the backup a name.")
    return name.strip()


def _taken(error: IntegrityError, system: System) -> Exception:
    if constraint_name(error) == "one_job_of_a_name":
        return PortalError(f"{system} has a backup of this name already.")
    return error


def _absolute(path: str) -> str:
    cleaned = path.strip()
    if (
        not cleaned.startswith("/")
        or posixpath.normpath(cleaned) != (cleaned.rstrip("/") or "/")
        or any(c in cleaned for c in "\n\r\0")
    ):
        raise PortalError(f"{cleaned[:200] or 'An empty path'} is not an absolute path.", hint="Such as /srv/data, without dots.")
    return posixpath.normpath(cleaned)
