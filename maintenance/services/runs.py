"""Update runs: started by an operator, carried by any worker, ended by a verdict.

A run is a row before anything reaches the host. The worker that holds its lease moves it on step by step; whatever dies in
between (worker, broker, database, network), the lease runs out and the sweep hands the row to the next worker, which goes
on from what the row and the host say. The host itself makes sure that nothing starts twice.
"""

import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from clients.choices import Access, Environment
from clients.models import System
from maintenance.choices import OPEN_RUN_STATES, DecisionKind, RunKind, Verdict
from maintenance.errors import CanNotChange, ClientEnded, NothingToApply, NotVerified, SystemBusy
from maintenance.models import PendingUpdate, RolloutTarget, RunPackage, UpdateRun, UpgradeDocument, VerdictOverrule
from maintenance.services import restarts, snapshots, staging
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import NotAllowed, PortalError, constraint_name
from portal.queue import nudge

logger = logging.getLogger(__name__)


def decided_updates(system: System) -> list[PendingUpdate]:
    """The open updates of a system that are decided as apply, in order of name."""
    rows = PendingUpdate.objects.filter(system=system, gone_at=None, decision__kind=DecisionKind.APPLY)
    return list(rows.order_by("package", "architecture"))


@dataclass(frozen=True, slots=True)
class Version:
    """One package's transition that a run is to make. `from_version` empty: it comes in new."""

    update_id: int | None
    package: str
    architecture: str
    from_version: str
    to_version: str


def start_run(*, system: System, actor: Actor, now: datetime) -> UpdateRun:
    """Apply the decided updates of one staging system, once, as one run. Production is changed by rollouts.

    Writes the run before anything reaches the host, so that a crash leaves a run to reattach to, never an unknown change.
    After commit: nudges `maintenance.execute_run`.

    Raises:
        NotVerified: a production system (trigger production_needs_an_approved_rollout holds it too).
        SystemBusy: another change holds the system (constraint one_open_run_per_system).
        NothingToApply: nothing is decided as apply.
        CanNotChange: the system is read-only or not managed by apt.
    """
    actor.require(Permission.OPERATE)
    _require_changeable(system)
    if system.environment == Environment.PRODUCTION:
        raise NotVerified(f"{system} is production: its updates go there by a rollout.", hint="Start one on the Rollouts page.")
    updates = decided_updates(system)
    if not updates:
        raise NothingToApply(f"No pending update of {system} is decided as apply.", hint="Decide on the triage page first.")
    versions = [
        Version(update.pk, update.package, update.architecture, update.installed_version, update.candidate_version)
        for update in updates
    ]  # fmt: skip
    run = create(system=system, kind=RunKind.APPLY, versions=versions, asked_by_id=actor.user_id, actor=actor, now=now)
    logger.info("run.started", extra={"run": run.pk, "system": system.pk})
    return run


def start_configure(*, system: System, actor: Actor, now: datetime) -> UpdateRun:
    """Finish what a broken run left half-configured: `dpkg --configure -a` as a run of its own.

    Raises:
        SystemBusy, CanNotChange: as `start_run`.
        NotAllowed: production, and the actor is a token.
    """
    actor.require(Permission.OPERATE)
    _require_a_person(system, actor)
    _require_changeable(system)
    return create(system=system, kind=RunKind.CONFIGURE, versions=[], asked_by_id=actor.user_id, actor=actor, now=now)


def start_rollback(*, run: UpdateRun, actor: Actor, now: datetime) -> UpdateRun:
    """Bring the packages of a run back to what they were before it; a run of its own, with its own verification.

    What came in new stays installed. The database lets a rollback go to nothing but the versions from before.

    Raises:
        PortalError: the run is under way, is no update, or was rolled back.
        NothingToApply: nothing of it can go back.
        SystemBusy, CanNotChange, NotAllowed: as `start_configure`.
    """
    actor.require(Permission.OPERATE)
    _require_a_person(run.system, actor)
    _require_changeable(run.system)
    if run.kind != RunKind.APPLY or run.is_open:
        raise PortalError("Only an update run that is finished can be rolled back.")
    if run.undone_by.filter(Q(state__in=OPEN_RUN_STATES) | Q(verdict=Verdict.VERIFIED)).exists():
        raise PortalError("This run was rolled back already.", hint="See the rollback's own page.")
    versions = [
        Version(None, row.package, row.architecture, row.to_version, row.from_version)
        for row in run.packages.order_by("package", "architecture")
        if row.from_version and row.from_version != row.to_version
    ]
    if not versions:
        raise NothingToApply("Nothing of this run can go back: everything in it came in new.")
    return create(
        system=run.system, kind=RunKind.ROLLBACK, versions=versions, undoes=run, asked_by_id=actor.user_id, actor=actor, now=now
    )


