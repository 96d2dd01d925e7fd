"""Adding a system and bringing it to a trusted connection. Pages only ask; workers talk to hosts."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clients import queries
from clients.choices import Environment, HostWork
from clients.forms import HostKeysForm, ResolveForm, ServiceCheckForm, SystemForm
from clients.models import Client, HostKeyAlert, System
from clients.services import onboarding, registry
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see
from portal.ui.downloads import download


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.OPERATE)
def system_add(request: PortalRequest, client_id: int) -> HttpResponse:
    """A form for a new system; its host keys are asked for at once."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    form = SystemForm(request.POST or None, twins=queries.staging_systems(client), initial={"environment": Environment.PRODUCTION})
    if request.method == "POST" and form.is_valid():
        now = timezone.now()
        try:
            system = registry.add_system(client=client, actor=request.actor, now=now, **form.cleaned_data)
            onboarding.ask(system=system, work=HostWork.READ_HOST_KEYS, actor=request.actor, now=now)
            return see(request, "clients:onboarding", system.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    context = {"client": client, "form": form}
    return render_page(request, "clients/system_add.html", context, status=422 if form.errors else 200)


@require_GET
@requires(Permission.SEE_FLEET)
def onboarding_page(request: PortalRequest, system_id: int) -> HttpResponse:
    """The steps to a trusted connection; the status part refreshes itself while a worker is at it."""
    system = _system(request, system_id)
    return _page(request, system, fragment="status")


@require_POST
@requires(Permission.OPERATE)
def ask(request: PortalRequest, system_id: int, work: str) -> HttpResponse:
    """Ask a worker to read host keys or to test the connection."""
    system = _system(request, system_id)
    if work in HostWork.values:
        onboarding.ask(system=system, work=HostWork(work), actor=request.actor, now=timezone.now())
    return see(request, "clients:onboarding", system.pk)


@require_POST
@requires(Permission.OPERATE, fresh=True)
def confirm_key(request: PortalRequest, system_id: int) -> HttpResponse:
    """Pin a key whose fingerprint the operator compared."""
    system = _system(request, system_id)
    try:
        fingerprint = request.POST.get("fingerprint", "")
        onboarding.confirm_host_key(system=system, fingerprint=fingerprint, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, system, error=error)
    return see(request, "clients:onboarding", system.pk)


@require_POST
@requires(Permission.OPERATE, fresh=True)
def paste_keys(request: PortalRequest, system_id: int) -> HttpResponse:
    """Pin keys known from elsewhere."""
    system = _system(request, system_id)
    form = HostKeysForm(request.POST)
    if form.is_valid():
        try:
            onboarding.paste_host_keys(system=system, text=form.cleaned_data["text"], actor=request.actor, now=timezone.now())
            return see(request, "clients:onboarding", system.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, system, keys_form=form)


@require_POST
@requires(Permission.OPERATE, fresh=True)
def resolve_alert(request: PortalRequest, system_id: int, alert_id: int) -> HttpResponse:
    """Say what a refused key was."""
    system = _system(request, system_id)
    alert = get_object_or_404(HostKeyAlert.objects.visible_to(request.actor), pk=alert_id, system=system)
    form = ResolveForm(request.POST)
    try:
        if not form.is_valid():
            raise PortalError("Say what the key was, and why you know.")
        onboarding.resolve_alert(alert=alert, actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except PortalError as error:
        return _page(request, system, error=error)
    return see(request, "clients:onboarding", system.pk)


@require_POST
@requires(Permission.OPERATE)
def service_check_add(request: PortalRequest, system_id: int) -> HttpResponse:
    """Name an address that must answer before and after each change."""
    system = _system(request, system_id)
    form = ServiceCheckForm(request.POST)
    if form.is_valid():
        try:
            registry.add_service_check(system=system, actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "clients:onboarding", system.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, system, check_form=form)


@require_POST
@requires(Permission.OPERATE)
def change_twin(request: PortalRequest, system_id: int) -> HttpResponse:
    """Pair a production system with another staging twin, or with none."""
    system = _system(request, system_id)
    chosen = request.POST.get("staging_twin", "")
    twins = {str(twin.pk): twin for twin in queries.staging_systems(system.client)}
    try:
        if chosen and chosen not in twins:
            raise PortalError("Choose a staging system of this client, or none.")
        registry.change_twin(system=system, staging_twin=twins.get(chosen), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, system, error=error)
    return see(request, "clients:onboarding", system.pk)


@require_POST
@requires(Permission.OPERATE)
def notes(request: PortalRequest, system_id: int) -> HttpResponse:
    """Write what is special about a system."""
    system = _system(request, system_id)
    try:
        registry.write_notes(system=system, notes=request.POST.get("notes", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        system.notes = request.POST.get("notes", "")
        return _page(request, system, error=error)
    return see(request, "clients:onboarding", system.pk)


@require_GET
@requires(Permission.SEE_FLEET)
def setup_script(request: PortalRequest, system_id: int) -> HttpResponse:
    """The set-up script as a file."""
    system = _system(request, system_id)
    return download(onboarding.setup_script(system), filename="retainer-setup.sh", content_type="text/x-shellscript; charset=utf-8")


def _system(request: PortalRequest, system_id: int) -> System:
    rows = System.objects.visible_to(request.actor).select_related("client", "staging_twin")
    return get_object_or_404(rows, pk=system_id)


def _page(
    request: PortalRequest, system: System, *, keys_form: HostKeysForm | None = None,
    check_form: ServiceCheckForm | None = None, error: PortalError | None = None, fragment: str = "",
) -> HttpResponse:  # fmt: skip
    wrong = error is not None or bool(keys_form and keys_form.errors) or bool(check_form and check_form.errors)
    context = {
        "system": system,
        "keys": queries.keys_of(system),
        "alerts": queries.open_alerts(request.actor).filter(system=system),
        "script": onboarding.setup_script(system),
        "keys_form": keys_form or HostKeysForm(),
        "check_form": check_form or ServiceCheckForm(),
        "resolve_form": ResolveForm(),
        "twins": queries.staging_systems(system.client) if system.environment == Environment.PRODUCTION else [],
        "checks": system.service_checks.order_by("pk"),
        "error": error,
    }
    return render_page(request, "clients/onboarding.html", context, fragment=fragment, status=422 if wrong else 200)
