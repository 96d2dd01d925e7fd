"""Reads for pages."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db.models import QuerySet

from backups.choices import Level, RestoreVerdict
from backups.models import BackupFinding, BackupJob, BackupSurvey, Baseline, FoundBackup, Reading, Restore, RestoreTest
from clients.choices import Access
from clients.models import System
from portal.accounts.actor import Actor

# A reading that is older says nothing any more: looks come every two hours.
READING_HOLDS = timedelta(hours=6)
_WORST_FIRST = {"bad": 0, "unknown": 1, "warn": 2, "ok": 3}


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as a list shows it.

    Args:
        newest: its newest restore test, also one under way.
        reading: its newest reading; of a composite that of its worst part.
        level: ok, warn, bad or unknown. Green only while a proof holds, the newest test did not fail, a reading says that the
            newest snapshot is as young as promised, and nothing drifted.
        words: why.
    """

    job: BackupJob
    newest: RestoreTest | None
    reading: Reading | None
    level: str
    words: str

    @property
    def label(self) -> str:
        """The state in a word or two."""
        if self.level == "bad":
            return "Failed"
        return "Proven" if self.level in {"ok", "warn"} else "Not proven" if self.job.proof is None else "Not known"


@dataclass(slots=True)
class _Seen:
    """What is known of one job: newest test, the newest of each purpose that ended, newest reading of it or each of its parts,
    open drift.
    """

    newest: RestoreTest | None = None
    ended: list[RestoreTest] = field(default_factory=list)
    readings: list[Reading | None] = field(default_factory=list)
    drift: list[BackupFinding] = field(default_factory=list)


def job_lines(actor: Actor, *, now: datetime, system_id: int | None = None) -> list[JobLine]:
    """The jobs in use that an actor may see, the worst first, parts within their composites. Six queries whatever their number."""
    rows = BackupJob.objects.visible_to(actor).filter(ended_at=None, part_of=None).select_related("client", "system", "proof")
    if system_id is not None:
        rows = rows.filter(system_id=system_id)
    jobs = list(rows.order_by("client__name", "system__name", "name", "pk"))
    return _lines(jobs, now)


def job_line(job: BackupJob, *, now: datetime) -> JobLine:
    """One job as the list shows it."""
    return _lines([job], now)[0]


def _lines(jobs: Sequence[BackupJob], now: datetime) -> list[JobLine]:
    seen = _seen(jobs)
    lines = []
    for job in jobs:
        known = seen[job.pk]
        level, words, reading = _level(job, known, now)
        lines.append(JobLine(job, known.newest, reading, level, words))
    lines.sort(key=lambda line: _WORST_FIRST[line.level])
    return lines


def _seen(jobs: Sequence[BackupJob]) -> dict[int, _Seen]:
    ids = [job.pk for job in jobs]
    seen = {pk: _Seen() for pk in ids}
    tests = RestoreTest.objects.filter(job__in=ids).order_by("job_id", "-created_at").distinct("job_id")
    for test in tests:
        seen[test.job_id].newest = test
    ended = RestoreTest.objects.filter(job__in=ids, finished_at__isnull=False).order_by("job_id", "purpose", "-created_at")
    for test in ended.distinct("job_id", "purpose"):
        seen[test.job_id].ended.append(test)
    rows = BackupJob.objects.filter(part_of__in=ids, ended_at=None).values_list("pk", "part_of")
    parts = {pk: owner for pk, owner in rows if owner is not None}
    whole = set(parts.values())
    read = {pk: pk for pk in ids if pk not in whole} | parts
    newest = {
        reading.job_id: reading
        for reading in Reading.objects.filter(job__in=read).order_by("job_id", "-at", "-pk").distinct("job_id").select_related("job")
    }
    for pk, owner in read.items():
        seen[owner].readings.append(newest.get(pk))
    for finding in BackupFinding.objects.filter(job__in=read, kind="drift", state="open").order_by("level", "pk"):
        if finding.job_id is not None:
            seen[read[finding.job_id]].drift.append(finding)
    return seen


def _level(job: BackupJob, seen: _Seen, now: datetime) -> tuple[str, str, Reading | None]:
    """The worst of what is known, with its words and the reading that counts."""
    told = [_of_the_reading(reading, job, now) for reading in seen.readings] or [("unknown", "Not looked at yet.", None)]
    reading = min(told, key=lambda one: _WORST_FIRST[one[0]])
    candidates = [(*_of_the_proof(job, now), None), *((*_of_a_test(test), None) for test in seen.ended), reading]
    candidates += [(finding.level, f"Drift: {finding.subject}.", None) for finding in seen.drift]
    worst = min(candidates, key=lambda one: _WORST_FIRST[one[0]])
    return worst[0], worst[1], reading[2]


