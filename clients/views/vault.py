"""A client's vault: what is kept, storing, revealing. A value is on one page only: the answer to whoever revealed it."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from clients import queries
from clients.forms import CredentialForm, SecretForm
from clients.models import Client
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see
from portal.vault import services as vault_service
from portal.vault.models import Credential


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.OPERATE, fresh=True)
def vault(request: PortalRequest, client_id: int) -> HttpResponse:
    """What is kept for a client, and a form for more."""
    client = _client(request, client_id)
    form = CredentialForm(request.POST or None, systems=client.system_set.order_by("name", "pk"))
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        system = values.pop("system")
        try:
            vault_service.store(
                client_id=client.pk, system_id=system.pk if system else None, secret=values.pop("secret").encode(),
                actor=request.actor, now=timezone.now(), **values,
            )  # fmt: skip
            return see(request, "clients:vault", client.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, client, form)


@require_POST
@requires(Permission.REVEAL, fresh=True)
def reveal(request: PortalRequest, client_id: int, credential_id: int) -> HttpResponse:
    """Show a credential's value to whoever asked, after a fresh proof; the client reads that it was shown."""
    client, credential = _credential(request, client_id, credential_id)
    number = request.POST.get("version", "")
    try:
        version, value = vault_service.reveal(
            credential=credential, number=int(number) if number.isdecimal() and len(number) < 9 else None, actor=request.actor,
            now=timezone.now(),
        )  # fmt: skip
    except PortalError as error:
        return _page(request, client, error=error)
    text = value.decode("utf-8", errors="replace")
    answer = render_page(
        request, "clients/reveal.html", {"client": client, "credential": credential, "version": version, "value": text}
    )
    answer["Cache-Control"] = "no-store, private"
    return answer


@sensitive_post_parameters("secret")
@require_POST
@requires(Permission.OPERATE, fresh=True)
def replace(request: PortalRequest, client_id: int, credential_id: int) -> HttpResponse:
    """A new version of a credential."""
    client, credential = _credential(request, client_id, credential_id)
    form = SecretForm(request.POST)
    try:
        if not form.is_valid():
            raise PortalError("There is nothing to store.")
        vault_service.replace(
            credential=credential, secret=form.cleaned_data["secret"].encode(), actor=request.actor, now=timezone.now()
        )
    except PortalError as error:
        return _page(request, client, error=error)
    return see(request, "clients:vault", client.pk)


@require_POST
@requires(Permission.OPERATE, fresh=True)
def archive(request: PortalRequest, client_id: int, credential_id: int) -> HttpResponse:
    """Take a credential out of use."""
    client, credential = _credential(request, client_id, credential_id)
    try:
        vault_service.archive(credential=credential, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, client, error=error)
    return see(request, "clients:vault", client.pk)


def _client(request: PortalRequest, client_id: int) -> Client:
    return get_object_or_404(Client.objects.visible_to(request.actor, Permission.SEE_FLEET), pk=client_id)


def _credential(request: PortalRequest, client_id: int, credential_id: int) -> tuple[Client, Credential]:
    client = _client(request, client_id)
    rows = Credential.objects.visible_to(request.actor).select_related("client")
    return client, get_object_or_404(rows, pk=credential_id, client=client)


def _page(
    request: PortalRequest, client: Client, form: CredentialForm | None = None, *, error: PortalError | None = None
) -> HttpResponse:
    context = {
        "client": client,
        "credentials": queries.credentials_of(client),
        "form": form or CredentialForm(systems=client.system_set.order_by("name", "pk")),
        "error": error,
    }
    wrong = error is not None or bool(form and form.errors)
    return render_page(request, "clients/vault.html", context, status=422 if wrong else 200)
