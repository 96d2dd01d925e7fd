"""Update runs: started by an operator, carried by any worker, ended by a verdict.

A run is a row before anything reaches the host. The worker that holds its lease moves it on step by step; whatever dies in
between (worker, broker, database, network), the lease runs out and the sweep hands the row to the next worker, which goes
on from what the row and the host say. The host itself makes sure that nothing starts twice.
"""

import logging
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from clients.choices import Access, Environment
from clients.models import System
from maintenance.choices import OPEN_RUN_STATES, DecisionKind, RunKind, Verdict
from maintenance.errors import CanNotChange, ClientEnded, NothingToApply, NotVerified, SystemBusy
from maintenance.models import InstalledPackage, PendingUpdate, RunPackage, UpdateRun
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import NotAllowed, constraint_name
from portal.queue import nudge

logger = logging.getLogger(__name__)


def decided_updates(system: System) -> list[PendingUpdate]:
    """The open updates of a system that are decided as apply, in order of name."""
    rows = PendingUpdate.objects.filter(system=system, gone_at=None, decision__kind=DecisionKind.APPLY)
    return list(rows.order_by("package", "architecture"))


def start_run(*, system: System, actor: Actor, now: datetime) -> UpdateRun:
    """Apply the decided updates of one system, once, as one run.

    Writes the run before anything reaches the host, so that a crash leaves a run to reattach to, never an unknown change.
    After commit: nudges `maintenance.execute_run`.

    Raises:
        SystemBusy: another change holds the system (constraint one_open_run_per_system).
        NothingToApply: nothing is decided as apply.
        NotVerified: a version was not verified on the staging twin.
        CanNotChange: the system is read-only or not managed by apt.
        NotAllowed: production, and the actor is a token.
    """
    actor.require(Permission.OPERATE)
    _require_a_person(system, actor)
    _require_changeable(system)
    updates = decided_updates(system)
    if not updates:
        raise NothingToApply(f"No pending update of {system} is decided as apply.", hint="Decide on the triage page first.")
    missing = unverified_on_twin(system, updates)
    if missing:
        raise NotVerified(
            f"Not yet verified on the staging twin {system.staging_twin}: " + ", ".join(missing[:8]) + ".",
            hint="Apply them there first; a verified run on the twin opens production.",
        )
    run = _create(system=system, kind=RunKind.APPLY, updates=updates, actor=actor, now=now)
    logger.info("run.started", extra={"run": run.pk, "system": system.pk})
    return run


def start_configure(*, system: System, actor: Actor, now: datetime) -> UpdateRun:
    """Finish what a broken run left half-configured: `dpkg --configure -a` as a run of its own.

    Raises:
        SystemBusy, CanNotChange: as `start_run`.
    """
    actor.require(Permission.OPERATE)
    _require_a_person(system, actor)
    _require_changeable(system)
    return _create(system=system, kind=RunKind.CONFIGURE, updates=[], actor=actor, now=now)


def unverified_on_twin(system: System, updates: list[PendingUpdate]) -> list[str]:
    """The updates whose version the staging twin has installed neither by a verified run nor at all, as `package version`.

    A package that the twin does not have can't be tested there and does not count. Without a twin nothing counts.
    """
    twin = system.staging_twin
    if twin is None or system.environment != Environment.PRODUCTION:
        return []
    on_twin = {
        (name, arch): version
        for name, arch, version in InstalledPackage.objects.filter(
            system=twin, name__in=[update.package for update in updates]
        ).values_list("name", "architecture", "version")
    }
    verified = set(
        RunPackage.objects.filter(run__system=twin, run__verdict=Verdict.VERIFIED).values_list("package", "architecture", "to_version")
    )
    # A newer twin build never needed a run of ours; a worse verdict on it must not be walked around that way.
    touched = set(RunPackage.objects.filter(run__system=twin).values_list("package", "architecture", "to_version"))
    missing = []
    for update in updates:
        key = (update.package, update.architecture)
        if key not in on_twin or (*key, update.candidate_version) in verified:
            continue
        if on_twin[key] == update.candidate_version and (*key, update.candidate_version) not in touched:
            continue
        missing.append(f"{update.package} {update.candidate_version}")
    return missing


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


def _create(*, system: System, kind: RunKind, updates: list[PendingUpdate], actor: Actor, now: datetime) -> UpdateRun:
    try:
        with transaction.atomic():
            run = UpdateRun.objects.create(
                client_id=system.client_id, system=system, kind=kind, created_at=now, started_by_id=actor.user_id,
                actor_label=actor.label,
            )  # fmt: skip
            RunPackage.objects.bulk_create(
                RunPackage(
                    client_id=system.client_id, run=run, update=update, package=update.package,
                    architecture=update.architecture, from_version=update.installed_version,
                    to_version=update.candidate_version,
                )
                for update in updates
            )  # fmt: skip
            audit.record(
                action=f"run.{kind}", actor=actor, subject=run, client_id=system.client_id, now=now, system=system.name,
                packages=[f"{update.package}={update.candidate_version}" for update in updates],
            )  # fmt: skip
            nudge("maintenance.execute_run", client_id=run.client_id, run_id=run.pk)
    except IntegrityError as error:
        if constraint_name(error) == "one_open_run_per_system":
            raise SystemBusy(f"Another change is under way on {system}.", hint="One change at a time: wait for its verdict.") from error
        if constraint_name(error) == "client_not_ended":
            raise ClientEnded("This client's retainer ended: nothing is changed on their systems any more.") from error
        raise
    return run


def utc() -> datetime:
    """The clock of a long-running worker, where a `now` handed in at the start would grow old."""
    return datetime.now(UTC)
