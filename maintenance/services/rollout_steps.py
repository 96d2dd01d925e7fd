"""What a worker does with a rollout: one look at where it stands, the next steps that are possible, and nothing twice.

Each look may be the first one after a crash: what was begun is a run with the target's name on it, made in the same transaction
as the target's state, and the database lets a target have one run of a kind.
"""

import contextlib
import logging
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Q

from clients.choices import Environment
from clients.errors import NotReady
from clients.services.access import open_shell
from maintenance.choices import (
    ENDED_ROLLOUT_STATES,
    OPEN_TARGET_STATES,
    ROLLOUT_STEPS,
    Moment,
    RolloutState,
    RunKind,
    TargetState,
    Verdict,
)
from maintenance.errors import LeaseLost, SystemBusy
from maintenance.models import PlannedChange, Rollout, RolloutTarget, RunEvidence, RunPackage, UpdateRun, UpgradeDocument
from maintenance.services import maintenance_windows, plans, restarts, rollouts, runs, snapshots, staging, upgrades
from maintenance.services.runs import utc
from portal.accounts.actor import Actor
from portal.accounts.scope import acting_for
from portal.audit import services as audit
from portal.errors import constraint_name
from portal.queue import nudge
from portal.ssh import detached
from portal.ssh.errors import SSHError

logger = logging.getLogger(__name__)


def advance(*, rollout_id: int, now: datetime) -> None:
    """Carry a rollout as far as it goes now. Called again, or by two workers at once, it does nothing twice."""
    rollout = _claim(rollout_id, now)
    if rollout is None:
        return
    try:
        _step(rollout)
        Rollout.objects.filter(pk=rollout.pk, claim=rollout.claim).update(claim=None, claimed_until=None)
    except LeaseLost:
        logger.info("rollout.lease_lost", extra={"rollout": rollout_id})


def sweep(*, now: datetime) -> int:
    """Nudge open rollouts that nobody holds and that have something to wait for; returns how many."""
    free = Q(claimed_until__lt=now) | Q(claimed_until=None)
    resting = Q(state=RolloutState.APPROVAL) | Q(state=RolloutState.SOAKING, soak_until__gt=now)
    rows: Iterator[tuple[int, int]] = (
        Rollout.objects.filter(free)
        .exclude(state__in=ENDED_ROLLOUT_STATES)
        .exclude(resting)
        .order_by("pk")
        .values_list("pk", "client_id")
    ).iterator()
    count = 0
    for rollout_id, client_id in rows:
        nudge("maintenance.advance_rollout", client_id=client_id, rollout_id=rollout_id)
        count += 1
    return count


def _claim(rollout_id: int, now: datetime) -> Rollout | None:
    token = uuid.uuid4()
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    open_ones = Rollout.objects.filter(free, pk=rollout_id).exclude(state__in=ENDED_ROLLOUT_STATES)
    taken = open_ones.update(claim=token, claimed_until=now + runs.lease())
    return Rollout.objects.select_related("client", "document").get(pk=rollout_id) if taken else None


def _step(rollout: Rollout) -> None:
    if rollout.state == RolloutState.STAGING:
        _on_staging(rollout)
    if rollout.state == RolloutState.SOAKING and rollout.soak_until is not None and rollout.soak_until <= utc():
        _move(rollout, RolloutState.PLANNING)
    if rollout.state == RolloutState.PLANNING:
        _plan(rollout)
    if rollout.state == RolloutState.SCHEDULED:
        _wait_for_window(rollout)
    if rollout.state == RolloutState.PRODUCTION:
        _on_production(rollout)


def _on_staging(rollout: Rollout) -> None:
    targets = list(rollout.targets.filter(wave=0).select_related("system__client").order_by("position"))
    for target in targets:
        _carry(rollout, target)
    if _stopped_at(rollout, targets) or any(target.is_open for target in targets):
        return
    if not rollout.targets.filter(wave__gte=1).exists():
        _move(rollout, RolloutState.FINISHED, finished_at=utc())
        return
    _move(rollout, RolloutState.SOAKING, soak_until=_verified_at(rollout) + timedelta(hours=rollout.soak_h))


def _verified_at(rollout: Rollout) -> datetime:
    """Since when these versions have lain verified on staging: the newest run there that brought one of them."""
    if rollout.document is not None:
        twins = rollout.targets.filter(wave__gte=1, system__staging_twin__isnull=False).values("system__staging_twin_id")
        shown = UpdateRun.objects.filter(kind=RunKind.UPGRADE, document__sha256=rollout.document.sha256, verdict=Verdict.VERIFIED)
        since: datetime | None = shown.filter(system_id__in=twins).aggregate(at=Max("finished_at"))["at"]
        return since or utc()
    rows = PlannedChange.objects.filter(target__rollout=rollout, target__wave__gte=1)
    versions = Q(pk__in=[])
    for package, version in set(rows.values_list("package", "to_version")):
        versions |= Q(package=package, to_version=version)
    twins = rollout.targets.filter(wave__gte=1, system__staging_twin__isnull=False).values("system__staging_twin_id")
    newest = RunPackage.objects.filter(versions, run__system_id__in=twins, run__verdict=Verdict.VERIFIED).aggregate(
        at=Max("run__finished_at")
    )
    at: datetime | None = newest["at"]
    return at or utc()


