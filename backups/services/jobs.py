"""Backup jobs: taken on, and ended."""

import posixpath
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from backups.choices import Tool
from backups.models import BackupJob
from clients.choices import Access
from clients.models import System
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.vault import services as vault
from portal.vault.models import CredentialKind


def add(
    *, system: System, name: str, tool: str, repository: str, sources: Sequence[str], excludes: Sequence[str] = (), key: str,
    recovery_point_h: int = 26, recovery_time_min: int = 240, test_every_days: int = 30, read_parts: int = 3, scratch: str = "",
    actor: Actor, now: datetime,
) -> BackupJob:  # fmt: skip
    """Take a backup on, with its key into the vault. It counts once a restore test proved it.

    Raises:
        PortalError: a read-only system, an unknown tool, no key, a source that is no absolute path, a line break somewhere, a
            name that another job of the system has.
    """
    actor.require(Permission.OPERATE)
    if system.access != Access.MANAGE:
        raise PortalError(f"{system} is read-only: a restore test needs root there.", hint="Give the portal the right to manage it.")
    if tool not in Tool.values:
        raise PortalError("Choose the tool that makes the backup.")
    if not key.strip():
        raise PortalError("Give the repository's key: without it nothing can be restored, by nobody.")
    places = [_absolute(source) for source in sources if source.strip()]
    if not places:
        raise PortalError("Name at least one source: what must be in every snapshot.")
    texts = [repository, scratch, *excludes]
    if not repository.strip() or any(character in text for text in texts for character in "\n\r\0"):
        raise PortalError("Name the repository, and keep line breaks out of names.")
    try:
        with transaction.atomic():
            credential = vault.store(
                client_id=system.client_id, kind=CredentialKind.PASSWORD, label=f"Backup {name.strip()} of {system.name}",
                secret=key.strip().encode(), system_id=system.pk, actor=actor, now=now,
            )  # fmt: skip
            job = BackupJob.objects.create(
                client_id=system.client_id, system=system, name=name.strip(), tool=tool, repository=repository.strip(), sources=places,
                excludes=[pattern.strip() for pattern in excludes if pattern.strip()], credential=credential,
                recovery_point_h=recovery_point_h, recovery_time_min=recovery_time_min, test_every_days=test_every_days,
                read_parts=read_parts, created_at=now, actor_label=actor.label,
                **({"scratch": _absolute(scratch)} if scratch.strip() else {}),
            )  # fmt: skip
            audit.record(
                action="backup.add", actor=actor, subject=job, client_id=job.client_id, now=now, system=system.name, tool=tool,
                repository=job.repository, sources=places, excludes=job.excludes,
            )  # fmt: skip
    except IntegrityError as error:
        if constraint_name(error) == "one_job_of_a_name":
            raise PortalError(f"{system} has a backup of this name already.") from error
        raise
    return job


def end(*, job: BackupJob, reason: str, actor: Actor, now: datetime) -> None:
    """Stop watching a backup. What its tests showed stays.

    Raises:
        PortalError: no reason.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why: from now on nobody proves this backup.")
    with transaction.atomic():
        if BackupJob.objects.filter(pk=job.pk, ended_at=None).update(ended_at=now):
            audit.record(action="backup.end", actor=actor, subject=job, client_id=job.client_id, now=now, reason=reason.strip())


def _absolute(path: str) -> str:
    cleaned = path.strip()
    if not cleaned.startswith("/") or posixpath.normpath(cleaned) != cleaned.rstrip("/") or any(c in cleaned for c in "\n\r\0"):
        raise PortalError(f"{cleaned[:200] or 'An empty path'} is not an absolute path.", hint="Such as /srv/data, without dots.")
    return posixpath.normpath(cleaned)
