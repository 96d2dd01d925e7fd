"""Reads for the pages of this area: the health of systems, the triage queue, runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg, BoolOr
from django.db.models import Case, Count, Exists, F, IntegerField, Max, Min, OuterRef, Prefetch, Q, QuerySet, Subquery, When

from clients.choices import Access, Connection, Environment
from clients.models import Client, System
from maintenance.choices import OPEN_RUN_STATES, DecisionKind, Ended, RunKind, RunState, ScanState, Severity, Verdict
from maintenance.models import (
    AdvisoryFeed,
    PendingUpdate,
    PlannedChange,
    Rollout,
    RolloutTarget,
    Scan,
    UpdateAdvisory,
    UpdateRun,
    UpgradeDocument,
    UpgradePlan,
)
from portal.accounts.actor import Actor

SORTS = {
    "due": ("due_at", "rank", "source"), "priority": ("rank", "due_at", "source"), "-priority": ("-rank", "-due_at", "source"),
    "-due": ("-due_at", "-rank", "source"), "package": ("source",), "-package": ("-source",),
    "age": ("pending_since", "source"), "-age": ("-pending_since", "source"), "systems": ("systems", "source"),
    "-systems": ("-systems", "source"),
    "security": ("security", "due_at", "source"), "-security": ("-security", "due_at", "source"),
    "severity": (
        F("exploited_since").asc(nulls_last=True), "severity_place", F("likelihood").desc(nulls_last=True), "due_at", "source",
    ),
    "-severity": ("-severity_place", F("likelihood").asc(nulls_first=True), "-due_at", "source"),
}  # fmt: skip


# The worst severity of a row is the one with the smallest place; the last place is "no advisory known".
SEVERITY_OF_PLACE = [severity.value for severity in Severity]
_SEVERITY_PLACE = Case(
    *(When(severity=value, then=place) for place, value in enumerate(SEVERITY_OF_PLACE)),
    default=len(SEVERITY_OF_PLACE), output_field=IntegerField(),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Health:
    """A system's state in one word of colour and one sentence. Only `ok` is green; `unknown` is never fine."""

    level: str
    words: str


@dataclass(frozen=True, slots=True)
class SystemLine:
    """A system as lists show it."""

    system: System
    health: Health
    scan: Scan | None
    pending: int
    security: int
    overdue: int
    open_run: UpdateRun | None
    last_run: UpdateRun | None


def health(  # noqa: C901, PLR0911  # a ladder of states, in the order in which they must be said
    *, connection: str, connection_message: str, scan: Scan | None, now: datetime, security: int, pending: int,
    overdue: int, last_verdict: str,
) -> Health:  # fmt: skip
    """What a system's latest facts amount to. The order is that of what must be said first."""
    if connection == Connection.UNKNOWN:
        return Health("unknown", "Not connected yet")
    if connection != Connection.OK:
        return Health("bad", str(Connection(connection).label) + (f": {connection_message}" if connection_message else ""))
    if scan is None or scan.finished_at is None:
        return Health("unknown", "Never scanned")
    if scan.state == ScanState.FAILED:
        return Health("unknown", f"Could not be read: {scan.reason}")
    if now - scan.finished_at > timedelta(hours=2 * settings.SCAN_INTERVAL_H):
        return Health("unknown", "Not scanned lately: what is pending is not known")
    if last_verdict in {Verdict.FAILED, Verdict.REGRESSED, Verdict.UNKNOWN}:
        return Health("bad", f"The last update run: {Verdict(last_verdict).label.lower()}")
    if scan.state == ScanState.STALE:
        return Health("unknown", f"Stale: {scan.reason}")
    if overdue:
        return Health("bad", f"{overdue} update{'s' * (overdue > 1)} overdue")
    if scan.problems:
        return Health("warn", str(scan.problems[0]))
    if security:
        return Health("warn", f"{security} security update{'s' * (security > 1)} pending")
    if pending:
        return Health("warn", f"{pending} update{'s' * (pending > 1)} pending")
    if scan.reboot_required or scan.reboot_required is None:
        return Health("warn", "Reboot required" if scan.reboot_required else "Whether a reboot is due is unknown")
    return Health("ok", "Up to date")