def _plan(rollout: Rollout) -> None:
    """Ask every production host what the change would do there; the plan stands once all have answered."""
    if rollout.document is not None:
        _plan_upgrade(rollout, rollout.document)
        return
    for target in rollout.targets.filter(wave__gte=1, planned_at=None).select_related("system__client").order_by("wave", "position"):
        wanted = list(target.changes.order_by("package", "architecture"))
        snapshot = ("", "", "")
        if wanted:
            try:
                with (
                    _held_meanwhile(rollout),
                    open_shell(target.system, actor=_carrier(rollout), purpose=f"plan of rollout {rollout.pk}") as shell,
                ):
                    answer = plans.look(shell, wanted, own_architecture=target.system.architecture)
                    words = plans.words(wanted, own_architecture=target.system.architecture)
                    snapshot = snapshots.plan(shell, target.system, packages=words)
            except (SSHError, NotReady, detached.UnexpectedStatus) as error:
                _hold(rollout, waits_for=f"{target.system} could not be asked for its plan: {error}")
                return
            problems = [*answer.problems, *filter(None, snapshot[2:])]
            if problems:
                _stop(rollout, f"{target.system}: " + " ".join(problems))
                return
            _keep_plan(target, answer.changes)
        _hold(rollout, waits_for="")
        RolloutTarget.objects.filter(pk=target.pk).update(planned_at=utc(), snapshot=snapshot[0], snapshot_note=snapshot[1])
    untested = _untested(rollout)
    if untested:
        _stop(rollout, "Not verified on staging: " + ", ".join(untested[:8]) + ".")
        return
    _move(rollout, RolloutState.APPROVAL, plan_hash=plans.hash_of(rollout), planned_at=utc(), waits_for="")


def _plan_upgrade(rollout: Rollout, document: UpgradeDocument) -> None:
    """An upgrade's plan is its document: what is asked of each host is whether its administrator allows that very text."""
    for target in rollout.targets.filter(wave__gte=1, planned_at=None).select_related("system__client").order_by("wave", "position"):
        try:
            with (
                _held_meanwhile(rollout),
                open_shell(target.system, actor=_carrier(rollout), purpose=f"plan of rollout {rollout.pk}") as shell,
            ):
                allowed = detached.allows(shell, sha256=document.sha256)
                snapshot, snapshot_note, problem = snapshots.plan(shell, target.system, packages=())
        except (SSHError, NotReady, detached.UnexpectedStatus) as error:
            _hold(rollout, waits_for=f"{target.system} could not be asked whether it allows the document: {error}")
            return
        if not allowed:
            _stop(
                rollout,
                f"{target.system}: its administrator has not allowed this document. Have its hash written into "
                "/etc/retainer/plans.allowed there, then start again; what staging showed of it still counts.",
            )
            return
        if problem:
            _stop(rollout, f"{target.system}: {problem}")
            return
        _hold(rollout, waits_for="")
        RolloutTarget.objects.filter(pk=target.pk).update(planned_at=utc(), snapshot=snapshot, snapshot_note=snapshot_note)
    _move(rollout, RolloutState.APPROVAL, plan_hash=plans.hash_of(rollout), planned_at=utc(), waits_for="")


@transaction.atomic
def _keep_plan(target: RolloutTarget, changes: tuple[plans.Change, ...]) -> None:
    """Make the target's rows equal to what its host answered; what is in place already is no change any more."""
    found = {(change.package, change.architecture): change for change in changes}
    for row in target.changes.all():
        change = found.get((row.package, row.architecture))
        if change is None:
            row.delete()
            continue
        row.from_version, row.conflicts, row.keeping = change.from_version, list(change.conflicts), change.keeping
        row.save(update_fields=["from_version", "conflicts", "keeping"])


def _untested(rollout: Rollout) -> list[str]:
    """Planned versions that the database would not let through. What a canary of this very rollout will have shown can wait."""
    missing = []
    for target in rollout.targets.filter(wave__gte=1).select_related("system__client"):
        versions = [(row.package, row.architecture, row.to_version) for row in target.changes.order_by("package", "architecture")]
        canaries = [a.canary_id for a in staging.alternatives_in_force(target.system, now=utc()) if a.canary_id is not None]
        earlier = rollout.targets.filter(system_id__in=canaries, wave__gte=1, position__lt=target.position)
        coming = set(PlannedChange.objects.filter(target__in=earlier).values_list("package", "architecture", "to_version"))
        missing += [f"{v[0]} {v[2]} for {target.system}" for v in staging.unverified(target.system, versions) if v not in coming]
    return missing