def start_undo(*, run: UpdateRun, actor: Actor, now: datetime) -> UpdateRun:
    """Take an upgrade back: the undo of every step that was begun, the last one first; a run of its own, with its own verification.

    Raises:
        PortalError: the run is under way, is no upgrade, or was taken back.
        SystemBusy, CanNotChange, NotAllowed: as `start_configure`.
    """
    actor.require(Permission.OPERATE)
    _require_a_person(run.system, actor)
    _require_changeable(run.system)
    if run.kind != RunKind.UPGRADE or run.is_open:
        raise PortalError("Only an upgrade that is finished can be taken back.")
    if run.undone_by.filter(Q(state__in=OPEN_RUN_STATES) | Q(verdict=Verdict.VERIFIED)).exists():
        raise PortalError("This upgrade was taken back already.", hint="See the page of the run that did.")
    return create(
        system=run.system, kind=RunKind.UPGRADE_UNDO, versions=[], undoes=run, document=run.document, asked_by_id=actor.user_id,
        actor=actor, now=now,
    )  # fmt: skip


def start_snapshot_rollback(*, run: UpdateRun, confirmed: str, actor: Actor, now: datetime) -> UpdateRun:
    """Bring a system's root file system back to the snapshot that a run took, and reboot it; a run of its own.

    Everything that was written to that file system since goes back with it, data of applications too.

    Args:
        confirmed: the system's name, typed by who starts it.

    Raises:
        PortalError: the name is not the system's, the run is under way, or its snapshot is not kept any more.
        SystemBusy, CanNotChange, NotAllowed: as `start_configure`.
    """
    actor.require(Permission.OPERATE)
    _require_a_person(run.system, actor)
    _require_changeable(run.system)
    if confirmed.strip() != run.system.name:
        raise PortalError(
            f"To go back to the snapshot, type the system's name: {run.system.name}.",
            hint="What was written to / since then goes back too.",
        )
    if run.is_open or not run.has_snapshot:
        raise PortalError("There is no snapshot of this run to go back to.", hint="Roll its packages back instead.")
    if run.undone_by.filter(Q(state__in=OPEN_RUN_STATES) | Q(verdict=Verdict.VERIFIED)).exists():
        raise PortalError("This run was rolled back already.", hint="See the rollback's own page.")
    versions = [
        Version(None, row.package, row.architecture, row.to_version, row.from_version)
        for row in run.packages.order_by("package", "architecture")
        if row.from_version and row.from_version != row.to_version
    ]
    return create(
        system=run.system, kind=RunKind.FS_ROLLBACK, versions=versions, undoes=run, asked_by_id=actor.user_id, actor=actor, now=now
    )


def start_restart(*, system: System, actor: Actor, now: datetime) -> UpdateRun:
    """Restart or reboot a staging system that needs it by its last scan. On production a rollout does, in its window.

    Raises:
        NotVerified: a production system.
        NothingToApply: nothing needs a restart that we know of.
        SystemBusy, CanNotChange: as `start_run`.
    """
    actor.require(Permission.OPERATE)
    _require_changeable(system)
    if system.environment == Environment.PRODUCTION:
        raise NotVerified(
            f"{system} is production: it is restarted by a rollout, in its window.", hint="Start one on the Rollouts page."
        )
    need = restarts.pending(system)
    if need is None:
        raise NothingToApply(f"By its last scan nothing on {system} needs a restart.", hint="Scan it to be sure.")
    return create(
        system=system, kind=RunKind(need.kind), versions=[], units=need.units, asked_by_id=actor.user_id, actor=actor, now=now
    )


def overrule(*, run: UpdateRun, reason: str, actor: Actor, now: datetime) -> VerdictOverrule:
    """Stand for a run that was not verified, by name and reason. The verdict stays; the versions count as verified.

    Raises:
        NotAllowed: not a lead, or the one who started the run (trigger nobody_overrules_their_own).
        PortalError: no reason, the run is under way, was verified, or was overruled before.
    """
    actor.require(Permission.APPROVE)
    if actor.user_id is None or actor.user_id == run.started_by_id:
        raise NotAllowed("Nobody overrules the verdict of their own run.", hint="Ask another lead.")
    if not reason.strip():
        raise PortalError("Say why: it stands beside the verdict for good.")
    if run.is_open or run.verdict == Verdict.VERIFIED:
        raise PortalError("Only a finished run that was not verified can be overruled.")
    try:
        with transaction.atomic():
            row = VerdictOverrule.objects.create(
                client_id=run.client_id, run=run, reason=reason.strip(), overruled_at=now, overruled_by_id=actor.user_id,
                actor_label=actor.label,
            )  # fmt: skip
            audit.record(
                action="run.overrule", actor=actor, subject=run, client_id=run.client_id, now=now, verdict=run.verdict,
                reason=reason.strip(),
            )  # fmt: skip
    except IntegrityError as error:
        if constraint_name(error) == "one_overrule_per_run":
            raise PortalError("This verdict was overruled already.") from error
        raise
    return row


