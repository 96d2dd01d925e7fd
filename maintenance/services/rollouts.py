"""Rollouts as people use them: asked for by an operator, approved by a lead who did not ask, cancelled with a reason.

What then happens by itself is in rollout_steps.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from clients.choices import Access, Environment
from clients.models import Client, System
from clients.support.services import announcing
from maintenance.choices import (
    OPEN_TARGET_STATES,
    AlternativeKind,
    DecisionKind,
    RolloutState,
    RunKind,
    TargetState,
    Verdict,
)
from maintenance.errors import ClientEnded, NothingToApply, NotVerified, SystemBusy
from maintenance.models import (
    InstalledPackage,
    PendingUpdate,
    PlannedChange,
    Rollout,
    RolloutApproval,
    RolloutTarget,
    StagingAlternative,
    UpdateRun,
    UpgradeDocument,
)
from maintenance.parsers.upgrades import parse_document
from maintenance.services import restarts, runs, staging, windows
from maintenance.services.maintenance_windows import next_window
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.clock.recurrence import Window
from portal.errors import NotAllowed, PortalError, constraint_name
from portal.queue import nudge

logger = logging.getLogger(__name__)

FIRST_ESTIMATE = timedelta(minutes=15)
RESTART_ESTIMATE = timedelta(minutes=10)


@dataclass(slots=True)
class Draft:
    """One target of a rollout that is being put together."""

    system: System
    updates: list[PendingUpdate] = field(default_factory=list)
    # Versions that lie on a staging system already and are verified there by a run that finds them in place.
    present: list[tuple[str, str, str]] = field(default_factory=list)


def ready(client: Client, *, now: datetime) -> QuerySet[System]:
    """Systems of a client that a rollout would take: with decided updates or a restart pending, managed, and in none yet."""
    decided = PendingUpdate.objects.filter(system=OuterRef("pk"), gone_at=None, decision__kind=DecisionKind.APPLY)
    taken = RolloutTarget.objects.filter(system=OuterRef("pk"), state__in=OPEN_TARGET_STATES)
    rows = System.objects.filter(client=client, access=Access.MANAGE, package_manager__in=["", "apt"])
    pending = Q(Exists(decided)) | Q(pk__in=restarts.pending_systems(client))
    return rows.filter(pending, ~Exists(taken)).select_related("client", "staging_twin").order_by("-environment", "name", "pk")


@transaction.atomic
def start(
    *, client: Client, systems: Iterable[System] | None = None, emergency: bool = False, reason: str = "", restart: bool = True,
    share_percent: int = 25, actor: Actor, now: datetime,
) -> Rollout:  # fmt: skip
    """Send the decided updates of a client's systems on their way: staging first, then production.

    Args:
        systems: which ones; None takes all that are ready. Their staging twins come along by themselves.
        emergency: no soak and no waiting for a window; two people and a reason all the same.

    After commit: nudges `maintenance.advance_rollout`.

    Raises:
        NotAllowed: the portal itself can't ask, a person does.
        NothingToApply: nothing is decided on these systems.
        NotVerified: a version can't be tested on staging, and nothing is declared in its place.
        SystemBusy: a system is in another rollout (constraint one_open_rollout_per_system).
        ClientEnded: the client's retainer ended.
    """
    actor.require(Permission.OPERATE)
    chosen = ready(client, now=now)
    if systems is not None:
        chosen = chosen.filter(pk__in=[system.pk for system in systems])
    drafts = _drafts(list(chosen))
    if not any(draft.updates for draft in drafts.values()) and not any(restarts.pending(d.system) for d in drafts.values()):
        raise NothingToApply(f"Nothing is decided on these systems of {client}.", hint="Decide on the triage page first.")
    _require_testable(drafts, now=now)
    return make(
        client=client, drafts=drafts, emergency=emergency, reason=reason, restart=restart, share_percent=share_percent, actor=actor,
        now=now,
    )  # fmt: skip


def make(
    *, client: Client, drafts: dict[int, Draft], emergency: bool, reason: str, restart: bool, share_percent: int, actor: Actor,
    now: datetime, document: UpgradeDocument | None = None, waived: str = "",
) -> Rollout:  # fmt: skip
    """Write a rollout with its targets, and nudge a worker after commit. Runs in the caller's transaction.

    Raises:
        SystemBusy: a system is in another rollout (constraint one_open_rollout_per_system).
        ClientEnded: the client's retainer ended.
        NotAllowed, PortalError: nobody asks, or an emergency without a reason.
    """
    if actor.user_id is None:
        raise NotAllowed("A rollout is asked for by a person.", hint="Another one approves it.")
    if emergency and not reason.strip():
        raise PortalError("Say why this can't wait: an emergency is reported to the client with its reason.")
    try:
        with transaction.atomic():
            rollout = Rollout.objects.create(
                client=client, emergency=emergency, reason=reason.strip(), restarts=restart, share_percent=share_percent,
                soak_h=0 if emergency else windows.policy_of(client).soak_h, asked_by_id=actor.user_id, actor_label=actor.label,
                created_at=now, document=document, waived=waived.strip(),
            )  # fmt: skip
            _make_targets(rollout, drafts)
    except IntegrityError as error:
        if constraint_name(error) == "one_open_rollout_per_system":
            raise SystemBusy("One of these systems is in another rollout.", hint="Wait for its end, or cancel it.") from error
        if constraint_name(error) == "client_not_ended":
            raise ClientEnded("This client's retainer ended: nothing is changed on their systems any more.") from error
        raise
    audit.record(
        action="rollout.start", actor=actor, subject=rollout, client_id=client.pk, now=now, emergency=emergency, reason=reason.strip(),
        systems=[draft.system.name for draft in drafts.values()], document=document.sha256 if document else "", waived=waived.strip(),
    )  # fmt: skip
    nudge("maintenance.advance_rollout", client_id=client.pk, rollout_id=rollout.pk)
    return rollout


@transaction.atomic
def approve(*, rollout: Rollout, plan_hash: str, note: str = "", actor: Actor, now: datetime) -> RolloutApproval:
    """Let the plan as it stands pass to production. A lead does, and never the one who asked.

    Args:
        plan_hash: of the plan that the lead read; a plan that changed since is not approved by it.

    Raises:
        NotAllowed: not a lead, or the one who asked for it (constraint nobody_approves_their_own).
        PortalError: it is not waiting for approval, or its plan is another one by now.
    """
    actor.require(Permission.APPROVE)
    if actor.user_id is None or actor.user_id == rollout.asked_by_id:
        raise NotAllowed("Whoever asked for a rollout does not approve it.", hint="Ask another lead.")
    row = Rollout.objects.select_for_update().get(pk=rollout.pk)
    if row.state != RolloutState.APPROVAL:
        raise PortalError(f"This rollout is not waiting for approval: {RolloutState(row.state).label.lower()}.")
    if row.plan_hash != plan_hash:
        raise PortalError("The plan changed since you opened it.", hint="Read it again, then approve.")
    approval = RolloutApproval.objects.create(
        client_id=row.client_id, rollout=row, plan_hash=plan_hash, asked_by_id=row.asked_by_id, approved_by_id=actor.user_id,
        approved_at=now, actor_label=actor.label, note=note.strip(),
    )  # fmt: skip
    Rollout.objects.filter(pk=row.pk).update(state=RolloutState.SCHEDULED)
    audit.record(
        action="rollout.approve", actor=actor, subject=row, client_id=row.client_id, now=now, plan_hash=plan_hash,
        asked_by=row.actor_label, emergency=row.emergency, note=note.strip(),
    )  # fmt: skip
    _announce(row, now=now)
    nudge("maintenance.advance_rollout", client_id=row.client_id, rollout_id=row.pk)
    return approval


def _announce(rollout: Rollout, *, now: datetime) -> None:
    """Tell the client's people in which window their systems are changed; an emergency does not wait for one."""
    targets = (
        rollout.targets.filter(system__environment=Environment.PRODUCTION).select_related("system__client").order_by("system__name")
    )
    by_window: dict[Window, list[System]] = {}
    for target in targets.select_related("system__client").order_by("system__name", "pk"):
        window = next_window(target.system, now=now)
        if window is not None and not rollout.emergency:
            by_window.setdefault(window, []).append(target.system)
    for window, systems in by_window.items():
        announcing.tell_of_work(
            client=systems[0].client,
            what=", ".join(system.name for system in systems)[:150],
            start=max(window.start, now),
            end=window.end,
            reason="Updates",
            uid=f"rollout-{rollout.pk}-{window.start:%Y%m%dT%H%M}@retainer",
            now=now,
        )