def _wait_for_window(rollout: Rollout) -> None:
    """Production begins with the first system's window, or at once in an emergency."""
    first = rollout.targets.filter(wave__gte=1).select_related("system__client").order_by("wave", "position").first()
    if first is None:
        _move(rollout, RolloutState.PRODUCTION)
        return
    waiting = _window_is_shut(rollout, first)
    if waiting:
        _hold(rollout, waits_for=waiting)
        return
    _move(rollout, RolloutState.PRODUCTION, waits_for="")


def _on_production(rollout: Rollout) -> None:
    """The first wave that is not done: carry what runs, start what may start. The next wave waits for its last verdict."""
    targets = list(rollout.targets.filter(wave__gte=1).select_related("system__client").order_by("wave", "position"))
    waits_for = ""
    for target in targets:
        if not target.is_open:
            continue
        if any(earlier.is_open for earlier in targets if earlier.wave < target.wave) or any(
            t.state == TargetState.FAILED for t in targets
        ):
            break
        waits_for = _carry(rollout, target) or waits_for
    failed = [target for target in targets if target.state == TargetState.FAILED]
    if failed:
        rollout.targets.filter(state=TargetState.WAITING).update(state=TargetState.SKIPPED)
        for target in targets:
            if target.state in {TargetState.RUNNING, TargetState.RESTARTING}:
                _carry(rollout, target)
    if rollout.targets.filter(state__in=OPEN_TARGET_STATES).exists():
        _hold(rollout, waits_for=waits_for)
    elif not _stopped_at(rollout, targets):
        _move(rollout, RolloutState.FINISHED, finished_at=utc(), waits_for="")


def _stopped_at(rollout: Rollout, targets: list[RolloutTarget]) -> bool:
    """Stop where a target was not verified and nothing is under way any more; True where it did."""
    failed = [target for target in targets if target.state == TargetState.FAILED]
    under_way = [target for target in targets if target.state in {TargetState.RUNNING, TargetState.RESTARTING}]
    if not failed or under_way:
        return bool(failed)
    _stop(rollout, " ".join(f"{target.system}: {target.note}" for target in failed))
    return True


def _carry(rollout: Rollout, target: RolloutTarget) -> str:
    """The target's next step, where one is possible. Returns what it waits for, empty where it waits for nothing but its run."""
    if target.state == TargetState.WAITING:
        if target.environment == Environment.PRODUCTION:
            waiting = _window_is_shut(rollout, target)
            if waiting:
                return waiting
        return _begin(rollout, target)
    change = target.runs.filter(kind__in=[RunKind.APPLY, RunKind.UPGRADE])
    run = change.first() if target.state == TargetState.RUNNING else target.runs.order_by("-pk").first()
    if run is None or run.is_open:
        return ""
    if run.verdict != Verdict.VERIFIED:
        _turn(
            target, TargetState.FAILED, note=f"{run.get_kind_display()}: {run.get_verdict_display().lower()}. " + " ".join(run.findings)
        )
        return ""
    if target.state == TargetState.RUNNING:
        return _restart(rollout, target, run)
    _turn(target, TargetState.VERIFIED, note="Updated, and effective.")
    return ""


def _begin(rollout: Rollout, target: RolloutTarget) -> str:
    if rollout.document is not None:
        missing = [] if rollout.waived else upgrades.unmet(rollout.document, target.system, now=utc())
        return " ".join(missing) or _run(rollout, target, TargetState.RUNNING, RunKind.UPGRADE)
    rows = list(target.changes.order_by("package", "architecture"))
    if not rows:
        return _restart(rollout, target, None)
    versions = [
        runs.Version(row.update_id, row.package, row.architecture, row.from_version, row.to_version) for row in rows
    ]  # fmt: skip
    return _run(rollout, target, TargetState.RUNNING, RunKind.APPLY, versions=versions)


def _restart(rollout: Rollout, target: RolloutTarget, run: UpdateRun | None) -> str:
    """After the change: restart what still runs the old, or say what is left."""
    if run is not None:
        need = restarts.need_after(RunEvidence.objects.get(run=run, moment=Moment.AFTER).facts)
    else:
        known = restarts.of_last_scan(target.system)
        if known is None:
            _turn(target, TargetState.FAILED, note="What needs a restart here is not known: scan it until a scan reads it.")
            return ""
        need = known
    if not need.kind or not rollout.restarts:
        left = [*need.left, *(need.units if need.kind else ()), *(["reboot"] if need.kind == RunKind.REBOOT else [])]
        _turn(target, TargetState.VERIFIED, note="Restart still pending: " + ", ".join(left) if left else "Updated, and effective.")
        return ""
    return _run(rollout, target, TargetState.RESTARTING, RunKind(need.kind), units=need.units)


