"""Why a pending update is not applied yet: exactly one reason, the one that has to be dealt with first. Pure but for `reason_of`."""

from dataclasses import dataclass
from datetime import datetime

from clients.choices import Access, Connection, Environment
from maintenance.choices import OPEN_RUN_STATES, DecisionKind, Obstacle, ScanState, Verdict, Waiting
from maintenance.models import PendingUpdate, RunPackage, Scan
from maintenance.services import runs


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides; see `reason_of` for where each comes from."""

    ended: bool
    gone: bool
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


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason, and a sentence with what is known of it."""

    why: Waiting
    words: str


def explain(facts: Facts, *, now: datetime) -> Reason:  # noqa: C901, PLR0911, PLR0912  # a ladder: the order is the rule
    """The first thing that stands in the way. Whatever the facts, there is exactly one answer."""
    if facts.gone:
        return Reason(Waiting.NOT_PENDING, "It is no longer pending: installed, or replaced by a newer version.")
    if facts.ended:
        return Reason(Waiting.ENDED, "The client's retainer ended.")
    if facts.run_open:
        return Reason(Waiting.RUNNING, "An update run that applies it is under way.")
    if facts.connection != Connection.OK:
        label = Connection(facts.connection).label
        return Reason(Waiting.HOST, f"The host can't be worked on: {label}. {facts.connection_message}".strip())
    if facts.scan_state != ScanState.FRESH:
        return Reason(Waiting.SOURCE, f"What the host could install is not known for sure. {facts.scan_reason}".strip())
    if facts.obstacle == Obstacle.HELD:
        return Reason(Waiting.HELD, "The package is held on the host (apt-mark showhold).")
    if facts.obstacle == Obstacle.PHASED:
        return Reason(Waiting.PHASED, "The distribution releases it to hosts in phases, and this one's turn has not come.")
    if facts.obstacle == Obstacle.KEPT_BACK:
        return Reason(Waiting.KEPT_BACK, "A plain upgrade keeps it back: it needs packages that are not installed.")
    if facts.access != Access.MANAGE:
        return Reason(Waiting.READ_ONLY, "The system is read-only to the portal: whoever manages it applies its updates.")
    if facts.manager not in {"", "apt"}:
        return Reason(Waiting.READ_ONLY, f"The portal only reads {facts.manager} so far.")
    if facts.decision == DecisionKind.REJECT:
        return Reason(Waiting.REJECTED, f"It was rejected: {facts.decision_reason}")
    if facts.decision == DecisionKind.DEFER and facts.deferred_until is not None and facts.deferred_until > now:
        return Reason(Waiting.DEFERRED, f"It is deferred until {facts.deferred_until:%Y-%m-%d %H:%M} UTC: {facts.decision_reason}")
    if facts.decision != DecisionKind.APPLY:
        return Reason(Waiting.TRIAGE, "Nobody decided about it yet." if not facts.decision else "Its deferral ran out: decide again.")
    if facts.last_verdict in {Verdict.FAILED, Verdict.REGRESSED, Verdict.UNKNOWN}:
        return Reason(Waiting.FAILED, f"The last run that tried it ended as: {Verdict(facts.last_verdict).label.lower()}.")
    if facts.unverified:
        return Reason(Waiting.STAGING, "This version is not verified on the staging twin yet.")
    return Reason(Waiting.START, "It is decided and waits for somebody to apply it.")


def reason_of(update: PendingUpdate, *, now: datetime) -> Reason:
    """Why this update waits, from what the portal knows now."""
    system = update.system
    scan = Scan.objects.filter(system=system).exclude(state=ScanState.QUEUED).order_by("-finished_at", "-pk").first()
    tries = RunPackage.objects.filter(update=update).select_related("run")
    last = tries.order_by("-run__created_at", "-pk").first()
    decision = update.decision
    production = system.environment == Environment.PRODUCTION
    return explain(
        Facts(
            ended=system.client.ended_at is not None, gone=update.gone_at is not None, connection=system.connection,
            connection_message=system.connection_message, scan_state=scan.state if scan else "",
            scan_reason=scan.reason if scan else "",
            obstacle=update.obstacle, access=system.access, manager=system.package_manager,
            run_open=last is not None and last.run.state in OPEN_RUN_STATES, last_verdict=last.run.verdict if last else "",
            decision=decision.kind if decision else "", decision_reason=decision.reason if decision else "",
            deferred_until=decision.defer_until if decision else None,
            unverified=production and bool(runs.unverified_on_staging(system, [update])),
        ),
        now=now,
    )  # fmt: skip
