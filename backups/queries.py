"""Reads for pages."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backups.choices import RestoreVerdict
from backups.models import BackupJob, RestoreTest
from portal.accounts.actor import Actor


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as a list shows it.

    Args:
        level: ok, warn, bad or unknown. Green only while a proof holds and the newest test did not fail.
        words: why.
    """

    job: BackupJob
    newest: RestoreTest | None
    level: str
    words: str

    @property
    def label(self) -> str:
        """The state in a word or two."""
        return {"ok": "Proven", "warn": "Proven", "bad": "Failed"}.get(self.level, "Not proven")


_WORST_FIRST = {"bad": 0, "unknown": 1, "warn": 2, "ok": 3}


def job_lines(actor: Actor, *, now: datetime, system_id: int | None = None) -> list[JobLine]:
    """The jobs in use that an actor may see, the worst first. Two queries whatever their number."""
    rows = BackupJob.objects.visible_to(actor).filter(ended_at=None).select_related("client", "system", "proof")
    if system_id is not None:
        rows = rows.filter(system_id=system_id)
    jobs = list(rows.order_by("client__name", "system__name", "name", "pk"))
    newest = {
        test.job_id: test
        for test in RestoreTest.objects.filter(job__in=[job.pk for job in jobs]).order_by("job_id", "-created_at").distinct("job_id")
    }
    lines = [_line(job, newest.get(job.pk), now) for job in jobs]
    lines.sort(key=lambda line: _WORST_FIRST[line.level])
    return lines


def job_line(job: BackupJob, *, now: datetime) -> JobLine:
    """One job as the list shows it."""
    return _line(job, job.tests.order_by("-created_at").first(), now)


def proof_share(lines: list[JobLine], *, now: datetime, days: int = 90) -> tuple[int, int]:
    """How many of these backups were proven within so many days, and how many there are."""
    since = now - timedelta(days=days)
    proven = [line for line in lines if line.job.proof and line.job.proof.finished_at and line.job.proof.finished_at >= since]
    return len(proven), len(lines)


def _line(job: BackupJob, newest: RestoreTest | None, now: datetime) -> JobLine:
    until = job.proven_until
    last = newest
    if last is not None and last.is_open:
        last = job.tests.filter(finished_at__isnull=False).order_by("-created_at").first()
    if last is not None and last.verdict == RestoreVerdict.FAIL:
        return JobLine(job, newest, "bad", f"The last restore test failed: {last.get_cause_display().lower()}.")
    if until is None:
        return JobLine(job, newest, "unknown", "Never proven: a backup that was never restored counts as none.")
    if until <= now:
        return JobLine(job, newest, "unknown", "The last proof ran out.")
    if last is not None and last.verdict == RestoreVerdict.INCONCLUSIVE:
        return JobLine(job, newest, "warn", f"The last restore test was inconclusive: {last.get_cause_display().lower()}.")
    if job.proof is not None and job.proof.verdict == RestoreVerdict.NOTES:
        return JobLine(job, newest, "warn", "With notes.")
    return JobLine(job, newest, "ok", "The newest restore test passed.")