def system_lines(systems: QuerySet[System], *, now: datetime) -> list[SystemLine]:
    """Systems with their health, in five queries whatever their number."""
    newest_scan = Scan.objects.filter(system=OuterRef("pk")).exclude(state=ScanState.QUEUED).order_by("-finished_at", "-pk")
    newest_run = UpdateRun.objects.filter(system=OuterRef("pk"), state=RunState.FINISHED).order_by("-created_at", "-pk")
    rows = list(
        systems.select_related("client", "staging_twin")
        .annotate(scan_pk=Subquery(newest_scan.values("pk")[:1]), run_pk=Subquery(newest_run.values("pk")[:1]))
        .order_by("client__name", "environment", "name", "pk")
    )
    ids = [row.pk for row in rows]
    scans = Scan.objects.in_bulk([row.scan_pk for row in rows if row.scan_pk])
    runs = UpdateRun.objects.in_bulk([row.run_pk for row in rows if row.run_pk])
    open_runs = {run.system_id: run for run in UpdateRun.objects.filter(system_id__in=ids, state__in=OPEN_RUN_STATES)}
    counts: dict[int, dict[str, Any]] = {
        count["system_id"]: dict(count)
        for count in PendingUpdate.objects.filter(system_id__in=ids, gone_at=None)
        .values("system_id")
        .annotate(
            pending=Count("pk"),
            security=Count("pk", filter=~Q(is_security=False)),
            overdue=Count("pk", filter=_overdue(now)),
        )
    }
    return [_line(row, scans, runs, open_runs, counts.get(row.pk, {}), now=now) for row in rows]


def _line(
    row: Any, scans: dict[int, Scan], runs: dict[int, UpdateRun], open_runs: dict[int, UpdateRun], count: dict[str, Any],
    *, now: datetime,
) -> SystemLine:  # fmt: skip
    scan, last_run = scans.get(row.scan_pk), runs.get(row.run_pk)
    pending, security, overdue = (int(count.get(name, 0)) for name in ("pending", "security", "overdue"))
    judged = health(
        connection=row.connection, connection_message=row.connection_message, scan=scan, now=now, security=security,
        pending=pending, overdue=overdue, last_verdict=last_run.verdict if last_run else "",
    )  # fmt: skip
    return SystemLine(row, judged, scan, pending, security, overdue, open_runs.get(row.pk), last_run)


def _overdue(now: datetime) -> Q:
    """Due, and not put off: a deferral in force and a rejection are decisions, not negligence."""
    put_off = Q(decision__kind=DecisionKind.REJECT) | Q(decision__kind=DecisionKind.DEFER, decision__defer_until__gt=now)
    return Q(due_at__lt=now) & ~(Q(decision__isnull=False) & put_off)


@dataclass(frozen=True, slots=True)
class TriageFilter:
    """What the triage page shows. Empty values do not narrow."""

    search: str = ""
    client_id: int | None = None
    environment: str = ""
    security: str = ""
    state: str = "open"
    since: str = ""
    sort: str = "due"


