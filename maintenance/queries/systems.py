"""The health of systems, for lists of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from clients.choices import Connection
from clients.models import System
from maintenance.choices import OPEN_RUN_STATES, DecisionKind, RunState, ScanState, Verdict
from maintenance.models import PendingUpdate, Scan, UpdateRun
from maintenance.queries import end_of_life


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


def health(  # noqa: C901, PLR0911, PLR0912  # a ladder of states, in the order in which they must be said
    *, connection: str, connection_message: str, scan: Scan | None, now: datetime, security: int, pending: int,
    overdue: int, last_verdict: str, release_ended: date | None = None,
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
    if release_ended is not None:
        return Health("bad", f"Its release gets no updates any more, since {release_ended:%Y-%m-%d}")
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
    products = end_of_life.table()
    return [_line(row, scans, runs, open_runs, counts.get(row.pk, {}), products=products, now=now) for row in rows]


def _line(
    row: Any, scans: dict[int, Scan], runs: dict[int, UpdateRun], open_runs: dict[int, UpdateRun], count: dict[str, Any],
    *, products: Sequence[end_of_life.Product], now: datetime,
) -> SystemLine:  # fmt: skip
    scan, last_run = scans.get(row.scan_pk), runs.get(row.run_pk)
    pending, security, overdue = (int(count.get(name, 0)) for name in ("pending", "security", "overdue"))
    judged = health(
        connection=row.connection, connection_message=row.connection_message, scan=scan, now=now, security=security,
        pending=pending, overdue=overdue, last_verdict=last_run.verdict if last_run else "",
        release_ended=end_of_life.release_ended(products, row.os_id, row.os_version, today=now.date()),
    )  # fmt: skip
    return SystemLine(row, judged, scan, pending, security, overdue, open_runs.get(row.pk), last_run)


def _overdue(now: datetime) -> Q:
    """Due, and not put off: a deferral in force and a rejection are decisions, not negligence."""
    put_off = Q(decision__kind=DecisionKind.REJECT) | Q(decision__kind=DecisionKind.DEFER, decision__defer_until__gt=now)
    return Q(due_at__lt=now) & ~(Q(decision__isnull=False) & put_off)
