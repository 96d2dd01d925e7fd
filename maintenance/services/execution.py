"""What a worker does with a run it holds: prepare, follow, verify. Each step may be the first one after a crash."""

import logging
import threading
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from clients.choices import Environment
from clients.errors import NotReady
from clients.services.access import open_shell
from maintenance.choices import REBOOTING, RUN_STEPS, Moment, RunKind, RunState, SnapshotWish, Verdict
from maintenance.errors import LeaseLost
from maintenance.models import RunCommand, RunEvidence, RunLogChunk, RunPackage, UpdateRun
from maintenance.parsers.upgrades import parse_document
from maintenance.services import evidence, plans, runs, scans
from maintenance.services.runs import utc
from maintenance.services.verdict import Judgement, judge
from monitoring.services import planned_work
from portal.accounts.actor import Actor
from portal.audit import services as audit
from portal.queue import nudge
from portal.ssh import detached
from portal.ssh.detached import HostState, RunStatus
from portal.ssh.errors import CommandFailed, ConnectFailed, ConnectionLost, SSHError, TimedOut, Unreachable
from portal.ssh.pool import Shell
from portal.ssh.target import clean

logger = logging.getLogger(__name__)

POLL_S = 1.0
RETRY_S = 5
# Before anything was sent, an unreachable host soon ends the run; afterwards we look for the truth far longer.
GIVE_UP_UNSENT = timedelta(minutes=2)
GIVE_UP_SENT = timedelta(hours=12)
# A host that does not come back from a reboot is somebody's business soon.
GIVE_UP_REBOOT = timedelta(minutes=30)
# Monitoring is quiet for so long at most; a run that takes longer is somebody's business.
RUN_LASTS = timedelta(hours=2)
BEGIN_WITHIN_S = 60
NOTHING_CHANGED = "Nothing was changed on the host."


def execute(*, run_id: int, now: datetime) -> None:
    """Carry a run as far as it goes. Returns when it is finished, another worker has it, or the host is away.

    Never starts anything twice: the host refuses, and what was sent with an unknown outcome is asked for, not sent again.
    """
    run = runs.claim(run_id=run_id, now=now)
    if run is None:
        return
    try:
        _carry(run)
    except LeaseLost:
        logger.info("run.lease_lost", extra={"run": run.pk})


def _carry(run: UpdateRun) -> None:
    try:
        with open_shell(run.system, actor=_carrier(run), purpose=f"update run {run.pk}") as shell:
            try:
                _steps(run, shell)
            except (ConnectionLost, TimedOut, ConnectFailed):
                shell.drop()  # a connection that failed once is not trusted again
                raise
    except (Unreachable, ConnectionLost, TimedOut) as error:
        _away(run, error)
    except (SSHError, NotReady, detached.UnexpectedStatus) as error:
        _refused(run, error)


def _steps(run: UpdateRun, shell: Shell) -> None:
    if run.state == RunState.QUEUED:
        _move(run, RunState.PREPARING)
    if run.state == RunState.PREPARING:
        _record(run, Moment.BEFORE, evidence.take(system=run.system, shell=shell))
        if not _still_as_planned(run, shell) or not _has_its_snapshot(run, shell):
            return
        # From here on the host may know of the run: written before anything is sent.
        _move(run, RunState.RUNNING)
        _announce(run)
    if run.state == RunState.RUNNING:
        status = _follow(run, shell)
        if status is None:
            return
        _move(run, RunState.VERIFYING, host_state=status.state.value, exit_status=status.exit_status, audit=status.audit,
              ended_on_host_at=utc())  # fmt: skip
    if run.state == RunState.VERIFYING:
        _verify(run, shell)


def _still_as_planned(run: UpdateRun, shell: Shell) -> bool:
    """On production the host is asked once more what would change; False, and the run ends, where it is not what was approved."""
    target = run.target
    if target is None or run.kind != RunKind.APPLY or target.environment != Environment.PRODUCTION:
        return True
    rows = list(target.changes.order_by("package", "architecture"))
    answer = plans.look(shell, rows, own_architecture=run.system.architecture)
    _hold(run)
    found = [*answer.problems, *plans.differences(plans.planned(rows), answer.changes)]
    if found:
        _finish(run, Judgement(Verdict.FAILED, ("The plan is not the one that was approved: " + "; ".join(found), NOTHING_CHANGED)))
    return not found


