"""Restores: look first, then carry out; and rehearsals."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseStopPolling

from backups import queries
from backups.forms import RestoreForm
from backups.models import BackupJob, Restore
from backups.services import restores
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see, wants_fragment


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPERATE)
def restore_new(request: PortalRequest, job_id: int) -> HttpResponse:
    """Choose what comes back and where to, and look what would change."""
    job = get_object_or_404(BackupJob.objects.visible_to(request.actor).select_related("client", "system"), pk=job_id)
    form = RestoreForm(request.POST or None, choices=queries.snapshot_choices(job))
    if request.method == "POST" and form.is_valid():
        try:
            restore = restores.look(job=job, actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "backups:restore", restore.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _new(request, job, form, status=422 if form.errors else 200)


@require_POST
@requires(Permission.OPERATE)
def rehearse(request: PortalRequest, job_id: int) -> HttpResponse:
    """Rehearse the whole of it."""
    job = get_object_or_404(BackupJob.objects.visible_to(request.actor), pk=job_id)
    try:
        restore = restores.rehearse(job=job, actor=request.actor, now=timezone.now())
    except PortalError as error:
        form = RestoreForm(choices=queries.snapshot_choices(job))
        return _new(request, job, form, error=error, status=409)
    return see(request, "backups:restore", restore.pk)


@require_GET
@requires(Permission.SEE)
def restore_detail(request: PortalRequest, restore_id: int) -> HttpResponse:
    """A restore with its evidence; the live part refreshes itself until it ended."""
    return _detail(request, restore_id)


@require_POST
@requires(Permission.OPERATE)
def carry_out(request: PortalRequest, restore_id: int) -> HttpResponse:
    """Do what a dry run said."""
    plan = get_object_or_404(Restore.objects.visible_to(request.actor).select_related("job", "system"), pk=restore_id)
    given = request.POST
    try:
        restore = restores.carry_out(
            plan=plan, reason=given.get("reason", ""), confirmation=given.get("confirmation", ""), actor=request.actor,
            now=timezone.now(),
        )  # fmt: skip
    except PortalError as error:
        return _detail(request, restore_id, error=error)
    return see(request, "backups:restore", restore.pk)


def _new(request: PortalRequest, job: BackupJob, form: RestoreForm, *, status: int, error: PortalError | None = None) -> HttpResponse:
    context = {"job": job, "form": form, "restores": queries.restores_of(job), "error": error}
    return render_page(request, "backups/restore_new.html", context, status=status)


def _detail(request: PortalRequest, restore_id: int, *, error: PortalError | None = None) -> HttpResponse:
    rows = Restore.objects.visible_to(request.actor).select_related("job", "system", "client", "plan")
    restore = get_object_or_404(rows, pk=restore_id)
    took = (restore.finished_at - restore.created_at).total_seconds() if restore.finished_at else None
    context = {"restore": restore, "phases": queries.phases_of(restore), "took_s": took, "error": error, "given": request.POST}
    answer = render_page(request, "backups/restore.html", context, fragment="live", status=409 if error else 200)
    if wants_fragment(request) and not restore.is_open:
        return HttpResponseStopPolling(answer.content)
    return answer