def _of_a_test(last: RestoreTest) -> tuple[str, str]:
    """The newest test of its purpose: what failed stays so until the same passes."""
    name = last.get_purpose_display().lower()
    if last.verdict == RestoreVerdict.FAIL:
        return "bad", f"The last {name} failed: {last.get_cause_display().lower()}."
    if last.verdict == RestoreVerdict.INCONCLUSIVE:
        return "warn", f"The last {name} was inconclusive: {last.get_cause_display().lower()}."
    return "ok", ""


def _of_the_proof(job: BackupJob, now: datetime) -> tuple[str, str]:
    until = job.proven_until
    if until is None:
        return "unknown", "Never proven: a backup that was never restored counts as none."
    if until <= now:
        return "unknown", "The last proof ran out."
    if job.proof is not None and job.proof.verdict == RestoreVerdict.NOTES:
        return "warn", "With notes."
    return "ok", "The newest restore test passed."


def _of_the_reading(reading: Reading | None, job: BackupJob, now: datetime) -> tuple[str, str, Reading | None]:
    if reading is None:
        return "unknown", "Not looked at yet: how old its newest snapshot is now is not known.", None
    if reading.at < now - READING_HOLDS:
        return "unknown", "Not looked at for hours: how old its newest snapshot is now is not known.", reading
    if (
        reading.newest_at is not None
        and reading.level != Level.UNKNOWN
        and now - reading.newest_at > timedelta(hours=job.recovery_point_h)
    ):
        return "bad", f"The newest snapshot is older than the promised {job.recovery_point_h} hours.", reading
    return reading.level, reading.findings[0] if reading.findings else "", reading


def baseline_of(job: BackupJob) -> Baseline | None:
    """The configuration as it was accepted last; None: never looked at."""
    return job.baselines.order_by("-accepted_at", "-pk").first()


def restores_of(job: BackupJob) -> list[Restore]:
    """The newest restores of a job, the newest first."""
    return list(Restore.objects.filter(job=job).order_by("-created_at", "-pk")[:30])