def unverified_on_staging(system: System, updates: Sequence[PendingUpdate]) -> list[str]:
    """The updates that may not go to this system yet, as `package version`: neither staging nor its alternative has shown them."""
    versions = [(update.package, update.architecture, update.candidate_version) for update in updates]
    return [f"{name} {version}" for name, _, version in staging.unverified(system, versions)]


def create(
    *, system: System, kind: RunKind, versions: Sequence[Version], units: tuple[str, ...] = (), target: RolloutTarget | None = None,
    undoes: UpdateRun | None = None, document: UpgradeDocument | None = None, asked_by_id: int | None, actor: Actor, now: datetime,
) -> UpdateRun:  # fmt: skip
    """Write a run with what it is to do, and nudge a worker after commit. What may run at all the database decides.

    Raises:
        SystemBusy: another change holds the system, or another production system of its role.
        ClientEnded: the client's retainer ended.
    """
    snapshot, snapshot_days = snapshots.wish_for(system, kind, target)
    try:
        with transaction.atomic():
            run = UpdateRun.objects.create(
                client_id=system.client_id, system=system, kind=kind, units=list(units), target=target, undoes=undoes,
                document=document, snapshot=snapshot, snapshot_days=snapshot_days, created_at=now, started_by_id=asked_by_id,
                actor_label=actor.label,
            )  # fmt: skip
            RunPackage.objects.bulk_create(
                RunPackage(
                    client_id=system.client_id, run=run, update_id=version.update_id, package=version.package,
                    architecture=version.architecture, from_version=version.from_version, to_version=version.to_version,
                )
                for version in versions
            )  # fmt: skip
            audit.record(
                action=f"run.{kind}", actor=actor, subject=run, client_id=system.client_id, now=now, system=system.name,
                packages=[f"{version.package}={version.to_version}" for version in versions], units=list(units),
                document=document.sha256 if document else "", snapshot=snapshot,
            )  # fmt: skip
            nudge("maintenance.execute_run", client_id=run.client_id, run_id=run.pk)
    except IntegrityError as error:
        name = constraint_name(error)
        if name == "one_open_run_per_system":
            raise SystemBusy(f"Another change is under way on {system}.", hint="One change at a time: wait for its verdict.") from error
        if name == "one_system_of_a_role":
            raise SystemBusy(
                f"A change is under way on another production system with the role of {system}.", hint="Two of one role never at once."
            ) from error
        if name == "client_not_ended":
            raise ClientEnded("This client's retainer ended: nothing is changed on their systems any more.") from error
        raise
    return run


def claim(*, run_id: int, now: datetime) -> UpdateRun | None:
    """Take an open run whose lease is free or ran out; None when another worker has it, or it is finished."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    token = uuid.uuid4()
    taken = UpdateRun.objects.filter(free, pk=run_id, state__in=OPEN_RUN_STATES).update(claim=token, claimed_until=now + lease())
    return UpdateRun.objects.select_related("system__client").get(pk=run_id) if taken else None


def lease() -> timedelta:
    """How long a worker's hold lasts without a sign of life."""
    return timedelta(seconds=settings.CLAIM_LEASE_S)


def sweep(*, now: datetime) -> int:
    """Nudge open runs that nobody holds: a nudge got lost, a worker died, or it is time to try the host again."""
    free = Q(claimed_until__lt=now) | Q(claimed_until=None, created_at__lt=now - timedelta(seconds=10))
    rows: Iterator[tuple[int, int]] = (
        UpdateRun.objects.filter(free, state__in=OPEN_RUN_STATES).order_by("created_at", "pk").values_list("pk", "client_id")
    ).iterator()
    count = 0
    for run_id, client_id in rows:
        nudge("maintenance.execute_run", client_id=client_id, run_id=run_id)
        count += 1
    return count


def _require_a_person(system: System, actor: Actor) -> None:
    """A change of production asks its person for a fresh proof of identity, which a token can't give."""
    if system.environment == Environment.PRODUCTION and actor.limited_to is not None:
        raise NotAllowed("A token does not change production.", hint="Start the run on the Runs page.")


def _require_changeable(system: System) -> None:
    if system.access != Access.MANAGE:
        raise CanNotChange(f"{system} is read-only: the portal looks, and changes nothing there.")
    if system.package_manager not in {"", "apt"}:
        raise CanNotChange(f"{system} uses {system.package_manager}; the portal only reads it so far.")


def utc() -> datetime:
    """The clock of a long-running worker, where a `now` handed in at the start would grow old."""
    return datetime.now(UTC)
