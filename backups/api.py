"""Backups over the API."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status

from backups import queries
from backups.models import BackupFinding, BackupJob, Restore, RestoreTest
from backups.services import restore_tests, restores
from clients.api import actor_of_request
from portal.accounts.permissions import operation
from portal.accounts.roles import Permission

router = Router(tags=["backups"])


class JobOut(Schema):
    """A backup. `proven_until` is null while it was never proven; `level` is ok only while a proof holds, a fresh reading says that
    the newest snapshot (`newest_at`) is as young as promised, and nothing drifted.
    """

    id: int
    client_id: int
    system_id: int
    name: str
    tool: str
    repository: str
    sources: list[str]
    databases: list[str]
    excludes: list[str]
    part_of_id: int | None
    newest_at: datetime | None
    looked_at: datetime | None
    recovery_point_h: int
    recovery_time_min: int
    test_every_days: int
    proven_until: datetime | None
    proof_id: int | None
    level: str
    words: str


class RestoreTestOut(Schema):
    """A restore test with its evidence. `verdict` is empty until it is finished."""

    id: int
    uuid: uuid.UUID
    job_id: int
    system_id: int
    purpose: str
    state: str
    verdict: str
    cause: str
    findings: list[str]
    facts: list[Any]
    commands: list[Any]
    exit_status: int | None
    snapshot_id: str
    snapshot_at: datetime | None
    restored_files: int | None
    restored_bytes: int | None
    recovery_s: Decimal | None
    seal: str
    trouble: str
    created_at: datetime
    finished_at: datetime | None


@router.get("/backups", response=list[JobOut], operation_id="list_backups")
@operation(Permission.SEE)
def list_backups(request: HttpRequest) -> list[dict[str, Any]]:
    """All backups that one may see, the worst first."""
    lines = queries.job_lines(actor_of_request(request), now=timezone.now())
    return [_out(line) for line in lines]


@router.get("/backups/{int:job_id}/restore-tests", response=list[RestoreTestOut], operation_id="list_restore_tests")
@operation(Permission.SEE)
def list_restore_tests(request: HttpRequest, job_id: int) -> list[RestoreTest]:
    """The newest 100 restore tests of a backup, the newest first."""
    job = get_object_or_404(BackupJob.objects.visible_to(actor_of_request(request)), pk=job_id)
    return list(job.tests.order_by("-created_at")[:100])


@router.post("/backups/{int:job_id}/restore-tests", response={201: RestoreTestOut}, operation_id="start_restore_test")
@operation(Permission.OPERATE)
def start_restore_test(request: HttpRequest, job_id: int) -> Status[RestoreTest]:
    """Prove a backup now."""
    actor = actor_of_request(request)
    job = get_object_or_404(BackupJob.objects.visible_to(actor).select_related("system"), pk=job_id)
    return Status(201, restore_tests.request(job=job, actor=actor, now=timezone.now()))


@router.get("/restore-tests/{int:test_id}", response=RestoreTestOut, operation_id="get_restore_test")
@operation(Permission.SEE)
def get_restore_test(request: HttpRequest, test_id: int) -> RestoreTest:
    """One restore test."""
    return get_object_or_404(RestoreTest.objects.visible_to(actor_of_request(request)), pk=test_id)


class RestoreOut(Schema):
    """A restore, or the dry run that one stands on. `outcome` is empty until it ended."""

    id: int
    uuid: uuid.UUID
    job_id: int
    system_id: int
    mode: str
    snapshot: str
    snapshot_id: str
    snapshot_at: datetime | None
    paths: list[str]
    target: str
    plan_id: int | None
    reason: str
    state: str
    outcome: str
    cause: str
    findings: list[str]
    new_files: int | None
    same_files: int | None
    replaced_files: int | None
    size_b: int | None
    kept_at: str
    created_at: datetime
    finished_at: datetime | None


class DryRunIn(Schema):
    """What is to come back: `newest` or a snapshot's id, paths below the sources (none: all), a folder (empty: in its place)."""

    snapshot: str = "newest"
    paths: list[str] = Field(default_factory=list)
    target: str = ""


@router.get("/backups/{int:job_id}/restores", response=list[RestoreOut], operation_id="list_restores")
@operation(Permission.SEE)
def list_restores(request: HttpRequest, job_id: int) -> list[Restore]:
    """The newest 30 restores of a backup, dry runs and rehearsals among them, the newest first."""
    job = get_object_or_404(BackupJob.objects.visible_to(actor_of_request(request)), pk=job_id)
    return queries.restores_of(job)


@router.post("/backups/{int:job_id}/restores", response={201: RestoreOut}, operation_id="start_dry_run")
@operation(Permission.OPERATE)
def start_dry_run(request: HttpRequest, job_id: int, body: DryRunIn) -> Status[Restore]:
    """Look what a restore would change; carrying it out takes a person who read that."""
    actor = actor_of_request(request)
    job = get_object_or_404(BackupJob.objects.visible_to(actor).select_related("system"), pk=job_id)
    return Status(201, restores.look(job=job, actor=actor, now=timezone.now(), **body.dict()))


@router.get("/restores/{int:restore_id}", response=RestoreOut, operation_id="get_restore")
@operation(Permission.SEE)
def get_restore(request: HttpRequest, restore_id: int) -> Restore:
    """One restore."""
    return get_object_or_404(Restore.objects.visible_to(actor_of_request(request)), pk=restore_id)


class GapOut(Schema):
    """Something that no backup covers (`uncovered`), or that is not as it was accepted (`drift`, of a backup)."""

    id: int
    client_id: int
    system_id: int
    job_id: int | None
    kind: str
    subject: str
    before: str
    after: str
    level: str
    found_at: datetime


@router.get("/backup-findings", response=list[GapOut], operation_id="list_backup_findings")
@operation(Permission.SEE)
def list_backup_findings(request: HttpRequest) -> list[BackupFinding]:
    """What is open, gaps first: drift shows its difference to staff alone, whose business the configuration is."""
    actor = actor_of_request(request)
    gaps = list(queries.open_findings(actor, kind=BackupFinding.Kind.UNCOVERED))
    drift = list(queries.open_findings(actor, kind=BackupFinding.Kind.DRIFT))
    if not actor.may(Permission.OPERATE):
        for row in drift:
            row.before = row.after = ""
    return gaps + drift


def _out(line: queries.JobLine) -> dict[str, Any]:
    job = line.job
    fields = (
        "id", "client_id", "system_id", "name", "tool", "repository", "sources", "databases", "excludes", "part_of_id",
        "recovery_point_h", "recovery_time_min",
        "test_every_days", "proven_until", "proof_id",
    )  # fmt: skip
    looked = {"newest_at": line.reading.newest_at if line.reading else None, "looked_at": line.reading.at if line.reading else None}
    return {**{name: getattr(job, name) for name in fields}, "level": line.level, "words": line.words, **looked}
