"""Readiness to go on without us: shares that anyone can recompute, with everything that is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from backups.models import BackupJob
from clients.choices import Environment
from clients.models import Client, System
from handover.choices import Outcome
from handover.models import ReadinessDay, Runbook, SystemDocument, Walkthrough
from handover.services import documents, papers, proofs, runbooks
from portal.vault import services as vault
from portal.vault.models import CredentialKind

REHEARSED_FOR = timedelta(days=35)
PROVEN_FOR = timedelta(days=90)
# Areas in which a change is big: a walkthrough from before it shows another system.
BIG = {"services", "ports", "containers", "sites", "databases", "storage", "network", "configuration"}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something to be done, with the page where it is done."""

    words: str
    route: str
    args: tuple[int, ...] = ()


@dataclass(slots=True)
class Part:
    """A share: how many of how many, and what is missing. Of nothing it is not known, and does not count."""

    name: str
    title: str
    met: int = 0
    of: int = 0
    missing: list[Missing] = field(default_factory=list)

    @property
    def percent(self) -> int | None:
        """In whole percent, rounded down."""
        return self.met * 100 // self.of if self.of else None

    def count(self, *, met: bool, missing: Missing) -> None:
        """One more of them."""
        self.of += 1
        if met:
            self.met += 1
        else:
            self.missing.append(missing)


@dataclass(frozen=True, slots=True)
class Readiness:
    """A client's readiness. `score` is the mean of the parts' shares, rounded down; None where nothing is known."""

    parts: tuple[Part, ...]

    @property
    def score(self) -> int | None:
        """In percent."""
        counted = [part for part in self.parts if part.of]
        return int(sum(part.met / part.of for part in counted) * 100 / len(counted)) if counted else None


def readiness_of(client: Client, *, now: datetime) -> Readiness:
    """As it is now."""
    systems = list(System.objects.filter(client=client).order_by("environment", "name", "pk"))
    production = [system for system in systems if system.environment == Environment.PRODUCTION]
    return Readiness(
        (
            _documents(systems, now),
            _runbooks(client, now),
            _walkthroughs(production, now),
            _credentials(client),
            _restores(production, now),
        )
    )


def _documents(systems: Sequence[System], now: datetime) -> Part:
    part = Part("documents", "Documentation is current")
    for system in systems:
        newest = SystemDocument.objects.filter(system=system).order_by("-number").only("confirmed_at").first()
        current = newest is not None and newest.confirmed_at > now - papers.CURRENT_FOR
        part.count(met=current, missing=Missing(f"{system.name}: no current document", "handover:document", (system.pk,)))
    return part


def _runbooks(client: Client, now: datetime) -> Part:
    part = Part("runbooks", "Runbooks are rehearsed")
    rows = runbooks.last_rehearsals(Runbook.objects.filter(client=client, ended_at=None, system__environment=Environment.PRODUCTION))
    for row in rows.select_related("system").order_by("system__name", "slug"):
        works = row.rehearsed == Outcome.WORKS and row.rehearsed_at > now - REHEARSED_FOR
        why = (
            "does not work any more"
            if row.rehearsed == Outcome.FAILS
            else "not rehearsed lately"
            if row.rehearsed_at
            else "never rehearsed"
        )
        part.count(met=works, missing=Missing(f"{row.system.name}: “{row.title}” {why}", "handover:runbook", (row.pk,)))
    return part


def _walkthroughs(systems: Sequence[System], now: datetime) -> Part:
    part = Part("walkthroughs", "Walkthroughs are younger than the last big change")
    for system in systems:
        walkthrough = Walkthrough.objects.filter(system=system, ended_at=None).order_by("-made_at").only("made_at").first()
        met = walkthrough is not None and not big_change_since(system, walkthrough.made_at)
        words = "no walkthrough" if walkthrough is None else "changed since its walkthrough"
        part.count(met=met, missing=Missing(f"{system.name}: {words}", "handover:walkthroughs", (system.pk,)))
    return part


def big_change_since(system: System, at: datetime) -> bool:
    """Whether a system's document tells of a big change since a moment."""
    rows = SystemDocument.objects.filter(system=system).order_by("-number")
    newest = rows.first()
    if newest is None or newest.collected_at <= at:
        return False
    # where nothing was collected before, the first one tells how it was
    then = rows.filter(collected_at__lte=at).first() or rows.last()
    return then is not None and any(change["area"] in BIG for change in documents.difference(then.facts, newest.facts))


def _credentials(client: Client) -> Part:
    part = Part("credentials", "Credentials are complete and were tried")
    for row in vault.theirs(client.pk):
        opens = list(BackupJob.objects.filter(credential=row, ended_at=None).select_related("proof"))
        described = bool(row.username or row.url or row.notes or opens) or row.kind in {CredentialKind.NOTE, CredentialKind.LICENCE}
        proof = proofs.newest_proof(row)
        # what opened a backup that was restored since it was stored was tried by that
        works = any(proofs.opened_a_backup(row, job) for job in opens) if proof is None else proof.outcome == Outcome.WORKS
        why = (
            "nobody knows what for: no account, address or note"
            if not described
            else "does not work"
            if proof and not works
            else "never tried"
        )
        part.count(met=described and works, missing=Missing(f"{row.label}: {why}", "handover:credentials", (client.pk,)))
    return part


def _restores(systems: Sequence[System], now: datetime) -> Part:
    part = Part("restores", "A restore is proven")
    for system in systems:
        jobs = list(BackupJob.objects.filter(system=system, ended_at=None, part_of=None).select_related("proof"))
        late = [job for job in jobs if job.proof is None or job.proof.finished_at is None or job.proof.finished_at < now - PROVEN_FOR]
        words = (
            f"{system.name}: {', '.join(job.name for job in late)} not proven within 90 days"
            if jobs
            else f"{system.name}: no backup is known"
        )
        part.count(met=bool(jobs) and not late, missing=Missing(words, "backups:job-list"))
    return part


def note_days(*, now: datetime) -> int:
    """Keep today's score of each client whose day has begun, once; returns how many are new. Run twice it keeps one."""
    noted = 0
    for client in Client.objects.filter(ended_at=None).order_by("pk"):
        day = now.astimezone(ZoneInfo(client.time_zone)).date()
        if ReadinessDay.objects.filter(client=client, day=day).exists():
            continue
        found = readiness_of(client, now=now)
        if found.score is None:
            continue
        row = ReadinessDay(
            client=client, day=day, score=found.score, parts=[[part.name, part.met, part.of] for part in found.parts], made_at=now
        )
        noted += len(ReadinessDay.objects.bulk_create([row], ignore_conflicts=True))
    return noted
