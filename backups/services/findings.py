"""What looks found: drift from what was accepted, places that no backup covers, backups that nobody watches."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backups import queries
from backups.choices import Level
from backups.models import BackupFinding, BackupJob, Baseline, FoundBackup, Reading
from backups.parsers.discovery import Found
from backups.parsers.survey import Survey
from backups.services import drift
from clients.models import System
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

Kind, State = BackupFinding.Kind, BackupFinding.State
# What changes by itself, and drifts from nothing.
_MOVING = {"locks", "space", "choices"}
FIRST = "As the portal found it at its first look."


def watched(job: BackupJob) -> drift.Watched:
    """A job as the rules of drift take it."""
    return drift.Watched(job.tool, job.repository, tuple(job.sources), tuple(job.databases), tuple(job.excludes))


def note_drift(
    *, jobs: Sequence[BackupJob], survey: Survey, found: Sequence[Found], readings: Mapping[int, Reading], now: datetime,
) -> None:  # fmt: skip
    """Compare each job with its baseline; the first look makes one. What is as it was again is gone."""
    all_watched = [watched(job) for job in jobs]
    for job in jobs:
        entries = drift.entries_of(watched(job), survey.entries, found, all_watched)
        reading = readings.get(job.pk)
        traits = reading.traits if reading is not None and not reading.cause else {}
        content = drift.content_of(entries, {name: value for name, value in traits.items() if name not in _MOVING})
        baseline = queries.baseline_of(job)
        if baseline is None:
            if reading is not None and reading.cause:
                continue  # what can't be read yet can't be accepted
            _accept(job, content, FIRST, Actor.portal("look at backups"), now)
            continue
        changed = drift.differences(baseline.content, content)
        _note(job.system, job, {one.subject: (one.before, one.after, one.level) for one in changed}, now)


def note_uncovered(*, system: System, jobs: Sequence[BackupJob], survey: Survey, now: datetime) -> None:
    """Places of a system that no backup covers; an excuse stands until the place is gone."""
    gaps = drift.uncovered(survey.places, [watched(job) for job in jobs], scratch="/var/lib/retainer")
    # a new database in no backup is what one would miss first
    named = {
        f"{place.kind} {place.name}": (
            "",
            place.where if place.where != place.name else "",
            Level.BAD if place.kind == "database" else Level.WARN,
        )
        for place in gaps
    }
    _note(system, None, named, now)


def note_found(*, system: System, jobs: Sequence[BackupJob], found: Sequence[Found], now: datetime) -> None:
    """Backups that the system makes and nobody watches."""
    all_watched = [watched(job) for job in jobs]
    new = [one for one in found if not drift.is_watched(one, all_watched)]
    for one in new:
        seen = {
            "client_id": system.client_id, "sources": list(one.sources), "databases": list(one.databases),
            "excludes": list(one.excludes), "places": list(one.places),
        }  # fmt: skip
        FoundBackup.objects.update_or_create(
            system=system, tool=one.tool, repository=one.repository[:500],
            defaults={**seen, "gone_at": None}, create_defaults={**seen, "found_at": now},
        )  # fmt: skip
    there = {(one.tool, one.repository[:500]) for one in new}
    for row in FoundBackup.objects.filter(system=system, gone_at=None):
        if (row.tool, row.repository) not in there:
            FoundBackup.objects.filter(pk=row.pk).update(gone_at=now)


def _note(system: System, job: BackupJob | None, named: Mapping[str, tuple[str, str, Level]], now: datetime) -> None:
    """Bring the findings of a job (drift) or of a system (gaps) in line with what was seen: subject to before, after, level."""
    kind = Kind.UNCOVERED if job is None else Kind.DRIFT
    rows = BackupFinding.objects.filter(system=system, job=job, kind=kind)
    standing = {row.subject: row for row in rows.filter(state__in=[State.OPEN, State.EXCUSED])}
    for subject, (before, after, level) in named.items():
        row = standing.get(subject[:600])
        if row is None:
            BackupFinding.objects.create(
                client_id=system.client_id, system=system, job=job, kind=kind, subject=subject[:600], before=before, after=after,
                level=level, found_at=now,
            )  # fmt: skip
        elif row.state == State.OPEN and (row.before, row.after, row.level) != (before, after, level):
            BackupFinding.objects.filter(pk=row.pk).update(before=before, after=after, level=level)
    gone = [row.pk for subject, row in standing.items() if subject not in {name[:600] for name in named}]
    BackupFinding.objects.filter(pk__in=gone).update(state=State.GONE, closed_at=now)


@transaction.atomic
def accept(*, job: BackupJob, reason: str, actor: Actor, now: datetime) -> int:
    """Take the configuration as it is now as the new baseline: closes all open drift of the job; returns how many.

    Raises:
        PortalError: no reason, or nothing drifted.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why this is right now: the next one who looks will want to know.")
    baseline = queries.baseline_of(job)
    open_ones = list(job.findings.filter(kind=Kind.DRIFT, state=State.OPEN).select_for_update())
    if baseline is None or not open_ones:
        raise PortalError("Nothing of this backup drifted.")
    _accept(job, _applied(baseline.content, open_ones), reason.strip(), actor, now)
    BackupFinding.objects.filter(pk__in=[row.pk for row in open_ones]).update(
        state=State.ACCEPTED, closed_at=now, reason=reason.strip()[:2000], actor_label=actor.label
    )
    return len(open_ones)


def excuse(*, finding: BackupFinding, reason: str, actor: Actor, now: datetime) -> None:
    """Say why something needs no backup.

    Raises:
        PortalError: no reason, or it is no open gap.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why this needs no backup.")
    rows = BackupFinding.objects.filter(pk=finding.pk, kind=Kind.UNCOVERED, state=State.OPEN)
    with transaction.atomic():
        if not rows.update(state=State.EXCUSED, closed_at=now, reason=reason.strip()[:2000], actor_label=actor.label):
            raise PortalError("This is no open gap any more.")
        audit.record(
            action="backup.excuse", actor=actor, subject=finding, client_id=finding.client_id, now=now, what=finding.subject,
            reason=reason.strip(),
        )  # fmt: skip


def dismiss(*, found: FoundBackup, reason: str, actor: Actor, now: datetime) -> None:
    """Say why a backup that was found is not watched.

    Raises:
        PortalError: no reason.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why nobody needs to prove this backup.")
    with transaction.atomic():
        if FoundBackup.objects.filter(pk=found.pk, dismissed_at=None).update(
            dismissed_at=now, reason=reason.strip()[:2000], actor_label=actor.label
        ):
            audit.record(
                action="backup.dismiss", actor=actor, subject=found, client_id=found.client_id, now=now, what=str(found),
                reason=reason.strip(),
            )  # fmt: skip


def _accept(job: BackupJob, content: dict[str, Any], reason: str, actor: Actor, now: datetime) -> None:
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    Baseline.objects.create(
        client_id=job.client_id, job=job, content=content, sha256=digest, reason=reason[:2000], actor_label=actor.label, accepted_at=now
    )
    audit.record(action="backup.baseline", actor=actor, subject=job, client_id=job.client_id, now=now, sha256=digest, reason=reason)


def _applied(before: Mapping[str, Any], rows: Iterable[BackupFinding]) -> dict[str, Any]:
    """The baseline with what the findings show: exactly what was looked at is accepted, not what came since."""
    entries = {name: dict(entry) for name, entry in before["entries"].items()}
    traits = dict(before["traits"])
    for row in rows:
        drift.apply(entries, traits, subject=row.subject, after=row.after)
    return {"entries": entries, "traits": traits}
