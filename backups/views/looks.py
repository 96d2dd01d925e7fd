"""Between restore tests: gaps and backups that nobody watches, drift, and the calendar of proofs."""

import difflib
from datetime import UTC, date, datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from backups import queries
from backups.models import BackupFinding, BackupJob, FoundBackup
from backups.services import findings, looks
from clients.models import System
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see

WEEKS = 6
DIFF_LINES = 400


@require_GET
@requires(Permission.SEE)
def gap_list(request: PortalRequest) -> HttpResponse:
    """What no backup covers, what was excused and why, and backups that nobody watches."""
    return _gaps(request)


@require_POST
@requires(Permission.OPERATE)
def excuse(request: PortalRequest, finding_id: int) -> HttpResponse:
    """Say why something needs no backup."""
    finding = get_object_or_404(BackupFinding.objects.visible_to(request.actor), pk=finding_id)
    try:
        findings.excuse(finding=finding, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _gaps(request, error=error)
    return see(request, "backups:gaps")


@require_POST
@requires(Permission.OPERATE)
def dismiss(request: PortalRequest, found_id: int) -> HttpResponse:
    """Say why a backup that was found is not watched."""
    found = get_object_or_404(FoundBackup.objects.visible_to(request.actor), pk=found_id)
    try:
        findings.dismiss(found=found, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _gaps(request, error=error)
    return see(request, "backups:gaps")


@require_GET
@requires(Permission.OPERATE)
def drift(request: PortalRequest, job_id: int) -> HttpResponse:
    """What changed since the configuration of a backup was accepted, line by line."""
    return _drift(request, job_id)


@require_POST
@requires(Permission.OPERATE)
def accept(request: PortalRequest, job_id: int) -> HttpResponse:
    """Take the configuration as it is now as the one that is right."""
    job = get_object_or_404(BackupJob.objects.visible_to(request.actor), pk=job_id)
    try:
        findings.accept(job=job, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _drift(request, job_id, error=error)
    return see(request, "backups:job", job.pk)


@require_POST
@requires(Permission.OPERATE)
def look_now(request: PortalRequest, system_id: int) -> HttpResponse:
    """Look at a system's backups now."""
    system = get_object_or_404(System.objects.visible_to(request.actor), pk=system_id)
    try:
        looks.request(system=system, actor=request.actor)
    except PortalError as error:
        return _gaps(request, error=error)
    return see(request, "maintenance:system", system.pk)


@require_GET
@requires(Permission.SEE)
def calendar(request: PortalRequest) -> HttpResponse:
    """Six weeks: what was proven, and what has to be by when."""
    today = timezone.now().date()
    first = _monday(request.GET.get("from", ""), today - timedelta(days=28))
    context = {
        "weeks": queries.proof_calendar(request.actor, first=first, weeks=WEEKS), "today": today,
        "earlier": (first - timedelta(weeks=WEEKS)).isoformat(), "later": (first + timedelta(weeks=WEEKS)).isoformat(),
    }  # fmt: skip
    return render_page(request, "backups/calendar.html", context)


def _monday(text: str, fallback: date) -> date:
    """The Monday of the week that a text names; of the fallback's where it names none that a calendar has."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        day = fallback
    day = min(max(day, date(2000, 1, 3)), date(2200, 1, 6))
    return day - timedelta(days=day.weekday())


def _gaps(request: PortalRequest, *, error: PortalError | None = None) -> HttpResponse:
    context = {
        "gaps": queries.open_findings(request.actor, kind=BackupFinding.Kind.UNCOVERED), "excused": queries.excused(request.actor),
        "found": queries.found_backups(request.actor), "error": error,
        "blind": queries.not_looked_at(request.actor, now=timezone.now()),
    }  # fmt: skip
    return render_page(request, "backups/gaps.html", context, status=409 if error else 200)


def _drift(request: PortalRequest, job_id: int, *, error: PortalError | None = None) -> HttpResponse:
    job = get_object_or_404(BackupJob.objects.visible_to(request.actor).select_related("client", "system"), pk=job_id)
    rows = queries.open_findings(request.actor, kind=BackupFinding.Kind.DRIFT, job=job)
    context = {
        "job": job, "changes": [(row, _lines(row)) for row in rows], "error": error,
        "baseline": queries.baseline_of(job),
    }  # fmt: skip
    return render_page(request, "backups/drift.html", context, status=409 if error else 200)


def _lines(row: BackupFinding) -> list[str]:
    diff = difflib.unified_diff(row.before.splitlines(), row.after.splitlines(), "accepted", "now", lineterm="", n=2)
    return list(diff)[:DIFF_LINES]
