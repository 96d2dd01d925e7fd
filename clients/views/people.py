"""A client's people: who belongs there, invitations, roles. The client's owner manages them, and so do we."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clients.models import Client
from portal.accounts.models import Membership
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import MemberRole, Permission
from portal.errors import PortalError
from portal.signin import queries
from portal.signin.forms import InviteForm
from portal.signin.models import Invitation
from portal.signin.services import people as service
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.MANAGE_MEMBERS)
def people_own(request: PortalRequest) -> HttpResponse:
    """The people of the client that somebody owns; staff choose one from the clients."""
    own = sorted(request.actor.clients_with(Permission.MANAGE_MEMBERS))
    return see(request, "clients:people", own[0]) if own else see(request, "clients:client-list")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.READ_AUDIT, change=Permission.MANAGE_MEMBERS, fresh=True)
def people(request: PortalRequest, client_id: int) -> HttpResponse:
    """Who belongs to the client; a form invites."""
    client = _client(request, client_id)
    form = InviteForm(request.POST or None, staff=False)
    if request.method == "POST" and form.is_valid():
        try:
            service.invite(client_id=client.pk, actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "clients:people", client.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, client, form)


@require_POST
@requires(Permission.MANAGE_MEMBERS, fresh=True)
def role(request: PortalRequest, client_id: int, membership_id: int) -> HttpResponse:
    """Make somebody owner or member."""
    client, membership = _membership(request, client_id, membership_id)
    try:
        service.change_member_role(membership=membership, role=request.POST.get("role", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, client, error=error)
    return see(request, "clients:people", client.pk)


@require_POST
@requires(Permission.MANAGE_MEMBERS, fresh=True)
def remove(request: PortalRequest, client_id: int, membership_id: int) -> HttpResponse:
    """Remove somebody, with every session and token of theirs."""
    client, membership = _membership(request, client_id, membership_id)
    try:
        service.remove_member(membership=membership, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, client, error=error)
    return see(request, "clients:people", client.pk)


@require_POST
@requires(Permission.MANAGE_MEMBERS)
def uninvite(request: PortalRequest, client_id: int, invitation_id: int) -> HttpResponse:
    """Take an invitation back."""
    client = _client(request, client_id, Permission.MANAGE_MEMBERS)
    invitation = get_object_or_404(Invitation, pk=invitation_id, client=client)
    service.revoke_invitation(invitation=invitation, actor=request.actor, now=timezone.now())
    return see(request, "clients:people", client.pk)


def _client(request: PortalRequest, client_id: int, permission: Permission = Permission.READ_AUDIT) -> Client:
    return get_object_or_404(Client.objects.visible_to(request.actor, permission), pk=client_id)


def _membership(request: PortalRequest, client_id: int, membership_id: int) -> tuple[Client, Membership]:
    client = _client(request, client_id, Permission.MANAGE_MEMBERS)
    return client, get_object_or_404(Membership.objects.select_related("user"), pk=membership_id, client=client)


def _page(request: PortalRequest, client: Client, form: InviteForm | None = None, *, error: PortalError | None = None) -> HttpResponse:
    context = {
        "client": client,
        "members": queries.members(client.pk),
        "invitations": queries.open_invitations(request.actor, client.pk),
        "roles": MemberRole.choices,
        "manage": request.actor.may(Permission.MANAGE_MEMBERS, client.pk),
        "form": form or InviteForm(staff=False),
        "error": error,
    }
    wrong = error is not None or bool(form and form.errors)
    return render_page(request, "clients/people.html", context, status=422 if wrong else 200)
