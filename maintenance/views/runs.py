"""Update runs: what is ready, what runs, what came of it."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseStopPolling

from clients.choices import Environment
from clients.models import System
from maintenance import queries
from maintenance.choices import Moment, RunKind
from maintenance.models import RunEvidence, UpdateRun
from maintenance.queries import ReadySystem
from maintenance.services import runs
from maintenance.services.execution import log_text
from maintenance.services.verdict import changes
from portal.accounts.freshness import demand_fresh_proof
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see, wants_fragment

LOG_SHOWN = 60_000


@require_GET
@requires(Permission.SEE)
def run_list(request: PortalRequest) -> HttpResponse:
    """Systems with decided updates, and all runs."""
    return _list(request)


@require_POST
@requires(Permission.OPERATE)
def start(request: PortalRequest, system_id: int) -> HttpResponse:
    """Apply the decided updates of a system."""
    system = _system(request, system_id)
    _demand_fresh_proof(request, system)
    try:
        run = runs.start_run(system=system, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _list(request, error=error)
    return see(request, "maintenance:run", run.pk)


@require_POST
@requires(Permission.OPERATE)
def configure(request: PortalRequest, system_id: int) -> HttpResponse:
    """Finish what a broken run left half-configured."""
    system = _system(request, system_id)
    _demand_fresh_proof(request, system)
    try:
        run = runs.start_configure(system=system, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _list(request, error=error)
    return see(request, "maintenance:run", run.pk)


@require_POST
@requires(Permission.OPERATE)
def restart(request: PortalRequest, system_id: int) -> HttpResponse:
    """Restart or reboot a staging system that needs it."""
    try:
        run = runs.start_restart(system=_system(request, system_id), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _list(request, error=error)
    return see(request, "maintenance:run", run.pk)


@require_POST
@requires(Permission.OPERATE)
def rollback(request: PortalRequest, run_id: int) -> HttpResponse:
    """Bring the packages of a run back to what they were before, or take an upgrade back."""
    run = _run(request, run_id)
    _demand_fresh_proof(request, run.system)
    try:
        take_back = runs.start_undo if run.kind == RunKind.UPGRADE else runs.start_rollback
        back = take_back(run=run, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _detail(request, run, error=error)
    return see(request, "maintenance:run", back.pk)


@require_POST
@requires(Permission.OPERATE)
def snapshot_rollback(request: PortalRequest, run_id: int) -> HttpResponse:
    """Bring the root file system back to the snapshot that a run took."""
    run = _run(request, run_id)
    _demand_fresh_proof(request, run.system)
    try:
        confirmed = request.POST.get("confirmed", "")
        back = runs.start_snapshot_rollback(run=run, confirmed=confirmed, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _detail(request, run, error=error)
    return see(request, "maintenance:run", back.pk)


@require_POST
@requires(Permission.APPROVE, fresh=True)
def overrule(request: PortalRequest, run_id: int) -> HttpResponse:
    """Stand for a run that was not verified, by name and reason."""
    run = _run(request, run_id)
    try:
        runs.overrule(run=run, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _detail(request, run, error=error)
    return see(request, "maintenance:run", run.pk)


@require_GET
@requires(Permission.SEE)
def run_detail(request: PortalRequest, run_id: int) -> HttpResponse:
    """A run with all its evidence; the live part refreshes itself until the verdict is there."""
    return _detail(request, _run(request, run_id))


def _run(request: PortalRequest, run_id: int) -> UpdateRun:
    rows = UpdateRun.objects.visible_to(request.actor).select_related("system", "client", "target", "undoes", "document__plan")
    return get_object_or_404(rows, pk=run_id)


def _detail(request: PortalRequest, run: UpdateRun, *, error: PortalError | None = None) -> HttpResponse:
    facts = {row.moment: row for row in RunEvidence.objects.filter(run=run)}
    before, after = facts.get(Moment.BEFORE), facts.get(Moment.AFTER)
    text, _ = log_text(run)
    context = {
        "run": run,
        "error": error,
        "overrule": run.overrules.first(),
        "undone_by": run.undone_by.order_by("-pk").first(),
        "may_overrule": request.actor.may(Permission.APPROVE) and request.actor.user_id != run.started_by_id,
        "packages": run.packages.order_by("package", "architecture"),
        "commands": run.commands.order_by("position"),
        "log": text[-LOG_SHOWN:],
        "log_cut": len(text) > LOG_SHOWN,
        "before": before,
        "after": after,
        "changes": changes(before.facts, after.facts) if before and after else None,
        "answers": {**(after.facts.get("answers") or {}), **(after.facts.get("checks") or {})} if after else {},
        "stale_services": after.facts.get("stale_services") if after else None,
    }
    answer = render_page(request, "maintenance/run.html", context, fragment="live", status=409 if error else 200)
    if wants_fragment(request) and not run.is_open:
        return HttpResponseStopPolling(answer.content)
    return answer


def _system(request: PortalRequest, system_id: int) -> System:
    rows = System.objects.visible_to(request.actor).select_related("client", "staging_twin")
    return get_object_or_404(rows, pk=system_id)


def _demand_fresh_proof(request: PortalRequest, system: System) -> None:
    """Whoever changes production proves who they are."""
    if system.environment == Environment.PRODUCTION:
        demand_fresh_proof(request)


def _list(request: PortalRequest, *, error: PortalError | None = None) -> HttpResponse:
    ready = []
    if request.actor.may(Permission.OPERATE):
        for system in queries.ready_systems(request.actor)[:200]:
            updates = runs.decided_updates(system)
            ready.append(ReadySystem(system, updates, runs.unverified_on_staging(system, updates)))
    page = Paginator(queries.runs_for(request.actor), 50).get_page(request.GET.get("page"))
    context = {"ready": ready, "page": page, "error": error}
    return render_page(request, "maintenance/runs.html", context, status=409 if error else 200)