@transaction.atomic
def cancel(*, rollout: Rollout, reason: str, actor: Actor, now: datetime) -> None:
    """End a rollout that has not reached production. What runs on staging ends by itself.

    Raises:
        PortalError: no reason, or it is on production or at its end already.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why: whoever asked for it wants to know.")
    row = Rollout.objects.select_for_update().get(pk=rollout.pk)
    if not row.is_open or row.state == RolloutState.PRODUCTION:
        raise PortalError(
            f"It can't be cancelled any more: {RolloutState(row.state).label.lower()}.",
            hint="On production it stops by itself at the first system that is not verified.",
        )
    row.targets.filter(state__in=OPEN_TARGET_STATES).update(state=TargetState.SKIPPED)
    Rollout.objects.filter(pk=row.pk).update(
        state=RolloutState.CANCELLED, stop_reason=f"{actor.label}: {reason.strip()}", finished_at=now, waits_for="", claim=None,
        claimed_until=None,
    )  # fmt: skip
    audit.record(action="rollout.cancel", actor=actor, subject=row, client_id=row.client_id, now=now, reason=reason.strip())


def estimate(system: System, *, restart: bool, document: UpgradeDocument | None = None) -> timedelta:
    """How long a change on this system takes at most, from its last ones: the longest of five, half as much again.

    An upgrade is measured by what its text took elsewhere; before it ran anywhere, by the timeouts of its steps.
    """
    settle = timedelta(seconds=settings.SETTLE_S)
    if document is not None:
        done = UpdateRun.objects.filter(kind=RunKind.UPGRADE, verdict=Verdict.VERIFIED, document__sha256=document.sha256)
        durations = [run.finished_at - run.created_at for run in done.order_by("-pk")[:5] if run.finished_at]
        longest = max(durations) * 3 / 2 if durations else timedelta(seconds=parse_document(document.text).longest_s)
        return longest + settle + (RESTART_ESTIMATE if restart else timedelta(0))
    runs = UpdateRun.objects.filter(system=system, kind=RunKind.APPLY, verdict=Verdict.VERIFIED).order_by("-pk")[:5]
    longest = max((run.finished_at - run.created_at for run in runs if run.finished_at), default=FIRST_ESTIMATE)
    return longest * 3 / 2 + settle + (RESTART_ESTIMATE if restart else timedelta(0))


def waves(systems: Sequence[System], *, share_percent: int) -> list[int]:
    """The wave of each system in order: one system, then a share of the rest, then what is left."""
    rest = len(systems) - 1
    second = ceil(rest * share_percent / 100)
    return [1] + [2] * second + [3] * (rest - second) if systems else []


def _drafts(chosen: list[System]) -> dict[int, Draft]:
    """The targets: production with its decided updates, its twins with the same versions, and staging's own decided ones."""
    drafts = {system.pk: Draft(system, runs.decided_updates(system)) for system in chosen}
    for draft in [draft for draft in drafts.values() if draft.system.environment == Environment.PRODUCTION]:
        twin = draft.system.staging_twin
        if twin is not None:
            on_twin = drafts.setdefault(twin.pk, Draft(twin, runs.decided_updates(twin)))
            _bring_along(on_twin, draft)
    return drafts