def snapshot_choices(job: BackupJob) -> list[tuple[str, str]]:
    """Snapshots to choose from, as the newest reading saw them: what the tool calls it, and when it was taken (UTC)."""
    reading = job.readings.filter(cause="").order_by("-at", "-pk").first()
    known = reading.traits.get("choices", []) if reading is not None else []
    return [("newest", "the newest")] + [
        (name, f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC, {name[:60]}") for seconds, name in reversed(known)
    ]


def phases_of(test: RestoreTest | Restore) -> list[tuple[str, str, int, float]]:
    """The steps of a test as its facts tell: part (empty where there is only one), step, exit status, seconds."""
    steps, name = [], ""
    several = test.specification.get("parts", ["1"]) != ["1"]
    for key, value in test.facts:
        if key == "part" and several:
            name = next(iter(test.specification.get(f"{value}.name", [])), value)
        elif key == "phase":
            step, code, seconds = value.split()
            steps.append((name, step, int(code), float(seconds)))
    return steps


@dataclass(frozen=True, slots=True)
class Share:
    """How much is proven.

    Args:
        proven, count: backups that were proven within the days, and all.
        proven_b, total_b: bytes of those, and of all whose size is known; `unsized`: how many have none.
    """

    proven: int
    count: int
    proven_b: int
    total_b: int
    unsized: int

    @property
    def percent(self) -> int | None:
        """Proven bytes of all bytes, rounded down; None where no size is known or one is missing."""
        return None if self.unsized or not self.total_b else self.proven_b * 100 // self.total_b


def proof_share(lines: list[JobLine], *, now: datetime, days: int = 90) -> Share:
    """What of these backups was proven within so many days. Their sizes are those of what last came back, or of a reading."""
    since = now - timedelta(days=days)
    proven = count = proven_b = total_b = unsized = 0
    for line in lines:
        proof = line.job.proof
        size = proof.restored_bytes if proof is not None else line.reading.size_b if line.reading is not None else None
        good = proof is not None and proof.finished_at is not None and proof.finished_at >= since
        count += 1
        proven += good
        if size is None:
            unsized += 1
        else:
            total_b += size
            proven_b += size if good else 0
    return Share(proven, count, proven_b, total_b, unsized)


def open_findings(
    actor: Actor, *, kind: str, job: BackupJob | None = None, system_id: int | None = None,
) -> QuerySet[BackupFinding]:  # fmt: skip
    """What is open, the worst first."""
    rows = BackupFinding.objects.visible_to(actor).filter(kind=kind, state=BackupFinding.State.OPEN)
    if job is not None:
        rows = rows.filter(job__in=[job.pk, *job.parts.values_list("pk", flat=True)])
    if system_id is not None:
        rows = rows.filter(system=system_id)
    return rows.select_related("client", "system", "job").order_by("level", "client__name", "system__name", "subject", "pk")


@dataclass(frozen=True, slots=True)
class Blind:
    """A system whose gaps are not known, and why."""

    system: System
    why: str
    looked_at: datetime | None


def not_looked_at(actor: Actor, *, now: datetime) -> list[Blind]:
    """Systems that were not looked at within hours: that nothing is missing there is not known."""
    rows = System.objects.visible_to(actor).filter(client__ended_at=None).select_related("client", "backup_survey")
    blind = []
    for system in rows.order_by("client__name", "name"):
        survey: BackupSurvey | None = getattr(system, "backup_survey", None)
        looked_at = survey.looked_at if survey is not None else None
        if looked_at is not None and looked_at >= now - READING_HOLDS:
            continue
        why = "It is read-only, and a look needs root." if system.access != Access.MANAGE else survey.problem if survey else ""
        blind.append(Blind(system, why or "It was not looked at yet.", looked_at))
    return blind


def excused(actor: Actor) -> QuerySet[BackupFinding]:
    """What needs no backup, and why."""
    rows = BackupFinding.objects.visible_to(actor).filter(state=BackupFinding.State.EXCUSED)
    return rows.select_related("client", "system").order_by("client__name", "system__name", "subject")


def found_backups(actor: Actor) -> QuerySet[FoundBackup]:
    """Backups that systems make and nobody watches."""
    rows = FoundBackup.objects.visible_to(actor).filter(gone_at=None, dismissed_at=None)
    return rows.select_related("client", "system").order_by("client__name", "system__name", "tool", "repository")


@dataclass(slots=True)
class Day:
    """A day of the calendar of proofs: tests that ended, and backups whose proof runs out."""

    date: date
    tests: list[RestoreTest] = field(default_factory=list)
    due: list[BackupJob] = field(default_factory=list)


def proof_calendar(actor: Actor, *, first: date, weeks: int) -> list[list[Day]]:
    """Weeks of days from a Monday on, in UTC: what was tested, and what has to be proven by then."""
    days = {first + timedelta(days=n): Day(first + timedelta(days=n)) for n in range(weeks * 7)}
    tests = RestoreTest.objects.visible_to(actor).filter(finished_at__date__gte=first, finished_at__date__lte=max(days))
    for test in tests.select_related("job", "system", "client").order_by("finished_at"):
        if test.finished_at is not None:
            days[test.finished_at.date()].tests.append(test)
    for job in BackupJob.objects.visible_to(actor).filter(ended_at=None, part_of=None).select_related("proof", "system", "client"):
        until = job.proven_until
        if until is not None and until.date() in days:
            days[until.date()].due.append(job)
    ordered = list(days.values())
    return [ordered[n : n + 7] for n in range(0, len(ordered), 7)]


@dataclass(frozen=True, slots=True)
class Curve:
    """One value over time, as a picture draws it: points within a box of 600 by 80, the newest at the right.

    Args:
        points: for an SVG polyline.
        low, high: the smallest and the largest value, in words.
    """

    title: str
    points: str
    low: str
    high: str
    count: int


def history_of(job: BackupJob, *, now: datetime, days: int = 180) -> list[Curve]:
    """Age of the newest snapshot at each look, its size, and how long each restore took. What was not measured is not drawn."""
    since = now - timedelta(days=days)
    series: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
    readings = job.readings.filter(at__gte=since, newest_at__isnull=False).order_by("at").values_list("at", "newest_at", "size_b")
    for at, newest_at, size_b in readings:
        if newest_at is not None:
            series["age"].append((at, max((at - newest_at).total_seconds() / 3600, 0.0)))
        if size_b is not None:
            series["size"].append((at, float(size_b)))
    tests = job.tests.filter(finished_at__gte=since, recovery_s__isnull=False).order_by("finished_at")
    series["time"] = [
        (at, float(seconds)) for at, seconds in tests.values_list("finished_at", "recovery_s") if at and seconds is not None
    ]
    return [
        curve
        for name, title, words in (
            ("age", "Age of the newest snapshot", _hours), ("size", "Size of the newest snapshot", _bytes),
            ("time", "Restore took", _seconds),
        )
        if (curve := _curve(title, series[name], words))
    ]  # fmt: skip


def _curve(title: str, values: list[tuple[datetime, float]], words: Callable[[float], str]) -> Curve | None:
    if not values:
        return None
    first, last = values[0][0], values[-1][0]
    width = (last - first).total_seconds() or 1.0
    high = max(value for _, value in values)
    points = " ".join(
        f"{(at - first).total_seconds() / width * 596 + 2 if len(values) > 1 else 300:.1f},{78 - value / (high or 1) * 74:.1f}"
        for at, value in values
    )
    return Curve(title, points, words(min(value for _, value in values)), words(high), len(values))


def _hours(value: float) -> str:
    return f"{value:.1f} h"


def _bytes(value: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.0f} min"