def _run(
    rollout: Rollout, target: RolloutTarget, state: TargetState, kind: RunKind, *, versions: list[runs.Version] | None = None,
    units: tuple[str, ...] = (),
) -> str:  # fmt: skip
    """Make the run and turn the target in one transaction. Returns what stands in the way, where something does."""
    try:
        with transaction.atomic():
            _turn(target, state)
            runs.create(
                system=target.system, kind=kind, versions=versions or [], units=units, target=target, asked_by_id=rollout.asked_by_id,
                document=rollout.document if kind == RunKind.UPGRADE else None, actor=_carrier(rollout), now=utc(),
            )  # fmt: skip
    except SystemBusy as error:
        target.state = TargetState.WAITING if state == TargetState.RUNNING else target.state
        target.refresh_from_db(fields=["state"])
        return error.message
    except IntegrityError as error:
        target.refresh_from_db(fields=["state"])
        if constraint_name(error) not in {"production_needs_staging", "production_follows_its_plan"}:
            raise
        _turn(target, TargetState.FAILED, note=f"The database refused the run: {str(error).splitlines()[0]}")
    return ""


def _window_is_shut(rollout: Rollout, target: RolloutTarget) -> str:
    """Why a system can't be started on now, empty where it can. A run that would not end in time does not start."""
    if rollout.emergency:
        return ""
    now = utc()
    window = maintenance_windows.next_window(target.system, now=now)
    if window is None:
        return f"{target.system} has no maintenance window: name one, or nothing is changed there."
    needed = rollouts.estimate(target.system, restart=rollout.restarts, document=rollout.document)
    if window.start <= now and now + needed <= window.end:
        return ""
    if window.start <= now:
        return f"{target.system} waits for its next window: this one ends before the change would ({needed.seconds // 60} minutes)."
    if window.end - window.start < needed:
        return f"{target.system}'s windows are too short: the change may take {needed.seconds // 60} minutes."
    return f"{target.system} waits for its window at {window.start:%Y-%m-%d %H:%M} UTC."


def _turn(target: RolloutTarget, state: TargetState, **columns: Any) -> None:
    turned = RolloutTarget.objects.filter(pk=target.pk, state=target.state).update(state=state, **columns)
    if turned != 1:
        raise LeaseLost
    target.state = state
    for name, value in columns.items():
        setattr(target, name, value)


@contextlib.contextmanager
def _held_meanwhile(rollout: Rollout) -> Iterator[None]:
    """Renew the lease from beside while a host takes its time; a worker that dies lets go of it as soon as any other."""
    done = threading.Event()

    def renew() -> None:
        with acting_for(rollout.client_id):
            while not done.wait(runs.lease().total_seconds() / 3):
                Rollout.objects.filter(pk=rollout.pk, claim=rollout.claim).update(claimed_until=utc() + runs.lease())
        connection.close()

    thread = threading.Thread(target=renew, daemon=True, name=f"lease of rollout {rollout.pk}")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _hold(rollout: Rollout, **columns: Any) -> None:
    held = Rollout.objects.filter(pk=rollout.pk, claim=rollout.claim, state=rollout.state).update(
        claimed_until=utc() + runs.lease(), **columns
    )
    if held != 1:
        raise LeaseLost
    for name, value in columns.items():
        setattr(rollout, name, value)


@transaction.atomic
def _move(rollout: Rollout, to: RolloutState, **columns: Any) -> None:
    """One allowed step, under our claim, on the trail."""
    if to not in ROLLOUT_STEPS[rollout.state]:
        raise ValueError(f"a rollout does not go from {rollout.state} to {to}")
    _hold(rollout, state=to, **columns)
    audit.record(
        action=f"rollout.{to}", actor=_carrier(rollout), subject=rollout, client_id=rollout.client_id, now=utc(),
        plan_hash=rollout.plan_hash, reason=rollout.stop_reason,
    )  # fmt: skip
    logger.info("rollout.moved", extra={"rollout": rollout.pk, "state": str(to)})


@transaction.atomic
def _stop(rollout: Rollout, reason: str) -> None:
    """The end: what waits stays untouched."""
    rollout.targets.filter(state=TargetState.WAITING).update(state=TargetState.SKIPPED)
    _move(rollout, RolloutState.STOPPED, stop_reason=reason, finished_at=utc(), waits_for="")


def _carrier(rollout: Rollout) -> Actor:
    """The portal, on behalf of whoever asked."""
    return Actor.portal(f"rollout {rollout.pk} asked for by {rollout.actor_label}")
