"""Why an update is not effective yet: exactly one reason, the one that has to be dealt with first. Pure but for `reasons_of`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clients.choices import Access, Connection, Environment
from maintenance.choices import (
    ENDED_ROLLOUT_STATES,
    OPEN_RUN_STATES,
    OPEN_TARGET_STATES,
    DecisionKind,
    Ended,
    Obstacle,
    RolloutState,
    ScanState,
    Verdict,
    Waiting,
)
from maintenance.models import PendingUpdate, PlannedChange, RunPackage, Scan
from maintenance.services import runs


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides; see `reasons_of` for where each comes from.

    Args:
        ended: the client's retainer ended.
        gone, end: it is no longer pending, and how that came.
        effective: it took effect.
        rollout: the state of the open rollout that it is part of; empty where it is in none.
        conflicts: configuration files of its package that the rollout found in conflict.
        third_party: where it comes from, if that is not the distribution.
    """

    ended: bool
    gone: bool
    end: str
    effective: bool
    held_up_by: str
    connection: str
    connection_message: str
    scan_state: str
    scan_reason: str
    obstacle: str
    access: str
    manager: str
    run_open: bool
    last_verdict: str
    decision: str
    decision_reason: str
    deferred_until: datetime | None
    unverified: bool
    rollout: str
    rollout_waits_for: str
    conflicts: tuple[str, ...]
    third_party: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason, and a sentence with what is known of it."""

    why: Waiting
    words: str


# What apt says of a signature that it can't check (apt-secure(8), gpgv's status words).
_KEY_MARKS = ("EXPKEYSIG", "KEYEXPIRED", "NO_PUBKEY", "REVKEYSIG", "key expired", "is not signed")
# Whose updates advisory feeds speak of, by how apt's origins begin.
_VENDORS = ("Debian", "Ubuntu")

_OBSTACLES = {
    Obstacle.HELD: (Waiting.HELD, "The package is held on the host (apt-mark showhold)."),
    Obstacle.PHASED: (Waiting.PHASED, "The distribution releases it to hosts in phases, and this one's turn has not come."),
    Obstacle.KEPT_BACK: (Waiting.KEPT_BACK, "A plain upgrade keeps it back: it needs packages that are not installed."),
    Obstacle.PINNED: (Waiting.PINNED, "A pin on the host keeps the version that is installed (apt_preferences)."),
}


def explain(facts: Facts, *, now: datetime) -> Reason:
    """The first thing that stands in the way. Whatever the facts, there is exactly one answer."""
    return _no_longer_pending(facts) or _host(facts) or _decision(facts, now) or _rollout(facts) or _staging(facts)


def _no_longer_pending(facts: Facts) -> Reason | None:
    if facts.gone and facts.end == Ended.INSTALLED and not facts.effective:
        return Reason(Waiting.RESTART, f"It is installed and not effective yet. {facts.held_up_by}".strip())
    if facts.gone and facts.end == Ended.WITHDRAWN:
        return Reason(Waiting.WITHDRAWN, "No source of the host offers it any more, and the old version stays: a repository is gone.")
    if facts.gone:
        return Reason(Waiting.NOT_PENDING, "It is no longer pending: in effect, replaced by a newer version, or its package removed.")
    if facts.ended:
        return Reason(Waiting.ENDED, "The client's retainer ended.")
    if facts.run_open:
        return Reason(Waiting.RUNNING, "An update run that applies it is under way.")
    return None


def _host(facts: Facts) -> Reason | None:
    if facts.connection != Connection.OK:
        label = Connection(facts.connection).label
        return Reason(Waiting.HOST, f"The host can't be worked on: {label}. {facts.connection_message}".strip())
    if facts.scan_state != ScanState.FRESH:
        return _scan(facts)
    if facts.obstacle != Obstacle.NONE:
        return Reason(*_OBSTACLES[Obstacle(facts.obstacle)])
    if facts.access != Access.MANAGE:
        return Reason(Waiting.READ_ONLY, "The system is read-only to the portal: whoever manages it applies its updates.")
    if facts.manager not in {"", "apt"}:
        return Reason(Waiting.READ_ONLY, f"The portal only reads {facts.manager} so far.")
    return None


def _scan(facts: Facts) -> Reason:
    if facts.scan_state == ScanState.STALE and any(mark in facts.scan_reason for mark in _KEY_MARKS):
        return Reason(Waiting.KEY, f"A source of the host can't be trusted until its key is renewed. {facts.scan_reason}")
    return Reason(Waiting.SOURCE, f"What the host could install is not known for sure. {facts.scan_reason}".strip())


def _decision(facts: Facts, now: datetime) -> Reason | None:
    if facts.decision == DecisionKind.REJECT:
        return Reason(Waiting.REJECTED, f"It was rejected: {facts.decision_reason}")
    if facts.decision == DecisionKind.DEFER and facts.deferred_until is not None and facts.deferred_until > now:
        return Reason(Waiting.DEFERRED, f"It is deferred until {facts.deferred_until:%Y-%m-%d %H:%M} UTC: {facts.decision_reason}")
    if not facts.decision and facts.third_party:
        return Reason(
            Waiting.THIRD_PARTY, f"Nobody decided about it yet. It comes from {facts.third_party}, of which advisory feeds say nothing."
        )
    if facts.decision != DecisionKind.APPLY:
        return Reason(Waiting.TRIAGE, "Nobody decided about it yet." if not facts.decision else "Its deferral ran out: decide again.")
    return None


def _rollout(facts: Facts) -> Reason | None:
    if facts.rollout == RolloutState.APPROVAL:
        if facts.conflicts:
            files = ", ".join(facts.conflicts)
            return Reason(Waiting.CONFLICT, f"Its rollout waits for approval: {files} was changed on the host and by the new version.")
        return Reason(Waiting.APPROVAL, "Its rollout waits for a lead's approval.")
    if facts.rollout == RolloutState.SCHEDULED:
        return Reason(Waiting.WINDOW, facts.rollout_waits_for or "Its rollout waits for the next maintenance window.")
    if facts.rollout in {RolloutState.STAGING, RolloutState.SOAKING}:
        return Reason(Waiting.STAGING, "Its rollout is on staging, or rests there.")
    if facts.rollout:
        return Reason(Waiting.ROLLOUT, facts.rollout_waits_for or "Its rollout is under way, and has not reached it.")
    return None


def _staging(facts: Facts) -> Reason:
    if facts.last_verdict in {Verdict.FAILED, Verdict.REGRESSED, Verdict.UNKNOWN}:
        return Reason(Waiting.FAILED, f"The last run that tried it ended as: {Verdict(facts.last_verdict).label.lower()}.")
    if facts.unverified:
        return Reason(Waiting.STAGING, "This version is not verified on staging yet, nor by what stands in for it.")
    return Reason(Waiting.START, "It is decided and waits for somebody to put a rollout together, or to apply it on staging.")


def reason_of(update: PendingUpdate, *, now: datetime) -> Reason:
    """Why this update waits, from what the portal knows now."""
    return reasons_of([update], now=now)[update.pk]


def reasons_of(updates: Sequence[PendingUpdate], *, now: datetime) -> dict[int, Reason]:
    """Why each of these updates waits, in a handful of queries for each system. Needs `system__client` and `decision` at hand."""
    ids = [update.pk for update in updates]
    systems = {update.system_id: update.system for update in updates}
    tries: dict[int, RunPackage] = {}
    for row in RunPackage.objects.filter(update_id__in=ids).select_related("run").order_by("run__created_at", "pk"):
        tries[row.update_id or 0] = row
    planned: dict[int, PlannedChange] = {}
    open_ones = PlannedChange.objects.filter(update_id__in=ids, target__state__in=OPEN_TARGET_STATES)
    for change in open_ones.exclude(target__rollout__state__in=ENDED_ROLLOUT_STATES).select_related("target__rollout"):
        planned[change.update_id or 0] = change
    scans = {
        pk: Scan.objects.filter(system_id=pk).exclude(state=ScanState.QUEUED).order_by("-finished_at", "-pk").first() for pk in systems
    }
    unverified: set[tuple[int, str]] = set()
    for pk, system in systems.items():
        if system.environment == Environment.PRODUCTION:
            mine = [update for update in updates if update.system_id == pk]
            unverified |= {(pk, line) for line in runs.unverified_on_staging(system, mine)}
    return {
        update.pk: explain(
            _facts(update, scans[update.system_id], tries.get(update.pk), planned.get(update.pk),
                   unverified=(update.system_id, f"{update.package} {update.candidate_version}") in unverified),
            now=now,
        )
        for update in updates
    }  # fmt: skip


def _facts(
    update: PendingUpdate, scan: Scan | None, last: RunPackage | None, planned: PlannedChange | None, *, unverified: bool
) -> Facts:
    system, decision = update.system, update.decision
    rollout = planned.target.rollout if planned else None
    return Facts(
        ended=system.client.ended_at is not None, gone=update.gone_at is not None, end=update.ended,
        effective=update.effective_at is not None, held_up_by=update.held_up_by, connection=system.connection,
        connection_message=system.connection_message, scan_state=scan.state if scan else "", scan_reason=scan.reason if scan else "",
        obstacle=update.obstacle, access=system.access, manager=system.package_manager,
        run_open=last is not None and last.run.state in OPEN_RUN_STATES, last_verdict=last.run.verdict if last else "",
        decision=decision.kind if decision else "", decision_reason=decision.reason if decision else "",
        deferred_until=decision.defer_until if decision else None, unverified=unverified,
        rollout=rollout.state if rollout else "", rollout_waits_for=rollout.waits_for if rollout else "",
        conflicts=tuple(planned.conflicts) if planned else (), third_party=_third_party(update),
    )  # fmt: skip


def _third_party(update: PendingUpdate) -> str:
    """The origin that is none of the distribution's; empty where it is, or where none is named."""
    origins = [part.strip() for part in update.origin.split(",") if part.strip()]
    return "" if not origins or any(origin.startswith(_VENDORS) for origin in origins) else origins[0]
