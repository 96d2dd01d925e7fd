"""Restores for the day they are needed: a dry run first, then into a folder or in its place; and rehearsals of the same."""

import logging
import posixpath
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from backups.choices import DATABASE_TOOLS, FILE_TOOLS, Cause, RestoreMode, RestoreState, RestoreVerdict, Tool
from backups.errors import RestoreUnderWay
from backups.models import BackupJob, Restore
from backups.parsers.facts import Facts, UnreadableFacts, parse_facts
from backups.services import following
from backups.services.judging import judge
from backups.services.promises import PartPromise, Promise
from backups.services.specifications import LIMIT_S, SPARE_B, secrets_of
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.queue import nudge
from portal.ssh import detached
from portal.ssh.detached import HostState, RunStatus
from portal.ssh.pool import Shell

logger = logging.getLogger(__name__)

Outcome = Restore.Outcome
# How it ended, why, and in sentences.
_End = tuple[str, str, tuple[str, ...]]
# How long after a dry run its answer may be acted upon; a trigger holds the same.
PLAN_HOLDS = timedelta(hours=24)
_OWN = {
    50: (Outcome.FAILED, Cause.COVERAGE, "Nothing of what was asked for is in the snapshot."),
    51: (Outcome.FAILED, Cause.SCRATCH, "The target can't be used; nothing was changed."),
    52: (Outcome.FAILED, Cause.SCRATCH, "What would be replaced could not be copied first; nothing was changed."),
    54: (Outcome.FAILED, Cause.HOST, "This host's administrator did not allow restores from this repository; nothing was changed."),
    53: (Outcome.FAILED, Cause.MISMATCH, "Putting it there failed in the middle: some files may be replaced."),
}


# Who puts files where they were is root there: the host's administrator says from which repositories (docs/backups.md).
_HOW = "To carry it out, root of this host writes the line “{repository}” into /etc/retainer/restores.allowed."


def look(
    *, job: BackupJob, snapshot: str = "newest", paths: Sequence[str] = (), target: str = "", actor: Actor, now: datetime,
) -> Restore:  # fmt: skip
    """Start a dry run: restore into the scratch area, and say what would be new and what replaced. Changes nothing.

    Args:
        snapshot: `newest`, or what the tool calls it.
        paths: of its sources or below them; none: all.
        target: a folder; empty: in its place.

    Raises:
        PortalError: a composite, a path outside the sources, a target that is no absolute path.
        RestoreUnderWay: a restore runs on this system.
    """
    mode = RestoreMode.DRY_RUN
    return _begin(job=job, mode=mode, snapshot=snapshot, paths=_paths(job, paths), target=_target(target), actor=actor, now=now)


def rehearse(*, job: BackupJob, actor: Actor, now: datetime) -> Restore:
    """Restore all of the newest snapshot as on the day it is needed, into the scratch area, and measure how long that takes.

    Raises:
        PortalError, RestoreUnderWay: as `look`.
    """
    return _begin(job=job, mode=RestoreMode.REHEARSAL, snapshot="newest", paths=[], target="", actor=actor, now=now)


