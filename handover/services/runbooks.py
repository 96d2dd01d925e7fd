"""Runbooks of systems: filled with their own names and paths, changed by operators, rehearsed on staging."""

import posixpath
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Subquery

from backups.choices import Tool
from backups.models import BackupJob
from backups.services import following
from clients.choices import Access, Connection, Environment, SystemRole
from clients.models import System
from handover.choices import Outcome
from handover.models import Rehearsal, Runbook
from handover.parsers.runbooks import VALUE, UnreadableRunbook, document_of, parse_runbook, sha256_of
from handover.parsers.runbooks import Runbook as Read
from handover.services import documents
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.queue import nudge
from portal.ssh import detached
from portal.ssh.detached import HostState, RunStatus
from portal.ssh.pool import Shell

SHIPPED = Path(__file__).resolve().parents[1] / "shipped"
ACTOR = Actor.portal("handover")
REHEARSE_EVERY = timedelta(days=30)
# Where a restored file comes back, on the host.
_BESIDE = "/var/tmp"  # noqa: S108  # a folder of its own below it, which the runbook wants empty
_PASSWORD_FILE = re.compile(r"--password-file[= ](\S+)")
Values = dict[str, str]
Facts = Mapping[str, Any]


def shipped() -> dict[str, str]:
    """The runbooks that come with the portal: name to text."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*.md"))}


@transaction.atomic
def fill(*, system: System, actor: Actor, now: datetime) -> int:
    """Give a system the shipped runbooks that fit it, with its own values; returns how many are new or different.

    What somebody changed stays theirs. One that does not fit any more ends. On staging it notes which may be rehearsed there.
    """
    document = documents.newest(system.pk)
    facts: Facts = document.facts if document else {"rows": {}, "files": []}
    changed = 0
    there = {row.slug: row for row in Runbook.objects.select_for_update().filter(system=system)}
    for slug, text in shipped().items():
        found, row, book = _FILLED[slug](system, facts), there.get(slug), parse_runbook(text)
        if found is None or (row is not None and not row.shipped):
            if found is None and row is not None and row.shipped and row.ended_at is None:
                Runbook.objects.filter(pk=row.pk).update(ended_at=now)
            continue
        values = {one.name: found.get(one.name, one.default) for one in book.parameters}
        values = {name: value if VALUE.fullmatch(value) else "" for name, value in values.items()}
        wanted = {"title": book.title, "text": text, "sha256": sha256_of(book), "values": values, "ended_at": None}
        if row is None:
            Runbook.objects.create(
                client_id=system.client_id, system=system, slug=slug, shipped=True, changed_at=now, actor_label=actor.label, **wanted
            )
        elif all(getattr(row, name) == value for name, value in wanted.items()):
            continue
        else:
            Runbook.objects.filter(pk=row.pk).update(changed_at=now, actor_label=actor.label, **wanted)
        changed += 1
    _note_allowed(system)
    return changed


def note_where_missing() -> int:
    """Before anything is known of a staging system its set-up script lists the shipped runbooks; returns how many systems got them."""
    rows = list(System.objects.filter(environment=Environment.STAGING, rehearsals=[], client__ended_at=None))
    for system in rows:
        _note_allowed(system)
    return len(rows)


def _note_allowed(system: System) -> None:
    """What the set-up script of a staging system lists: shipped runbooks, its own, and those of the systems whose twin it is."""
    if system.environment == Environment.STAGING:
        rows = Runbook.objects.filter(system__in=[system, *system.staging_for.all()], ended_at=None)
        found = {(row.sha256, row.slug) for row in rows} | {(sha256_of(parse_runbook(text)), slug) for slug, text in shipped().items()}
        System.objects.filter(pk=system.pk).update(rehearsals=[{"sha256": sha256, "name": slug} for sha256, slug in sorted(found)])
    elif system.staging_twin is not None:
        _note_allowed(system.staging_twin)


@transaction.atomic
def write(*, system: System, slug: str, text: str, values: Mapping[str, str], actor: Actor, now: datetime) -> Runbook:
    """Write a runbook of a system's own, or change one.

    Raises:
        PortalError: it can't be read (the line is named), a value has signs that it may not have, or no name.
    """
    actor.require(Permission.OPERATE)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", slug):
        raise PortalError("A runbook's name is of small letters, digits and hyphens.")
    try:
        book = parse_runbook(text.replace("\r\n", "\n"))
    except UnreadableRunbook as error:
        raise PortalError(str(error), hint="Nothing was changed.") from error
    kept = {one.name: values.get(one.name, one.default).strip() for one in book.parameters}
    for name, value in kept.items():
        if not VALUE.fullmatch(value):
            raise PortalError(f"{name}: letters, digits, spaces and ] @ % + = : , . / _ * [ - alone.", hint="Nothing was changed.")
    row, _ = Runbook.objects.update_or_create(
        system=system,
        slug=slug,
        defaults={
            "client_id": system.client_id,
            "title": book.title[:200],
            "text": text.replace("\r\n", "\n"),
            "sha256": sha256_of(book),
            "values": kept,
            "shipped": False,
            "changed_at": now,
            "actor_label": actor.label,
            "ended_at": None,
        },
    )
    _note_allowed(system)
    audit.record(action="runbook.write", actor=actor, subject=row, client_id=row.client_id, now=now, sha256=row.sha256)
    return row


def read(row: Runbook) -> Read:
    """A runbook as it is read; what is stored was read before."""
    return parse_runbook(row.text)


def place_of(runbook: Runbook) -> System | None:
    """Where a runbook is rehearsed: on its system where that is staging, else on its twin."""
    system = runbook.system
    return system if system.environment == Environment.STAGING else system.staging_twin


def last_rehearsals(runbooks: Any) -> Any:
    """A queryset of runbooks, each with what its newest rehearsal showed: `rehearsed_at`, `rehearsed` (outcome) and `rehearsal`.

    A rehearsal counts for every runbook with the same steps: they differ by their values only.
    """
    newest = Rehearsal.objects.filter(client=OuterRef("client"), sha256=OuterRef("sha256"), state="finished").exclude(
        outcome=Outcome.INCONCLUSIVE
    )
    newest = newest.order_by("-finished_at")
    return runbooks.annotate(
        rehearsed_at=Subquery(newest.values("finished_at")[:1]),
        rehearsed=Subquery(newest.values("outcome")[:1]),
        rehearsal=Subquery(newest.values("pk")[:1]),
    )


def rehearse(*, runbook: Runbook, actor: Actor, now: datetime) -> Rehearsal:
    """Begin a rehearsal on staging, with that system's own values. Nothing is sent before the row stands.

    Raises:
        PortalError: no staging system, one that we only look at, or a rehearsal is under way there (constraint
            one_open_rehearsal_per_system).
    """
    actor.require(Permission.OPERATE)
    place = place_of(runbook)
    if place is None:
        raise PortalError("There is no staging system to rehearse on.", hint="Give the system a staging twin.")
    if place.access != Access.MANAGE:
        raise PortalError(f"The portal only looks at {place}: it runs nothing there.")
    own = Runbook.objects.filter(system=place, sha256=runbook.sha256, ended_at=None).first() or runbook
    try:
        with transaction.atomic():
            row = Rehearsal.objects.create(
                client_id=runbook.client_id,
                runbook=runbook,
                system=place,
                sha256=runbook.sha256,
                started_by_id=actor.user_id,
                actor_label=actor.label,
                created_at=now,
                specification={"document": document_of(read(runbook)), "values": own.values},
            )
            audit.record(action="runbook.rehearse", actor=actor, subject=runbook, client_id=runbook.client_id, now=now, on=place.name)
            nudge("handover.execute_rehearsal", client_id=row.client_id, rehearsal_id=row.pk)
    except IntegrityError as error:
        if constraint_name(error) != "one_open_rehearsal_per_system":
            raise
        raise PortalError(f"A rehearsal is under way on {place}.", hint="Wait for it to end.") from error
    return row


def execute(*, rehearsal_id: int, now: datetime) -> None:
    """Worker: carry a rehearsal as far as it goes; another worker that has it is left to it."""
    rehearsal = following.claim(Rehearsal.objects.all(), pk=rehearsal_id, now=now)
    if rehearsal is not None:
        following.follow(rehearsal, _STEPS, system=rehearsal.system)


def sweep(*, now: datetime) -> int:
    """Nudge rehearsals that nobody holds; returns how many."""
    rows = list(following.unheld(Rehearsal.objects.all(), now=now))
    for pk, client_id in rows:
        nudge("handover.execute_rehearsal", client_id=client_id, rehearsal_id=pk)
    return len(rows)


def rehearse_due(*, now: datetime) -> int:
    """Begin the rehearsals that are due, one on each staging system at a time; returns how many. One that failed waits a day."""
    begun = 0
    rows = Runbook.objects.filter(ended_at=None, system__client__ended_at=None, system__environment=Environment.STAGING)
    rows = (
        rows.filter(system__access=Access.MANAGE, system__connection=Connection.OK).select_related("system").order_by("system_id", "pk")
    )
    busy: set[int] = set()
    for row in rows:
        if row.system_id in busy:
            continue
        tried = Rehearsal.objects.filter(system=row.system, sha256=row.sha256).order_by("-created_at").first()
        wait = REHEARSE_EVERY if tried is not None and tried.outcome == Outcome.WORKS else timedelta(days=1)
        if tried is not None and tried.created_at > now - wait:
            continue
        busy.add(row.system_id)
        try:
            rehearse(runbook=row, actor=ACTOR, now=now)
            begun += 1
        except PortalError:
            continue  # one is under way there
    return begun


def _start(shell: Shell, row: Rehearsal) -> None:
    detached.start_runbook(shell, run=row.uuid, document=row.specification["document"], values=row.specification["values"])


def _ended(row: Rehearsal, status: RunStatus) -> None:
    if status.state is not HostState.FINISHED:
        _finish(row, Outcome.INCONCLUSIVE, (f"The rehearsal {following.how_it_was_cut(status)}.",), status)
        return
    words = {
        0: "Every step did what it should, and what can be taken back was.",
        76: "A check did not hold: nothing was done.",
        78: "A step did not do what it should.",
        79: "What was done could not be taken back.",
    }
    failed = [one.command for one in status.commands if one.exit_status != 0]
    sentence = words.get(status.exit_status or 0, f"It ended with exit status {status.exit_status}.")
    findings = (sentence, *(f"{command} failed." for command in failed))
    _finish(row, Outcome.WORKS if status.exit_status == 0 else Outcome.FAILS, findings, status)


def _given_up(row: Rehearsal, findings: tuple[str, ...]) -> None:
    if any("not allowed" in one for one in findings):
        findings = (
            "This host's administrator has not allowed these steps. As root there: "
            f"echo '{row.sha256} {row.runbook.slug}' >>/etc/retainer/runbooks.allowed",
            *findings,
        )
    _finish(row, Outcome.INCONCLUSIVE, findings, None)


def _finish(row: Rehearsal, outcome: Outcome, findings: tuple[str, ...], status: RunStatus | None) -> None:
    with transaction.atomic():
        following.hold(
            row,
            state="finished",
            finished_at=following.utc(),
            outcome=outcome,
            findings=list(findings),
            **following.evidence_of(status),
        )
        audit.record(
            action="runbook.rehearsed",
            actor=ACTOR,
            subject=row.runbook,
            client_id=row.client_id,
            now=following.utc(),
            outcome=outcome.value,
            on=row.system.name,
        )


_STEPS: following.Steps[Rehearsal] = following.Steps(words="rehearsal", start=_start, ended=_ended, given_up=_given_up)


# --- what a system's own values are; None: the runbook does not fit it
def _always(_system: System, _facts: Facts) -> Values | None:
    return {}


def _rows(facts: Facts, area: str, word: str) -> list[list[str]]:
    return [row[1:] for row in facts["rows"].get(area, []) if row[0] == word]


_FIRST = ("nginx", "apache2", "httpd", "postfix", "dovecot", "postgresql", "mariadb", "php", "docker", "cron", "ssh")


def _service(_system: System, facts: Facts) -> Values | None:
    running = [row[0] for row in _rows(facts, "services", "service") if len(row) > 2 and row[2] == "running"]
    for wanted in _FIRST:
        for unit in running:
            if unit.startswith(wanted):
                return {"service": unit}
    return None


def _certificate(system: System, facts: Facts) -> Values | None:
    for path, _subject, _end, renews in _rows(facts, "certificates", "certificate"):
        if renews == "certbot":
            found = _service(system, facts) or {}
            return {"certificate": path, "name": posixpath.basename(posixpath.dirname(path)), "service": found.get("service", "")}
    return None


def _restic(system: System, facts: Facts) -> Values | None:
    job = BackupJob.objects.filter(system=system, tool=Tool.RESTIC, ended_at=None).order_by("pk").first()
    if job is None:
        return None
    lines = [row[-1] for row in _rows(facts, "cron", "cron") if job.repository in row[-1]]
    found = next((match[1] for line in lines if (match := _PASSWORD_FILE.search(line))), "/root/restic-key")
    return {
        "repository": job.repository,
        "key_file": found,
        "path": job.sources[0] if job.sources else "/",
        "target": f"{_BESIDE}/restored-{job.pk}",
    }


def _dump(system: System, _facts: Facts) -> Values | None:
    job = BackupJob.objects.filter(system=system, tool=Tool.PG_DUMP, ended_at=None).order_by("pk").first()
    if job is None:
        return None
    name = re.sub(r"[^a-z0-9_]", "_", job.name.lower())
    place = job.repository
    return {
        "database": name,
        "dumps": posixpath.dirname(place) if "*" in posixpath.basename(place) or "." in posixpath.basename(place) else place,
        "copy": f"{name}_restored",
    }


def _apt(system: System, facts: Facts) -> Values | None:
    return (
        {}
        if system.package_manager == "apt" or any(row[0].startswith("/etc/apt") for row in _rows(facts, "sources", "source"))
        else None
    )


def _logrotate(_system: System, facts: Facts) -> Values | None:
    timers = any(row[0] == "logrotate.timer" for row in _rows(facts, "timers", "timer"))
    daily = any(row[-1].endswith("/logrotate") for row in _rows(facts, "cron", "cron"))
    return {} if timers or daily else None


def _mail(system: System, facts: Facts) -> Values | None:
    listens = any(row[1].rsplit(":", 1)[-1] == "25" for row in _rows(facts, "ports", "port"))
    if SystemRole.MAIL not in system.roles and not listens:
        return None
    return {
        "domain": system.address.partition(".")[2] if not system.address.replace(".", "").isdigit() else "example.org",
        "host": "127.0.0.1",
    }


_FILLED: Mapping[str, Callable[[System, Facts], Values | None]] = {
    "add-a-user": _always,
    "apply-updates-by-hand": _apt,
    "check-mail-delivery": _mail,
    "extend-a-disk": _always,
    "read-what-failed": _always,
    "remove-a-user": _always,
    "renew-a-certificate": _certificate,
    "reset-a-password": _always,
    "restart-a-service": _service,
    "restore-a-database": _dump,
    "restore-a-file": _restic,
    "rotate-logs": _logrotate,
}