def triage_rows(actor: Actor, wanted: TriageFilter, *, now: datetime) -> QuerySet[PendingUpdate, Any]:
    """One row per update across the fleet: a source package and the version it would get."""
    rows = PendingUpdate.objects.visible_to(actor).filter(gone_at=None)
    if wanted.search:
        term = wanted.search.strip()
        rows = rows.filter(
            Q(package__icontains=term) | Q(source__icontains=term) | Q(system__name__icontains=term)
            | Q(client__name__icontains=term)
        )  # fmt: skip
    if wanted.client_id is not None:
        rows = rows.filter(client_id=wanted.client_id)
    if wanted.environment in Environment.values:
        rows = rows.filter(system__environment=wanted.environment)
    if wanted.security == "yes":
        rows = rows.exclude(is_security=False)
    elif wanted.security == "no":
        rows = rows.filter(is_security=False)
    if wanted.since == "yesterday":
        rows = rows.filter(new_since(now - timedelta(days=1)))
    rows = rows.filter(_in_state(wanted.state, now))
    grouped = rows.values("source", "candidate_version").annotate(
        packages=ArrayAgg("package", distinct=True, default=[]),
        installed=ArrayAgg("installed_version", distinct=True, default=[]),
        security=BoolOr("is_security"),
        security_known=Count("pk", filter=Q(is_security__isnull=False)),
        client_names=ArrayAgg("client__name", distinct=True, default=[]),
        systems=Count("system", distinct=True),
        staging=Count("system", distinct=True, filter=Q(system__environment=Environment.STAGING)),
        production=Count("system", distinct=True, filter=Q(system__environment=Environment.PRODUCTION)),
        due_at=Min("due_at"),
        pending_since=Min("pending_since"),
        exploited_since=Min("exploited_since"),
        severity_place=Min(_SEVERITY_PLACE),
        likelihood=Max("likelihood"),
        advisories_most=Max("advisories_total"),
        example_id=Min("pk"),
        rank=Min("priority"),
        exposures=ArrayAgg("exposure", distinct=True, filter=~Q(exposure=""), default=[]),
        exposed_production=Count("system", distinct=True, filter=~Q(exposure="") & Q(system__environment=Environment.PRODUCTION)),
        obstacles=ArrayAgg("obstacle", distinct=True, filter=~Q(obstacle=""), default=[]),
        decision_kinds=ArrayAgg("decision__kind", distinct=True, filter=Q(decision__isnull=False), default=[]),
        undecided=Count("pk", filter=Q(decision=None)),
        deferred_until=Max("decision__defer_until"),
        reasons=ArrayAgg("decision__reason", distinct=True, filter=Q(decision__isnull=False) & ~Q(decision__reason=""), default=[]),
    )
    return grouped.order_by(*SORTS.get(wanted.sort, SORTS["due"]), "candidate_version")


def new_since(since: datetime) -> Q:
    """What came since a moment: first seen, or known to be exploited since that day."""
    return Q(first_seen_at__gte=since) | Q(exploited_since__gte=since.date())


@dataclass(frozen=True, slots=True)
class SinceYesterday:
    """What became different within a day, in numbers."""

    new: int
    exploited: int
    effective: int
    withdrawn: int


def since_yesterday(actor: Actor, *, now: datetime) -> SinceYesterday:
    """What changed since yesterday, over all that somebody may see."""
    since = now - timedelta(days=1)
    still = Q(gone_at=None)
    new, exploited = still & Q(first_seen_at__gte=since), still & Q(exploited_since__gte=since.date())
    effective, withdrawn = Q(effective_at__gte=since), Q(ended=Ended.WITHDRAWN, gone_at__gte=since)
    rows = PendingUpdate.objects.visible_to(actor).filter(new | exploited | effective | withdrawn)
    counts = rows.aggregate(
        new=Count("pk", filter=new), exploited=Count("pk", filter=exploited), effective=Count("pk", filter=effective),
        withdrawn=Count("pk", filter=withdrawn),
    )  # fmt: skip
    return SinceYesterday(**counts)


def feed_notices(*, now: datetime) -> list[str]:
    """What is wrong with the advisory feeds, as sentences; severities are only as good as these."""
    feeds = list(AdvisoryFeed.objects.order_by("name"))
    if not any(feed.generation for feed in feeds):
        return ["No advisory feed is imported: severities and exploitation are not known (docs/advisories.md)."]
    oldest = now - timedelta(hours=settings.ADVISORY_MAX_AGE_H)
    notices = [f"The feed {feed} was refused: {feed.refusal}. The last good one stays in use." for feed in feeds if feed.refused_at]
    return notices + [
        f"The feed {feed} is of {feed.good_at:%Y-%m-%d}: newer advisories are not known." for feed in feeds
        if feed.good_at is not None and feed.good_at < oldest
    ]  # fmt: skip


def advisories_of(update: PendingUpdate) -> list[UpdateAdvisory]:
    """The advisories that an update fixes, exploited and worst ones first."""
    place = {value: number for number, value in enumerate(SEVERITY_OF_PLACE)}
    rows = UpdateAdvisory.objects.filter(update=update)
    return sorted(rows, key=lambda row: (row.exploited_since is None, place[row.severity], -(row.likelihood or 0), row.identifier))