def carry_out(*, plan: Restore, reason: str, confirmation: str = "", actor: Actor, now: datetime) -> Restore:
    """Do what a dry run said: the same snapshot, paths and target.

    Args:
        confirmation: in its place, over what lives: the system's name, typed.

    Raises:
        PortalError: no reason, no confirmation, a plan that is too old or did not end well, a database in its place.
        RestoreUnderWay: a restore runs on this system.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why this is restored.")
    if plan.mode != RestoreMode.DRY_RUN or plan.outcome != Outcome.DONE or plan.finished_at is None:
        raise PortalError("Only a dry run that ended well can be carried out.")
    if now - plan.finished_at > PLAN_HOLDS:
        raise PortalError("This dry run is older than a day: look again what would change.")
    mode = RestoreMode.FOLDER if plan.target else RestoreMode.IN_PLACE
    if mode == RestoreMode.IN_PLACE and plan.job.tool in DATABASE_TOOLS:
        raise PortalError(
            "A dump is never loaded over a live database from here.", hint="Restore it into a folder, and load it from there."
        )
    if mode == RestoreMode.IN_PLACE and confirmation.strip() != plan.system.name:
        raise PortalError(f"This replaces files on {plan.system}. Type its name to confirm.")
    return _begin(
        job=plan.job, mode=mode, snapshot=plan.snapshot_id, paths=plan.paths, target=plan.target, plan=plan, reason=reason.strip(),
        actor=actor, now=now,
    )  # fmt: skip


def _begin(
    *, job: BackupJob, mode: str, snapshot: str, paths: Sequence[str], target: str, plan: Restore | None = None, reason: str = "",
    actor: Actor, now: datetime,
) -> Restore:  # fmt: skip
    actor.require(Permission.OPERATE)
    if job.tool == Tool.COMPOSITE:
        raise PortalError("Restore its parts one by one: each goes to a place of its own.")
    if job.ended_at is not None:
        raise PortalError("This backup is not watched any more.")
    if not snapshot.strip() or any(character in snapshot for character in "\n\r\0"):
        raise PortalError("Choose a snapshot.")
    specification = {
        "parts": ["1"], "purpose": ["restore"], "mode": [mode], "scratch": [job.scratch], "live": ["yes"],
        "snapshot": [snapshot.strip()],
        "sample": ["0"], "seed": ["0"], "spare_b": [str(SPARE_B)], "limit_s": [str(LIMIT_S)], "target": [target], "application": [""],
        "1.tool": [job.tool], "1.name": [job.name], "1.repository": [job.repository], "1.source": job.sources,
        "1.database": job.databases, "1.exclude": job.excludes, "1.root": [job.archive_root], "1.path": list(paths),
    }  # fmt: skip
    try:
        with transaction.atomic():
            restore = Restore.objects.create(
                client_id=job.client_id, job=job, system_id=job.restore_on_id or job.system_id, mode=mode, snapshot=snapshot.strip(),
                paths=list(paths), target=target, plan=plan, reason=reason, specification=specification, started_by_id=actor.user_id,
                actor_label=actor.label, created_at=now,
            )  # fmt: skip
            audit.record(
                action="restore.request", actor=actor, subject=restore, client_id=job.client_id, now=now, job=job.name, mode=mode,
                snapshot=snapshot, paths=list(paths), target=target, reason=reason,
            )  # fmt: skip
            nudge("backups.execute_restore", client_id=job.client_id, restore_id=restore.pk)
    except IntegrityError as error:
        name = constraint_name(error)
        if name == "one_open_restore_per_system":
            raise RestoreUnderWay("A restore is under way on this system.", hint="One at a time: wait for its end.") from error
        if name == "client_not_ended":
            raise PortalError("This client's retainer ended: nothing is restored from here any more.") from error
        raise
    return restore


def sweep(*, now: datetime) -> int:
    """Nudge open restores that nobody holds; returns how many."""
    count = 0
    for restore_id, client_id in following.unheld(Restore.objects.all(), now=now):
        nudge("backups.execute_restore", client_id=client_id, restore_id=restore_id)
        count += 1
    return count


def execute(*, restore_id: int, now: datetime) -> None:
    """Carry a restore as far as it goes. Returns when it is finished, another worker has it, or the host is away."""
    rows = Restore.objects.select_related("system__client", "job__credential", "job__key_export", "job__storage_credential")
    restore = following.claim(rows, pk=restore_id, now=now)
    if restore is not None:
        following.follow(restore, _STEPS, system=restore.system)


def _start(shell: Shell, restore: Restore) -> None:
    detached.start_restore(
        shell, run=restore.uuid, kind="restore", specification=restore.specification, secrets=secrets_of(restore.job)
    )


def _given_up(restore: Restore, sentences: tuple[str, ...]) -> None:
    unsure = restore.start_sent_at and not sentences[0].startswith("The host did not begin")
    sent = "It may have begun: look at the host." if unsure else "Nothing was changed."
    _finish(restore, None, (Outcome.INCONCLUSIVE, Cause.HOST, (*sentences, sent)))


def _ended(restore: Restore, status: RunStatus) -> None:
    if status.state is not HostState.FINISHED or status.exit_status is None:
        changes = restore.mode in {RestoreMode.FOLDER, RestoreMode.IN_PLACE}
        left = "Some files may be replaced, and a copy of them lies on the host." if changes else "What it left is removed."
        cut = (f"The restore {following.how_it_was_cut(status)} before it ended.", left)
        _finish(restore, status, (Outcome.FAILED if changes else Outcome.INCONCLUSIVE, Cause.HOST, cut))
        return
    try:
        facts = parse_facts(status.facts)
    except UnreadableFacts as error:
        _finish(restore, status, (Outcome.INCONCLUSIVE, Cause.UNREAD, (f"The host's facts can't be read: {error}",)))
        return
    _finish(restore, status, _outcome(restore, status.exit_status, facts), facts)


def _outcome(restore: Restore, exit_status: int, facts: Facts) -> _End:
    if exit_status in _OWN:
        outcome, cause, words = _OWN[exit_status]
        how = _HOW.format(repository=restore.job.repository) if exit_status == 54 else ""
        return outcome, cause, tuple(text for text in (words, facts.unusable and f"{facts.unusable}.", facts.here.said, how) if text)
    if exit_status != 0:
        # up to here the steps are those of a restore test, and so are its reasons
        part = PartPromise(tool=restore.job.tool, name=restore.job.name)
        promise = Promise(parts=(part,), recovery_point=timedelta.max, recovery_time=timedelta.max)
        found = judge(exit_status=exit_status, facts=facts, promise=promise, at=restore.created_at)
        outcome = Outcome.FAILED if found.verdict == RestoreVerdict.FAIL else Outcome.INCONCLUSIVE
        return outcome, found.cause, (*found.findings, "Nothing was changed.")
    if facts.changes is None:
        return Outcome.INCONCLUSIVE, Cause.UNREAD, ("The host did not say what changes.",)
    new, same, replaced, _ = facts.changes
    if restore.mode == RestoreMode.DRY_RUN:
        words = f"{new} files would be new, {replaced} replaced, {same} are there as they would come back."
        ask = () if facts.allowed else (_HOW.format(repository=restore.job.repository),)
        return Outcome.DONE, Cause.NONE, (words, *_names("New", facts.adds), *_names("Replaced", facts.replaces), *ask)
    if facts.placed is None or facts.placed[1] or facts.placed[0] != new + same + replaced:
        return Outcome.FAILED, Cause.MISMATCH, ("Not every file lies there as it came back.",)
    words = f"{facts.placed[0]} files lie there as they came back: {new} are new, {replaced} were replaced."
    kept = (f"A copy of what was replaced: {facts.kept}.",) if facts.kept else ()
    return Outcome.DONE, Cause.NONE, (words, *kept)


def _names(words: str, names: Sequence[str]) -> tuple[str, ...]:
    return (f"{words}: {', '.join(names)}.",) if names else ()


@transaction.atomic
def _finish(restore: Restore, status: RunStatus | None, end: _End, facts: Facts | None = None) -> None:
    now = following.utc()
    outcome, cause, findings = end
    values: dict[str, Any] = {
        "outcome": outcome, "cause": cause, "findings": list(findings), "finished_at": now, **following.evidence_of(status),
    }  # fmt: skip
    if facts is not None:
        here = facts.here
        name = here.snapshot_name or (here.snapshot[0] if here.snapshot else "")
        values |= {"snapshot_id": name[:300], "snapshot_at": here.snapshot[1] if here.snapshot else None, "kept_at": facts.kept}
        if facts.changes is not None:
            values |= dict(zip(("new_files", "same_files", "replaced_files", "size_b"), facts.changes, strict=True))
    following.hold(restore, state=RestoreState.FINISHED, trouble="", **values)
    audit.record(
        action=f"restore.{outcome}", actor=Actor.portal("restore"), subject=restore, client_id=restore.client_id, now=now,
        mode=restore.mode, findings=list(findings),
    )  # fmt: skip
    logger.info("restore.finished", extra={"restore": restore.pk, "outcome": str(outcome)})


_STEPS: following.Steps[Restore] = following.Steps(words="restore", start=_start, ended=_ended, given_up=_given_up)


def _paths(job: BackupJob, paths: Sequence[str]) -> list[str]:
    wanted = [path.strip() for path in paths if path.strip()]
    if wanted and job.tool not in FILE_TOOLS:
        raise PortalError("A dump comes back as a whole: name no paths.")
    for path in wanted:
        if not _is_absolute(path) or not any(path == source or path.startswith(f"{source.rstrip('/')}/") for source in job.sources):
            raise PortalError(f"{path[:200]} lies in none of the sources of this backup.")
    return wanted


def _target(target: str) -> str:
    cleaned = target.strip()
    if cleaned and (not _is_absolute(cleaned) or cleaned == "/"):
        raise PortalError(f"{cleaned[:200]} is no absolute path of a folder.", hint="Such as /srv/restored; it must be empty or new.")
    return cleaned


def _is_absolute(path: str) -> bool:
    return path.startswith("/") and posixpath.normpath(path) == path and not any(character in path for character in "\n\r\0")
