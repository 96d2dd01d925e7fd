"""What a client's maintenance goes by: maintenance windows, verification checks, what stands in for staging."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from clients.choices import Environment
from clients.models import Client, System
from maintenance.forms import AlternativeForm, CheckForm, MaintenanceWindowForm, SnapshotForm
from maintenance.models import MaintenanceWindow, StagingAlternative, VerificationCheck
from maintenance.services import checks, maintenance_windows, snapshots, staging
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see

READ_OR_POST = ["GET", "HEAD", "POST"]


@require_http_methods(READ_OR_POST)
@requires(Permission.SEE, change=Permission.OPERATE)
def window_list(request: PortalRequest, client_id: int) -> HttpResponse:
    """When this client's production may be changed, with what comes next."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    now = timezone.now()
    form = MaintenanceWindowForm(request.POST or None, systems=System.objects.filter(client=client).order_by("name"))
    if request.method == "POST" and form.is_valid():
        try:
            maintenance_windows.add(client=client, actor=request.actor, now=now, **form.cleaned_data)
            return see(request, "maintenance:maintenance-windows", client.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    rows = MaintenanceWindow.objects.filter(client=client, ended_at=None).select_related("system").order_by("name", "pk")
    context = {"client": client, "windows": rows, "upcoming": maintenance_windows.upcoming(client, now=now), "form": form}
    return render_page(request, "maintenance/maintenance_windows.html", context, status=422 if form.errors else 200)


@require_POST
@requires(Permission.OPERATE)
def window_end(request: PortalRequest, window_id: int) -> HttpResponse:
    """Take a window out of use."""
    window = get_object_or_404(MaintenanceWindow.objects.visible_to(request.actor), pk=window_id)
    maintenance_windows.end_window(window=window, actor=request.actor, now=timezone.now())
    return see(request, "maintenance:maintenance-windows", window.client_id)


@require_http_methods(READ_OR_POST)
@requires(Permission.SEE, change=Permission.OPERATE)
def check_list(request: PortalRequest, client_id: int) -> HttpResponse:
    """What is asked of this client's systems before and after each change."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    form = CheckForm(request.POST or None, systems=System.objects.filter(client=client).order_by("name"))
    if request.method == "POST" and form.is_valid():
        try:
            checks.add(client=client, actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "maintenance:checks", client.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    rows = VerificationCheck.objects.filter(client=client, ended_at=None).select_related("system").order_by("name", "pk")
    context = {"client": client, "checks": rows, "form": form}
    return render_page(request, "maintenance/checks.html", context, status=422 if form.errors else 200)


@require_POST
@requires(Permission.OPERATE)
def check_end(request: PortalRequest, check_id: int) -> HttpResponse:
    """Ask a check no more."""
    check = get_object_or_404(VerificationCheck.objects.visible_to(request.actor), pk=check_id)
    checks.end(check=check, actor=request.actor, now=timezone.now())
    return see(request, "maintenance:checks", check.client_id)


@require_http_methods(READ_OR_POST)
@requires(Permission.SEE, change=Permission.APPROVE, fresh=True)
def staging_alternatives(request: PortalRequest, system_id: int) -> HttpResponse:
    """What stands in for staging on a production system, declared by a lead."""
    rows = System.objects.visible_to(request.actor).select_related("client", "staging_twin")
    system = get_object_or_404(rows, pk=system_id)
    now = timezone.now()
    others = System.objects.filter(client=system.client_id, environment=Environment.PRODUCTION).exclude(pk=system.pk).order_by("name")
    form = AlternativeForm(request.POST or None, systems=others)
    if request.method == "POST" and form.is_valid():
        try:
            staging.declare(system=system, actor=request.actor, now=now, **form.cleaned_data)
            return see(request, "maintenance:staging", system.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    context = {
        "system": system, "form": form, "alternatives": staging.alternatives_in_force(system, now=now),
        "past": StagingAlternative.objects.filter(system=system).order_by("-pk")[:20],
    }  # fmt: skip
    return render_page(request, "maintenance/staging.html", context, status=422 if form.errors else 200)


@require_http_methods(READ_OR_POST)
@requires(Permission.SEE, change=Permission.OPERATE)
def snapshot_policy(request: PortalRequest, system_id: int) -> HttpResponse:
    """Whether changes of a system begin with a snapshot of its root file system, and those that its host keeps."""
    system = get_object_or_404(System.objects.visible_to(request.actor).select_related("client"), pk=system_id)
    policy = snapshots.policy_of(system)
    initial = {"wish": policy.wish, "keep_days": policy.keep_days} if policy else None
    form = SnapshotForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            snapshots.set_policy(system=system, actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "maintenance:snapshots", system.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    context = {"system": system, "policy": policy, "form": form, "kept": snapshots.kept(system), "now": timezone.now()}
    return render_page(request, "maintenance/snapshots.html", context, status=422 if form.errors else 200)


@require_POST
@requires(Permission.APPROVE, fresh=True)
def staging_revoke(request: PortalRequest, alternative_id: int) -> HttpResponse:
    """End an alternative before its time."""
    row = get_object_or_404(StagingAlternative.objects.visible_to(request.actor), pk=alternative_id)
    staging.revoke(alternative=row, actor=request.actor, now=timezone.now())
    return see(request, "maintenance:staging", row.system_id)
