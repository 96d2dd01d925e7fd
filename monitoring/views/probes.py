"""What is asked of a system from outside, and by which heartbeats it calls."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from clients.models import System
from monitoring import queries
from monitoring.forms import HeartbeatForm, MailDomainForm, ProbeForm
from monitoring.models import Probe
from monitoring.services import probes
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SEE, change=Permission.OPERATE)
def system_probes(request: PortalRequest, system_id: int) -> HttpResponse:
    """What is asked, and one question more."""
    system, form = visible_system(request, system_id), ProbeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            probes.add(
                system=system, kind=form.cleaned_data["kind"], target=form.cleaned_data["target"], options=form.options,
                interval_s=form.interval_s, actor=request.actor, now=timezone.now(),
            )  # fmt: skip
            return see(request, "monitoring:probes", system.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, system, form=form)


@require_POST
@requires(Permission.OPERATE)
def mail_domain(request: PortalRequest, system_id: int) -> HttpResponse:
    """Everything by which mail of a domain may fail to arrive, at once."""
    system, form = visible_system(request, system_id), MailDomainForm(request.POST)
    if form.is_valid():
        try:
            probes.add_mail_domain(
                system=system, domain_name=form.cleaned_data["domain"], addresses=form.cleaned_data["addresses"].split(),
                selectors=form.cleaned_data["selectors"].split(), actor=request.actor, now=timezone.now(),
            )  # fmt: skip
            return see(request, "monitoring:probes", system.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, system, mail_form=form)


@require_POST
@requires(Permission.OPERATE)
def probe_end(request: PortalRequest, probe_id: int) -> HttpResponse:
    """Ask it no more."""
    probe = get_object_or_404(Probe.objects.visible_to(request.actor).select_related("system__client"), pk=probe_id)
    try:
        probes.end(probe=probe, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, probe.system, error=error)
    return see(request, "monitoring:probes", probe.system_id)


def visible_system(request: PortalRequest, system_id: int) -> System:
    """The system, or 404."""
    return get_object_or_404(System.objects.visible_to(request.actor).select_related("client"), pk=system_id)


def _page(
    request: PortalRequest, system: System, *, form: ProbeForm | None = None, mail_form: MailDomainForm | None = None,
    error: PortalError | None = None,
) -> HttpResponse:  # fmt: skip
    wrong = bool(error or (form and form.errors) or (mail_form and mail_form.errors))
    now = timezone.now()
    context = {
        "system": system, "lines": queries.probe_lines(system, now=now), "heartbeats": queries.heartbeat_lines(system, now=now),
        "form": form or ProbeForm(), "mail_form": mail_form or MailDomainForm(), "heartbeat_form": HeartbeatForm(), "error": error,
    }  # fmt: skip
    return render_page(request, "monitoring/probes.html", context, status=422 if wrong else 200)