def _bring_along(twin: Draft, production: Draft) -> None:
    """Put the versions of a production system on its twin's list, unless the twin verified them before."""
    open_there = {(u.package, u.architecture): u for u in PendingUpdate.objects.filter(system=twin.system, gone_at=None)}
    installed = {(p.name, p.architecture): p.version for p in InstalledPackage.objects.filter(system=twin.system)}
    versions = [(u.package, u.architecture, u.candidate_version) for u in production.updates]
    listed = {(u.package, u.architecture) for u in twin.updates} | {version[:2] for version in twin.present}
    for version in staging.unverified(production.system, versions):
        key = version[:2]
        if key in listed:
            continue
        if key in open_there and open_there[key].candidate_version == version[2]:
            twin.updates.append(open_there[key])
        elif installed.get(key) == version[2]:
            twin.present.append(version)


def _require_testable(drafts: dict[int, Draft], *, now: datetime) -> None:
    """Raises NotVerified where a production version would reach production untested."""
    missing: list[str] = []
    for draft in drafts.values():
        system = draft.system
        if system.environment != Environment.PRODUCTION:
            continue
        canaries = {row.canary_id for row in staging.alternatives_in_force(system, now=now) if row.kind == AlternativeKind.CANARY}
        tested: set[tuple[str, str, str]] = set()
        for other in [system.staging_twin_id, *canaries]:
            if other in drafts:
                there = drafts[other]
                tested |= {(u.package, u.architecture, u.candidate_version) for u in there.updates} | set(there.present)
        versions = [(u.package, u.architecture, u.candidate_version) for u in draft.updates]
        untested = [version for version in staging.unverified(system, versions) if version not in tested]
        missing += [f"{name} {version} for {system}" for name, _, version in untested]
    if missing:
        raise NotVerified(
            "These would reach production untested: " + ", ".join(missing[:8]) + ("…" if len(missing) > 8 else "") + ".",
            hint="Name a staging twin that has the packages (and scan it), or have a lead declare a canary or an exception.",
        )


def _make_targets(rollout: Rollout, drafts: dict[int, Draft]) -> None:
    declared = StagingAlternative.objects.filter(client_id=rollout.client_id, revoked_at=None, canary__isnull=False)
    canaries = set(declared.values_list("canary_id", flat=True))
    on_staging = [d for d in drafts.values() if d.system.environment == Environment.STAGING]
    on_production = sorted(
        (d for d in drafts.values() if d.system.environment == Environment.PRODUCTION),
        key=lambda d: (d.system.pk not in canaries, d.system.name),
    )
    numbers = [0] * len(on_staging) + waves([d.system for d in on_production], share_percent=rollout.share_percent)
    for position, (draft, wave) in enumerate(zip([*on_staging, *on_production], numbers, strict=True)):
        target = RolloutTarget.objects.create(
            client_id=rollout.client_id, rollout=rollout, system=draft.system, environment=draft.system.environment, wave=wave,
            position=position,
        )  # fmt: skip
        rows = [
            PlannedChange(
                client_id=rollout.client_id, target=target, update=update, package=update.package, architecture=update.architecture,
                from_version=update.installed_version, to_version=update.candidate_version,
            )
            for update in draft.updates
        ] + [
            PlannedChange(
                client_id=rollout.client_id, target=target, package=name, architecture=architecture, from_version=version,
                to_version=version,
            )
            for name, architecture, version in draft.present
        ]  # fmt: skip
        PlannedChange.objects.bulk_create(rows)
