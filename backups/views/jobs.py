"""Backups: all of them by worst first, one with its history, taking one on, proving it now."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseStopPolling

from backups import queries
from backups.choices import Purpose, Tool
from backups.forms import CompositeForm, JobForm
from backups.models import BackupFinding, BackupJob, FoundBackup, RestoreTest
from backups.services import certificates, jobs, restore_tests
from clients.choices import Access
from clients.models import Client, System
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see, wants_fragment
from portal.ui.downloads import download

READ_OR_POST = ["GET", "HEAD", "POST"]


@require_GET
@requires(Permission.SEE)
def job_list(request: PortalRequest) -> HttpResponse:
    """All backups that one may see, with their last proven restore."""
    now = timezone.now()
    lines = queries.job_lines(request.actor, now=now)
    context = {"lines": lines, "share": queries.proof_share(lines, now=now)}
    return render_page(request, "backups/jobs.html", context)


@require_GET
@requires(Permission.SEE)
def job_detail(request: PortalRequest, job_id: int) -> HttpResponse:
    """A backup with its tests."""
    return _detail(request, job_id)


@require_http_methods(READ_OR_POST)
@requires(Permission.OPERATE)
def job_new(request: PortalRequest, client_id: int) -> HttpResponse:
    """Take a backup on."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    systems = System.objects.filter(client=client, access=Access.MANAGE).order_by("name")
    form = JobForm(request.POST or None, systems=systems, initial=_found(request, client))
    if request.method == "POST" and form.is_valid():
        try:
            values = dict(form.cleaned_data)
            system, restore_on = values.pop("system"), values.pop("restore_on")
            wish = jobs.Wish(**values)
            job = jobs.add(system=system, restore_on=restore_on, wish=wish, actor=request.actor, now=timezone.now())
            return see(request, "backups:job", job.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return render_page(request, "backups/job_new.html", {"client": client, "form": form}, status=422 if form.errors else 200)


@require_http_methods(READ_OR_POST)
@requires(Permission.OPERATE)
def composite_new(request: PortalRequest, client_id: int) -> HttpResponse:
    """Make one backup of several that only count together."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    alone = BackupJob.objects.filter(client=client, ended_at=None, part_of=None).exclude(tool=Tool.COMPOSITE)
    form = CompositeForm(request.POST or None, jobs=alone.select_related("system").order_by("system__name", "name"))
    if request.method == "POST" and form.is_valid():
        values = {**form.cleaned_data, "parts": list(form.cleaned_data["parts"].order_by("pk"))}
        try:
            job = jobs.add_composite(actor=request.actor, now=timezone.now(), **values)
            return see(request, "backups:job", job.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    context = {"client": client, "form": form}
    return render_page(request, "backups/composite_new.html", context, status=422 if form.errors else 200)


@require_POST
@requires(Permission.OPERATE)
def job_end(request: PortalRequest, job_id: int) -> HttpResponse:
    """Stop watching a backup."""
    job = get_object_or_404(BackupJob.objects.visible_to(request.actor), pk=job_id)
    try:
        jobs.end(job=job, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _detail(request, job_id, error=error)
    return see(request, "backups:job", job.pk)


@require_POST
@requires(Permission.OPERATE)
def test_start(request: PortalRequest, job_id: int) -> HttpResponse:
    """Prove a backup now."""
    job = get_object_or_404(BackupJob.objects.visible_to(request.actor).select_related("system"), pk=job_id)
    try:
        purpose = Purpose.DRILL if request.POST.get("purpose") == Purpose.DRILL else Purpose.TEST
        test = restore_tests.request(job=job, purpose=purpose, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _detail(request, job_id, error=error)
    return see(request, "backups:restore-test", test.pk)


@require_GET
@requires(Permission.SEE)
def test_detail(request: PortalRequest, test_id: int) -> HttpResponse:
    """A restore test with all its evidence; the live part refreshes itself until the verdict is there."""
    test = get_object_or_404(RestoreTest.objects.visible_to(request.actor).select_related("job", "system", "client"), pk=test_id)
    context = {"test": test, "phases": queries.phases_of(test)}
    answer = render_page(request, "backups/restore_test.html", context, fragment="live")
    if wants_fragment(request) and not test.is_open:
        return HttpResponseStopPolling(answer.content)
    return answer


@require_GET
@requires(Permission.SEE)
def certificate(request: PortalRequest, test_id: int) -> HttpResponse:
    """The certificate of a restore test that passed, as PDF."""
    rows = RestoreTest.objects.visible_to(request.actor).select_related("job__proof", "job__system", "system", "client")
    test = get_object_or_404(rows, pk=test_id)
    try:
        pdf = certificates.certificate(test)
    except PortalError as error:
        return _detail(request, test.job_id, error=error)
    return download(pdf, filename=f"restore-test-{test.pk}.pdf", content_type="application/pdf")


def _found(request: PortalRequest, client: Client) -> dict[str, object]:
    """What a backup that was found on a system already says of itself."""
    number = request.GET.get("found", "")
    row = FoundBackup.objects.visible_to(request.actor).filter(client=client, pk=number).first() if number.isdecimal() else None
    if row is None:
        return {}
    return {
        "system": row.system_id, "name": f"{row.tool} {row.repository.rstrip('/').rsplit('/', 1)[-1]}"[:100], "tool": row.tool,
        "repository": row.repository, "sources": "\n".join(row.sources), "databases": "\n".join(row.databases),
        "excludes": "\n".join(row.excludes),
    }  # fmt: skip


def _detail(request: PortalRequest, job_id: int, *, error: PortalError | None = None) -> HttpResponse:
    rows = BackupJob.objects.visible_to(request.actor).select_related("client", "system", "proof", "restore_on", "part_of")
    job = get_object_or_404(rows, pk=job_id)
    tests = list(job.tests.order_by("-created_at")[:50])
    now = timezone.now()
    context = {
        "line": queries.job_line(job, now=now), "job": job, "tests": tests, "parts": job.parts.order_by("pk"), "error": error,
        "curves": queries.history_of(job, now=now), "baseline": queries.baseline_of(job),
        "drift": queries.open_findings(request.actor, kind=BackupFinding.Kind.DRIFT, job=job),
    }  # fmt: skip
    return render_page(request, "backups/job.html", context, status=409 if error else 200)
