"""Credentials on their way to the client: whether they work, and how the client's owner receives them."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from handover.choices import PROTECTED, Form
from handover.queries import client_of
from handover.services import proofs, receiving
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see
from portal.vault import services as vault
from portal.vault.models import Credential


@require_GET
@requires(Permission.SEE_FLEET)
def credential_list(request: PortalRequest, client_id: int) -> HttpResponse:
    """A client's credentials: what for, and whether they were tried. No value is on this page."""
    return _page(request, client_id)


def _page(request: PortalRequest, client_id: int, *, error: PortalError | None = None) -> HttpResponse:
    client = client_of(request.actor, client_id)
    lines = [(row, proofs.newest_proof(row), proofs.can_be_tried(row)) for row in vault.theirs(client.pk)]
    return render_page(
        request, "handover/credentials.html", {"client": client, "lines": lines, "error": error}, status=422 if error else 200
    )


@require_POST
@requires(Permission.OPERATE)
def credential(request: PortalRequest, credential_id: int) -> HttpResponse:
    """Have one tried, say that it was tried, or say what it is for."""
    row = get_object_or_404(Credential.objects.visible_to(request.actor), pk=credential_id)
    now, wanted = timezone.now(), request.POST.get("do", "")
    try:
        if wanted == "try":
            proofs.ask(credential=row, actor=request.actor, now=now)
        elif wanted in {"works", "fails"}:
            proofs.state(credential=row, works=wanted == "works", words=request.POST.get("words", ""), actor=request.actor, now=now)
        else:
            vault.describe(
                credential=row, url=request.POST.get("url", ""), notes=request.POST.get("notes", ""), actor=request.actor, now=now
            )
    except PortalError as error:
        return _page(request, row.client_id, error=error)
    return see(request, "handover:credentials", row.client_id)


@sensitive_post_parameters("passphrase", "again")
@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.RECEIVE_HANDOVER, fresh=True)
def receiving_key(request: PortalRequest, client_id: int) -> HttpResponse:
    """The client's owner chooses how credentials are encrypted. Nobody of ours can open this page."""
    client = client_of(request.actor, client_id, Permission.RECEIVE_HANDOVER)
    error: PortalError | None = None
    if request.method == "POST":
        try:
            if request.POST.get("public", "").strip():
                receiving.choose_key(client=client, public=request.POST["public"], actor=request.actor, now=timezone.now())
            else:
                receiving.choose_passphrase(
                    client=client, passphrase=request.POST.get("passphrase", ""), again=request.POST.get("again", ""),
                    forms=request.POST.getlist("forms"), actor=request.actor, now=timezone.now(),
                )  # fmt: skip
            return see(request, "handover:client", client.pk)
        except PortalError as problem:
            error = problem
    forms = [(form.value, form.label) for form in Form if form in PROTECTED]
    context = {"client": client, "key": receiving.current(client.pk), "error": error, "forms": forms, "shortest": receiving.SHORTEST}
    answer = render_page(request, "handover/receiving_key.html", context, status=422 if error else 200)
    answer["Cache-Control"] = "no-store, private"
    return answer