def _has_its_snapshot(run: UpdateRun, shell: Shell) -> bool:
    """Asked before anything is sent: whether the host can take the snapshot that must come first. False, and the run ends, where not.

    A helper that is too old to know of snapshots would leave them out in silence; it refuses this question.
    """
    if not run.snapshot:
        return True
    answer = detached.snapshots(shell, packages=_packages(run))
    _hold(run)
    if run.snapshot == SnapshotWish.MUST and not answer.offer:
        reason = f"The snapshot that must come first can't be taken: {answer.reason}."
        _finish(run, Judgement(Verdict.FAILED, (reason, NOTHING_CHANGED)))
        return False
    return True


def _follow(run: UpdateRun, shell: Shell) -> RunStatus | None:
    """Start the run on the host if it is not there, and follow its log until the host says how it ended.

    Returns None when the run was finished here: it vanished from the host, or never began.
    """
    while True:
        status = detached.status(shell, run=run.uuid, offset=_log_end(run))
        _hold(run, host_state=status.state.value, unreachable_since=None, trouble="", snapshot_kind=status.snapshot[:8])
        _keep_log(run, status)
        if status.state is HostState.ABSENT:
            if run.seen_on_host_at is not None:
                _finish(run, Judgement(Verdict.UNKNOWN, ("The run's record is gone from the host: its outcome is unknown.",)))
                return None
            if not _start(run, shell):
                return None
            continue
        if run.seen_on_host_at is None:
            _hold(run, seen_on_host_at=utc())
        if status.state is HostState.STARTING and status.age_s > BEGIN_WITHIN_S:
            detached.abandon(shell, run=run.uuid)
            continue
        if status.state in {HostState.FINISHED, HostState.DIED, HostState.REBOOTED} and _log_end(run) >= status.log_bytes:
            _keep_commands(run, status)
            return status
        threading.Event().wait(0 if _log_end(run) < status.log_bytes else POLL_S)


def _start(run: UpdateRun, shell: Shell) -> bool:
    """Send the run to its host; False when the host refused it for sure, and the run is finished."""
    if run.start_sent_at is None:
        _hold(run, start_sent_at=utc())
    try:
        detached.start(
            shell, run=run.uuid, kind=run.kind, packages=_packages(run), units=tuple(run.units),
            document=run.document.text if run.document and run.kind == RunKind.UPGRADE else "",
            undoes=run.undoes.uuid if run.undoes and run.kind in {RunKind.UPGRADE_UNDO, RunKind.FS_ROLLBACK} else None,
            snapshot=run.snapshot, snapshot_days=run.snapshot_days,
        )  # fmt: skip
    except CommandFailed as error:
        reasons = [error.message, NOTHING_CHANGED]
        if error.result.exit_status == detached.NOT_ALLOWED and run.document:
            reasons.insert(0, f"The host's administrator has not allowed this document: {run.document.sha256}.")
        _finish(run, Judgement(Verdict.FAILED, tuple(reasons)))
        return False
    return True


