"""Looks at systems between restore tests: a survey, a reading of each backup, and what follows from both.

One row for each system says when it was looked at and who is at it; a look that died is taken up by the next one.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from backups.choices import Level, Tool
from backups.models import BackupJob, BackupSurvey, Reading
from backups.parsers.discovery import find_backups
from backups.parsers.facts import PartFacts, UnreadableFacts, parse_reading
from backups.parsers.survey import Survey, UnreadableSurvey, parse_survey
from backups.services import findings
from backups.services.reading_rules import REMEMBERED, Shape, judge_reading
from backups.services.specifications import secrets_of
from clients.choices import Access, Connection
from clients.errors import NotReady
from clients.models import System
from clients.services.access import open_shell
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.queue import nudge
from portal.ssh import detached
from portal.ssh.errors import SSHError
from portal.ssh.pool import Shell

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=2)
# After a failure, and how long one look may hold its system.
AGAIN = timedelta(minutes=15)
HELD = timedelta(minutes=20)
# Readings are kept for the history of a year and the same time of the year before.
KEPT = timedelta(days=400)
ACTOR = "look at backups"


def request(*, system: System, actor: Actor) -> None:
    """Ask for a look now.

    Raises:
        PortalError: the system is read-only: a look needs root there.
    """
    actor.require(Permission.OPERATE)
    if system.access != Access.MANAGE:
        raise PortalError(f"{system} is read-only: looking at its backups needs root there.")
    survey = _row(system)
    BackupSurvey.objects.filter(pk=survey.pk).update(tried_at=None)
    nudge("backups.look_at_system", client_id=system.client_id, system_id=system.pk)


def request_due(*, now: datetime) -> int:
    """Ask for the looks that are due, the longest ago first; returns how many. Only systems that were reached once."""
    systems = System.objects.filter(access=Access.MANAGE, client__ended_at=None, connection=Connection.OK)
    due = Q(backup_survey=None) | Q(backup_survey__tried_at=None) | Q(backup_survey__tried_at__lt=now - EVERY)
    due |= ~Q(backup_survey__problem="") & Q(backup_survey__tried_at__lt=now - AGAIN)
    free = Q(backup_survey=None) | Q(backup_survey__claimed_until=None) | Q(backup_survey__claimed_until__lt=now)
    rows = list(systems.filter(due & free).order_by("backup_survey__tried_at", "pk").values_list("pk", "client_id"))
    for system_id, client_id in rows:
        nudge("backups.look_at_system", client_id=client_id, system_id=system_id)
    return len(rows)


def look(*, system_id: int, now: datetime) -> None:
    """Look at a system, unless somebody is at it or a look is not due."""
    system = System.objects.select_related("client").get(pk=system_id)
    survey = _row(system)
    token = uuid.uuid4()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = Q(tried_at=None) | Q(tried_at__lt=now - EVERY) | (~Q(problem="") & Q(tried_at__lt=now - AGAIN))
    if not BackupSurvey.objects.filter(free & due, pk=survey.pk).update(claim=token, claimed_until=now + HELD):
        return
    problem = ""
    try:
        with open_shell(system, actor=Actor.portal(ACTOR), purpose=ACTOR) as shell:
            _look(system, survey, shell, now)
    except (SSHError, NotReady) as error:
        problem = str(error)
    except UnreadableSurvey as error:
        problem = f"The survey can't be read: {error}."
    BackupSurvey.objects.filter(pk=survey.pk, claim=token).update(tried_at=now, problem=problem, claim=None, claimed_until=None)
    logger.info("backup_look.done", extra={"system": system.pk, "problem": problem})


def _look(system: System, row: BackupSurvey, shell: Shell, now: datetime) -> None:
    survey = parse_survey(detached.backup_survey(shell))
    watched = BackupJob.objects.filter(ended_at=None).exclude(tool=Tool.COMPOSITE).select_related("credential", "key_export")
    # a backup is read where it is restored: that host reaches its repository
    readings = {
        job.pk: _read(job, shell, now)
        for job in watched.filter(Q(system=system, restore_on=None) | Q(restore_on=system)).order_by("pk")
    }
    jobs = list(watched.filter(system=system).order_by("pk"))
    with transaction.atomic():
        BackupSurvey.objects.filter(pk=row.pk).update(
            entries=[asdict(entry) for entry in survey.entries], places=[asdict(place) for place in survey.places], looked_at=now,
        )  # fmt: skip
        _follow(system, jobs, survey, readings, now)
        Reading.objects.filter(job__in=jobs, at__lt=now - KEPT).delete()


def _follow(system: System, jobs: Sequence[BackupJob], survey: Survey, readings: dict[int, Reading], now: datetime) -> None:
    found = find_backups(survey.entries)
    findings.note_drift(jobs=jobs, survey=survey, found=found, readings=readings, now=now)
    findings.note_uncovered(system=system, jobs=jobs, survey=survey, now=now)
    findings.note_found(system=system, jobs=jobs, found=found, now=now)


def _read(job: BackupJob, shell: Shell, now: datetime) -> Reading:
    specification = {
        "parts": ["1"], "purpose": ["reading"], "snapshot": ["newest"], "limit_s": ["120"], "live": ["yes"], "1.tool": [job.tool],
        "1.repository": [job.repository], "1.source": job.sources, "1.exclude": job.excludes, "1.root": [job.archive_root],
    }  # fmt: skip
    try:
        code, facts = parse_reading(detached.backup_reading(shell, specification=specification, secrets=secrets_of(job)))
    except UnreadableFacts as error:
        code, facts = 48, PartFacts(said=f"The reading can't be read: {error}.")
    earlier = list(job.readings.filter(newest_at__isnull=False, size_b__isnull=False).order_by("-at")[: REMEMBERED * 8])
    outlook = judge_reading(
        exit_status=code, facts=facts, sources=job.sources, recovery_point=timedelta(hours=job.recovery_point_h),
        keep=timedelta(days=job.keep_days) if job.keep_days else None, history=shapes(earlier),
        locked_before=bool(earlier and earlier[0].traits.get("locks")), at=now,
    )  # fmt: skip
    size = facts.expected if outlook.level != Level.UNKNOWN else None
    return Reading.objects.create(
        client_id=job.client_id, job=job, at=now, level=outlook.level, cause=outlook.cause, findings=list(outlook.findings),
        newest_at=facts.newest_at, oldest_at=facts.oldest_at, snapshots=facts.snapshots_total, size_b=size[0] if size else None,
        files=size[1] if size else None, traits=_traits(facts),
    )  # fmt: skip


def _traits(facts: PartFacts) -> dict[str, Any]:
    traits: dict[str, Any] = {
        "tool_version": facts.tool_version, "identity": facts.identity, "encryption": facts.encryption, "keys": facts.keys,
        "append_only": facts.append_only, "locks": facts.locks, "space": facts.space,
        "choices": facts.choices,
    }  # fmt: skip
    if facts.paths is not None:
        traits |= {"paths": sorted(facts.paths), "excludes": sorted(facts.excludes or ())}
    return traits


def shapes(readings: Sequence[Reading]) -> list[Shape]:
    """The snapshots that these readings (the newest first) saw, each once."""
    seen: dict[datetime, Shape] = {}
    for reading in readings:
        if reading.newest_at is not None and reading.size_b is not None:
            seen.setdefault(reading.newest_at, Shape(reading.newest_at, reading.size_b, reading.files or 0))
    return sorted(seen.values(), key=lambda shape: shape.newest_at, reverse=True)


def _row(system: System) -> BackupSurvey:
    row, _ = BackupSurvey.objects.get_or_create(system=system, defaults={"client_id": system.client_id})
    return row
