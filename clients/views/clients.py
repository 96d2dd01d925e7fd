"""Clients and their people."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clients import queries
from clients.forms import ClientForm, ContactForm, ImportForm, RangeForm
from clients.models import AllowedRange, Client, Contact
from clients.services import ending, imports, registry
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.OPERATE)
def client_list(request: PortalRequest) -> HttpResponse:
    """All clients, and a form for a new one."""
    form = ClientForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            client = registry.add_client(actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "clients:client", client.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    context = {"clients": queries.clients_for(request.actor), "form": form}
    return render_page(request, "clients/client_list.html", context, status=422 if form.errors else 200)


@require_GET
@requires(Permission.SEE_FLEET)
def client_detail(request: PortalRequest, client_id: int) -> HttpResponse:
    """A client, its systems and people."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    return _client_page(request, client, ContactForm())


@require_POST
@requires(Permission.OPERATE)
def contact_add(request: PortalRequest, client_id: int) -> HttpResponse:
    """Add a person to call."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    form = ContactForm(request.POST)
    if form.is_valid():
        try:
            registry.add_contact(client=client, actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "clients:client", client.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _client_page(request, client, form)


@require_POST
@requires(Permission.OPERATE)
def range_add(request: PortalRequest, client_id: int) -> HttpResponse:
    """Let checks into a private network of the client."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    form = RangeForm(request.POST)
    if form.is_valid():
        try:
            registry.allow_range(client=client, actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "clients:client", client.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _client_page(request, client, ContactForm(), range_form=form)


@require_POST
@requires(Permission.OPERATE)
def range_remove(request: PortalRequest, client_id: int, range_id: int) -> HttpResponse:
    """Take that back."""
    allowed = get_object_or_404(AllowedRange.objects.visible_to(request.actor), pk=range_id, client_id=client_id)
    registry.forbid_range(allowed=allowed, actor=request.actor, now=timezone.now())
    return see(request, "clients:client", client_id)


@require_POST
@requires(Permission.APPROVE, fresh=True)
def end(request: PortalRequest, client_id: int) -> HttpResponse:
    """End the retainer: the client keeps everything, our way in is closed."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    try:
        ending.end_client(client=client, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _client_page(request, client, ContactForm(), error=error)
    return see(request, "clients:client", client.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.OPERATE)
def import_systems(request: PortalRequest) -> HttpResponse:
    """Import systems: the plan first; carried out only with the second button."""
    form = ImportForm(request.POST or None, clients=queries.clients_for(request.actor), initial={"client": request.GET.get("client")})
    context: dict[str, object] = {"form": form}
    if request.method == "POST" and form.is_valid():
        try:
            if "carry_out" in request.POST:
                planned, added = imports.apply_import(actor=request.actor, now=timezone.now(), **form.cleaned_data)
                context |= {"planned": planned, "added": added}
            else:
                context["planned"] = imports.plan_import(actor=request.actor, **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, str(error))
    return render_page(request, "clients/import.html", context, status=422 if form.errors else 200)


def _client_page(
    request: PortalRequest, client: Client, form: ContactForm, *, range_form: RangeForm | None = None, error: PortalError | None = None
) -> HttpResponse:
    contacts = Contact.objects.visible_to(request.actor).filter(client=client).order_by("name", "pk")
    systems = client.system_set.order_by("environment", "name", "pk").select_related("staging_twin")
    context = {
        "client": client,
        "contacts": contacts,
        "systems": systems,
        "form": form,
        "ranges": AllowedRange.objects.filter(client=client).order_by("network", "pk"),
        "range_form": range_form or RangeForm(),
        "error": error,
    }
    wrong = bool(form.errors) or bool(range_form and range_form.errors) or error is not None
    return render_page(request, "clients/client_detail.html", context, status=422 if wrong else 200)
