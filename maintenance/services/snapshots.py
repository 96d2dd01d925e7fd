"""Snapshots of the root file system before a change: the policy, what a host could take, and what it keeps."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from clients.choices import Access
from clients.models import System
from maintenance.choices import RunKind, SnapshotWish
from maintenance.errors import CanNotChange
from maintenance.models import RolloutTarget, SnapshotPolicy, UpdateRun
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.ssh import detached
from portal.ssh.errors import SSHError
from portal.ssh.pool import Shell

# Where a target's plan named a snapshot and no policy says how long it is kept any more.
DEFAULT_DAYS = 7


def set_policy(*, system: System, wish: str, keep_days: int, actor: Actor, now: datetime) -> SnapshotPolicy:
    """Say whether changes of a system begin with a snapshot, and for how many days (1 to 60) it is kept.

    Plans that stand keep what they say.

    Raises:
        CanNotChange: the portal only reads this system.
        PortalError: a wish or a number of days that there is not.
    """
    actor.require(Permission.OPERATE)
    if system.access != Access.MANAGE:
        raise CanNotChange(f"{system} is read-only: the portal changes nothing there, so there is nothing to snapshot before.")
    if wish not in SnapshotWish.values or not 1 <= keep_days <= 60:
        raise PortalError("Choose one of the three, and between 1 and 60 days.")
    with transaction.atomic():
        values = {"client_id": system.client_id, "wish": wish, "keep_days": keep_days, "set_at": now, "actor_label": actor.label}
        row, _ = SnapshotPolicy.objects.update_or_create(system=system, defaults=values)
        audit.record(
            action="snapshot_policy.set", actor=actor, subject=row, client_id=system.client_id, now=now, system=system.name, wish=wish,
            keep_days=keep_days,
        )  # fmt: skip
    return row


def policy_of(system: System) -> SnapshotPolicy | None:
    """What stands for a system; None: no snapshots."""
    return SnapshotPolicy.objects.filter(system=system).first()


def wish_for(system: System, kind: RunKind, target: RolloutTarget | None) -> tuple[SnapshotWish, int]:
    """What a run of this kind is told, with the days: on production what its plan named, elsewhere what the policy says."""
    if kind not in {RunKind.APPLY, RunKind.UPGRADE}:
        return SnapshotWish.NONE, 0
    policy = policy_of(system)
    days = policy.keep_days if policy else DEFAULT_DAYS
    if target is not None and target.wave >= 1:
        return (SnapshotWish.MUST, days) if target.snapshot else (SnapshotWish.NONE, 0)
    return (SnapshotWish(policy.wish), days) if policy and policy.wish else (SnapshotWish.NONE, 0)


def plan(shell: Shell, system: System, *, packages: Sequence[str]) -> tuple[str, str, str]:
    """What a change of these packages (none named: of anything) would begin with: the kind of snapshot, or why there is none,
    and the problem where the policy asks for one that can't be had.

    Raises:
        SSHError, UnexpectedStatus: the host could not be asked.
    """
    policy = policy_of(system)
    if policy is None or not policy.wish:
        return "", "", ""
    answer = detached.snapshots(shell, packages=tuple(packages))
    if answer.offer:
        return answer.offer, "", ""
    problem = f"No snapshot can be taken, and its policy asks for one: {answer.reason}." if policy.wish == SnapshotWish.MUST else ""
    return "", answer.reason, problem


def kept(system: System) -> list[UpdateRun]:
    """The runs whose snapshot the host still has, the newest first."""
    rows = UpdateRun.objects.filter(system=system, snapshot_gone_at=None).exclude(snapshot_kind="")
    return list(rows.select_related("undoes").order_by("-pk"))


def clear(shell: Shell, system: System, *, now: datetime) -> list[str]:
    """Have the host remove what is past its days, and note which are gone. Returns what is wrong, as sentences."""
    runs = kept(system)
    if not runs:
        return []
    try:
        answer = detached.drop_snapshots(shell)
    except (SSHError, detached.UnexpectedStatus) as error:
        return [f"Whether snapshots past their days are gone is not known: {error}"]
    there = {one.run for one in answer.kept if not one.lost}
    lost = {one.run for one in answer.kept if one.lost}
    gone = [run for run in runs if run.uuid not in there]
    UpdateRun.objects.filter(pk__in=[run.pk for run in gone]).update(snapshot_gone_at=now)
    before_time = [f"The snapshot of run {run.pk} was lost before its days were over." for run in gone if run.uuid in lost]
    return [*answer.trouble, *before_time]
