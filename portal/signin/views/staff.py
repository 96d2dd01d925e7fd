"""Staff: who is one of us, invitations, roles."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts.models import User
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import STAFF, Permission
from portal.errors import PortalError
from portal.signin import queries
from portal.signin.forms import STAFF_ROLES, InviteForm
from portal.signin.models import Invitation
from portal.signin.services import people
from portal.ui.answers import render_page, see


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.MANAGE_STAFF, fresh=True)
def staff(request: PortalRequest) -> HttpResponse:
    """All of us; leads invite."""
    form = InviteForm(request.POST or None, staff=True)
    if request.method == "POST" and form.is_valid():
        try:
            people.invite(client_id=None, actor=request.actor, now=timezone.now(), **form.cleaned_data)
            return see(request, "signin:staff")
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, form)


@require_POST
@requires(Permission.MANAGE_STAFF, fresh=True)
def role(request: PortalRequest, user_id: int) -> HttpResponse:
    """Give somebody another role."""
    user = get_object_or_404(User, pk=user_id, role__in=STAFF)
    try:
        people.change_staff_role(user=user, role=request.POST.get("role", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, error=error)
    return see(request, "signin:staff")


@require_POST
@requires(Permission.MANAGE_STAFF, fresh=True)
def remove(request: PortalRequest, user_id: int) -> HttpResponse:
    """Somebody leaves us."""
    user = get_object_or_404(User, pk=user_id, role__in=STAFF)
    try:
        people.remove_staff(user=user, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, error=error)
    return see(request, "signin:staff")


@require_POST
@requires(Permission.MANAGE_STAFF)
def uninvite(request: PortalRequest, invitation_id: int) -> HttpResponse:
    """Take an invitation back."""
    invitation = get_object_or_404(Invitation, pk=invitation_id, client=None)
    people.revoke_invitation(invitation=invitation, actor=request.actor, now=timezone.now())
    return see(request, "signin:staff")


def _page(request: PortalRequest, form: InviteForm | None = None, *, error: PortalError | None = None) -> HttpResponse:
    context = {
        "people": queries.staff(),
        "invitations": queries.open_invitations(request.actor, None),
        "roles": STAFF_ROLES,
        "form": form or InviteForm(staff=True),
        "error": error,
    }
    wrong = error is not None or bool(form and form.errors)
    return render_page(request, "signin/staff.html", context, status=422 if wrong else 200)