def _verify(run: UpdateRun, shell: Shell) -> None:
    """Look twice, the second time when services had time to fall over, and judge."""
    first = evidence.take(system=run.system, shell=shell)
    settled = (run.ended_on_host_at or utc()) + evidence.SETTLE
    while utc() < settled:
        _hold(run)
        threading.Event().wait(min(POLL_S, max(0.0, (settled - utc()).total_seconds())))
    after = evidence.note_flapping(first, evidence.take(system=run.system, shell=shell))
    _record(run, Moment.AFTER, after)
    # a rollback is right when all is as it was before what it takes back
    before = RunEvidence.objects.get(run=run.undoes or run, moment=Moment.BEFORE).facts
    wanted = {f"{row.package}:{row.architecture}": row.to_version for row in run.packages.all()}
    if run.host_state == HostState.DIED.value:
        judgement = Judgement(Verdict.FAILED, ("The run was killed on the host before it ended.", *_state_left(run, after)))
    elif run.exit_status is None:
        judgement = Judgement(Verdict.FAILED, ("The host rebooted while the run was under way.", *_state_left(run, after)))
    else:
        judgement = judge(
            exit_status=run.exit_status, audit=run.audit, before=before, after=after, wanted=wanted, kind=RunKind(run.kind),
            replaced=_replaced(run), lacks_snapshot=run.snapshot == SnapshotWish.MUST and not run.snapshot_kind,
        )  # fmt: skip
        if run.document and run.exit_status != 0:
            judgement = Judgement(judgement.verdict, (*judgement.findings, *_steps_left(run)))
    for row in run.packages.all():
        found = (after.get("packages") or {}).get(f"{row.package}:{row.architecture}", "")
        RunPackage.objects.filter(pk=row.pk).update(after_version=found)
    _finish(run, judgement, reboot_required=after.get("reboot_required"))


def _state_left(run: UpdateRun, after: dict[str, Any]) -> list[str]:
    """How far a run got that did not end by itself."""
    versions = after.get("packages") or {}
    applied = [row.package for row in run.packages.all() if versions.get(f"{row.package}:{row.architecture}") == row.to_version]
    lines = [f"{len(applied)} of {run.packages.count()} packages are at their decided version."]
    if run.audit.strip():
        lines.append("dpkg holds packages that are not wholly installed: " + " ".join(run.audit.split())[:500])
    return lines


def _replaced(run: UpdateRun) -> frozenset[str]:
    """Units that an upgrade may leave gone or changed; what takes it back brings them back."""
    return frozenset(parse_document(run.document.text).replaces) if run.document and run.kind == RunKind.UPGRADE else frozenset()


def _steps_left(run: UpdateRun) -> list[str]:
    """How far an upgrade got, or its taking back."""
    rows = list(run.commands.order_by("position"))
    lines = [f"{row.command} ended with exit status {row.exit_status}." for row in rows if row.exit_status != 0]
    done = [row.command for row in rows if row.exit_status == 0]
    return [*lines, f"Done before: {', '.join(done) or 'nothing'}."]


def _packages(run: UpdateRun) -> tuple[str, ...]:
    """What the host is to install, as its helper takes it."""
    own = RunEvidence.objects.get(run=run, moment=Moment.BEFORE).facts.get("architecture") or ""
    return plans.words(run.packages.order_by("package", "architecture"), own_architecture=own)


def _away(run: UpdateRun, error: SSHError) -> None:
    """The host can't be reached: say so, and come back soon; give up only after long, and then say unknown."""
    now = utc()
    since = run.unreachable_since or now
    sent = run.start_sent_at is not None
    patience = GIVE_UP_UNSENT if not sent else GIVE_UP_REBOOT if run.kind in REBOOTING else GIVE_UP_SENT
    if now - since > patience:
        if sent:
            words = f"The host has not answered since {since:%Y-%m-%d %H:%M} UTC: what became of the run is unknown."
            _finish(run, Judgement(Verdict.UNKNOWN, (words, error.message)))
        else:
            _finish(run, Judgement(Verdict.FAILED, (error.message, NOTHING_CHANGED)))
        return
    _hold(run, unreachable_since=since, trouble=error.message)
    UpdateRun.objects.filter(pk=run.pk, claim=run.claim).update(claimed_until=now + timedelta(seconds=RETRY_S))


def _refused(run: UpdateRun, error: SSHError | NotReady | detached.UnexpectedStatus) -> None:
    """The host answers, but not as it must: wrong key, refused login or sudo, a command that failed."""
    message = getattr(error, "message", "") or str(error)
    if run.start_sent_at is None:
        _finish(run, Judgement(Verdict.FAILED, (message, NOTHING_CHANGED)))
        return
    # Something may be running there: keep asking, and show what stands between.
    _away(run, error if isinstance(error, SSHError) else SSHError(message))