def _in_state(state: str, now: datetime) -> Q:
    """Open is what still needs a decision: none yet, or a deferral that has run out."""
    ran_out = Q(decision__kind=DecisionKind.DEFER, decision__defer_until__lte=now)
    if state == "open":
        return Q(decision=None) | ran_out
    if state == DecisionKind.DEFER:
        return Q(decision__kind=DecisionKind.DEFER, decision__defer_until__gt=now)
    if state in DecisionKind.values:
        return Q(decision__kind=state)
    return Q()


@dataclass(frozen=True, slots=True)
class ReadySystem:
    """A system with decided updates that nothing applies yet."""

    system: System
    updates: list[PendingUpdate]
    waits_for_twin: list[str]


def ready_systems(actor: Actor) -> QuerySet[System]:
    """Systems that have an update decided as apply and no change under way."""
    decided = PendingUpdate.objects.filter(system=OuterRef("pk"), gone_at=None, decision__kind=DecisionKind.APPLY)
    busy = UpdateRun.objects.filter(system=OuterRef("pk"), state__in=OPEN_RUN_STATES)
    rows = System.objects.visible_to(actor).filter(Exists(decided), ~Exists(busy)).select_related("client", "staging_twin")
    # staging before production: that is the order of work
    return rows.order_by("client__name", "-environment", "name", "pk")


def runs_for(actor: Actor) -> QuerySet[UpdateRun]:
    """Runs, open ones first, then the newest."""
    rows = UpdateRun.objects.visible_to(actor).select_related("system", "client")
    return rows.annotate(packages_total=Count("packages")).order_by(F("finished_at").desc(nulls_first=True), "-pk")


def updates_of(systems: Iterable[int]) -> QuerySet[PendingUpdate]:
    """The open updates of some systems."""
    rows = PendingUpdate.objects.filter(system_id__in=list(systems), gone_at=None)
    return rows.select_related("decision", "system", "client").order_by("-is_security", "source", "package", "pk")


def rollouts_for(actor: Actor) -> QuerySet[Rollout]:
    """Rollouts, open ones first, then the newest."""
    rows = Rollout.objects.visible_to(actor).select_related("client", "document")
    return rows.annotate(
        systems_total=Count("targets", distinct=True), changes_total=Count("targets__changes", distinct=True)
    ).order_by(F("finished_at").desc(nulls_first=True), "-pk")


def clients_ready(actor: Actor) -> QuerySet[Client]:
    """Clients that have a decided update on a production system, with how many systems those are."""
    decided = Q(system__pending_updates__gone_at=None, system__pending_updates__decision__kind=DecisionKind.APPLY)
    production = Q(system__environment=Environment.PRODUCTION, system__access=Access.MANAGE)
    return (
        Client.objects.visible_to(actor)
        .filter(ended_at=None)
        .annotate(systems_ready=Count("system", filter=decided & production, distinct=True))
        .filter(systems_ready__gt=0)
        .order_by("name", "pk")
    )


def targets_of(rollout: Rollout) -> list[RolloutTarget]:
    """The systems of a rollout in their order, with changes and runs at hand."""
    rows = rollout.targets.select_related("system").order_by("wave", "position")
    changes = PlannedChange.objects.order_by("package", "architecture")
    return list(rows.prefetch_related(Prefetch("changes", changes), Prefetch("runs", UpdateRun.objects.order_by("pk"))))


def upgrade_plans() -> QuerySet[UpgradePlan]:
    """Plans by name, each with its newest document, and when staging last showed that very text."""
    newest = UpgradeDocument.objects.filter(plan=OuterRef("pk")).order_by("-number")
    shown = UpdateRun.objects.filter(
        kind=RunKind.UPGRADE,
        verdict=Verdict.VERIFIED,
        system__environment=Environment.STAGING,
        document__sha256=OuterRef("newest_hash"),
    )
    return (
        UpgradePlan.objects.filter(ended_at=None)
        .annotate(
            newest_title=Subquery(newest.values("title")[:1]), newest_number=Subquery(newest.values("number")[:1]),
            newest_by=Subquery(newest.values("actor_label")[:1]), newest_at=Subquery(newest.values("created_at")[:1]),
            newest_hash=Subquery(newest.values("sha256")[:1]),
        )
        .annotate(shown_at=Subquery(shown.order_by("-finished_at").values("finished_at")[:1]))
        .order_by("name")
    )  # fmt: skip