def _move(run: UpdateRun, to: RunState, **columns: Any) -> None:
    """One allowed step of the state machine, made true in the database under our claim."""
    if to not in RUN_STEPS[run.state]:
        raise ValueError(f"a run does not go from {run.state} to {to}")
    moved = UpdateRun.objects.filter(pk=run.pk, claim=run.claim, state=run.state).update(
        state=to, claimed_until=utc() + runs.lease(), **columns
    )
    if moved != 1:
        raise LeaseLost
    run.refresh_from_db()


def _hold(run: UpdateRun, **columns: Any) -> None:
    """Renew the lease and note a few columns; stops us when another worker has taken over."""
    held = UpdateRun.objects.filter(pk=run.pk, claim=run.claim, state=run.state).update(claimed_until=utc() + runs.lease(), **columns)
    if held != 1:
        raise LeaseLost
    for name, value in columns.items():
        setattr(run, name, value)


@transaction.atomic
def _announce(run: UpdateRun) -> None:
    """Services stop and start now: monitoring tells nobody of it while the run lasts, and for two hours at most."""
    now = utc()
    planned_work.begin(system=run.system, until=now + RUN_LASTS, reason=work_of(run), actor=_carrier(run), now=now)


def work_of(run: UpdateRun) -> str:
    """What a run is called as planned work."""
    return f"update run {run.pk}"


def _finish(run: UpdateRun, judgement: Judgement, *, reboot_required: bool | None = None) -> None:
    _move(run, RunState.FINISHED, verdict=judgement.verdict, findings=list(judgement.findings), finished_at=utc(),
          reboot_required=reboot_required, trouble="")  # fmt: skip
    actor = Actor.portal("update run")
    audit.record(action=f"run.{judgement.verdict}", actor=actor, subject=run, client_id=run.client_id, now=utc(),
                 findings=list(judgement.findings),
                 commands=list(run.commands.order_by("position").values("command", "exit_status")))  # fmt: skip
    planned_work.end(system=run.system, reason=work_of(run), actor=actor, now=utc())
    scans.request(system=run.system, actor=actor, now=utc())
    if run.target is not None:
        nudge("maintenance.advance_rollout", client_id=run.client_id, rollout_id=run.target.rollout_id)
    logger.info("run.finished", extra={"run": run.pk, "system": run.system_id, "verdict": str(judgement.verdict)})


def _carrier(run: UpdateRun) -> Actor:
    """The portal, on behalf of whoever started the run."""
    return Actor.portal(f"update run started by {run.actor_label}")


def _record(run: UpdateRun, moment: Moment, facts: dict[str, Any]) -> None:
    _hold(run)
    RunEvidence.objects.update_or_create(
        run=run, moment=moment, defaults={"client_id": run.client_id, "taken_at": utc(), "facts": facts}
    )


def _log_end(run: UpdateRun) -> int:
    last = run.log_chunks.order_by("-offset").first()
    return 0 if last is None else last.offset + len(last.content)


def _keep_log(run: UpdateRun, status: RunStatus) -> None:
    """Store the bytes that came; a chunk that another worker stored in the same moment is the same chunk."""
    if status.log:
        RunLogChunk.objects.bulk_create(
            [RunLogChunk(client_id=run.client_id, run=run, offset=_log_end(run), content=status.log)], ignore_conflicts=True
        )


def _keep_commands(run: UpdateRun, status: RunStatus) -> None:
    RunCommand.objects.bulk_create(
        (
            RunCommand(client_id=run.client_id, run=run, position=position, command=command.command, exit_status=command.exit_status)
            for position, command in enumerate(status.commands)
        ),
        ignore_conflicts=True,
    )


def log_text(run: UpdateRun, *, offset: int = 0) -> tuple[str, int]:
    """The stored log from a byte offset on as clean text, and the offset to ask for next."""
    raw = b"".join(bytes(chunk.content) for chunk in run.log_chunks.order_by("offset"))
    return clean(raw[offset:]), len(raw)
