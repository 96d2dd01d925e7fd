"""A person's own account: second factors, sessions, tokens, password."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from portal.accounts.freshness import demand_fresh_proof
from portal.accounts.middleware import client_address
from portal.accounts.models import ApiToken, PortalSession, User
from portal.accounts.permissions import signed_in
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.accounts.services import READING, has_second_factor
from portal.accounts.sessions import digest
from portal.errors import PortalError
from portal.signin import queries, trail
from portal.signin.forms import NewPasswordForm, TokenForm
from portal.signin.services import people, tokens
from portal.ui.answers import render_page, see


@require_GET
@signed_in
def account(request: PortalRequest) -> HttpResponse:
    """What lets me in, and where I am in."""
    return _page(request, TokenForm())


@require_POST
@signed_in
def sign_out_others(request: PortalRequest) -> HttpResponse:
    """End all my sessions but this one."""
    others = PortalSession.objects.filter(user=_user(request)).exclude(pk=_own(request))
    count, _ = others.delete()
    trail.note("account.sign_out_others", user=_user(request), address=client_address(request), sessions=count)
    messages.success(request, f"{count} other session{'s' * (count != 1)} ended.")
    return see(request, "signin:account")


@require_POST
@signed_in
def sign_out_one(request: PortalRequest, session: str) -> HttpResponse:
    """End one of my sessions."""
    found = get_object_or_404(PortalSession, pk__startswith=session, user=_user(request))
    found.delete()
    trail.note("account.sign_out_others", user=_user(request), address=client_address(request), sessions=1)
    return see(request, "signin:account")


@require_POST
@signed_in
def token_add(request: PortalRequest) -> HttpResponse:
    """Make a token; it is shown on the page that answers, once."""
    demand_fresh_proof(request)
    form = TokenForm(request.POST)
    token = ""
    if form.is_valid():
        scopes = set(READING) | ({Permission.OPERATE} if "operate" in form.cleaned_data["scopes"] else set())
        try:
            token = tokens.make(
                user=_user(request), name=form.cleaned_data["token_name"], scopes=scopes, days=form.cleaned_data["days"],
                address=client_address(request), now=timezone.now(),
            )  # fmt: skip
            form = TokenForm()
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, form, token=token)


@require_POST
@signed_in
def token_revoke(request: PortalRequest, token_id: int) -> HttpResponse:
    """End one of my tokens."""
    token = get_object_or_404(ApiToken, pk=token_id, user=_user(request))
    tokens.revoke(token=token, user=_user(request), address=client_address(request), now=timezone.now())
    return see(request, "signin:account")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@sensitive_post_parameters()
def password(request: PortalRequest) -> HttpResponse:
    """Change my password: other sessions and all tokens end."""
    demand_fresh_proof(request)
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _user(request)
        try:
            people.change_password(
                user=user, password=form.cleaned_data["password"], own_session=_own(request), address=client_address(request),
                now=timezone.now(),
            )  # fmt: skip
        except PortalError as error:
            form.add_error(None, str(error))
        else:
            update_session_auth_hash(request, user)
            messages.success(request, "Your password is changed. Other sessions and your tokens ended.")
            return see(request, "signin:account")
    return render_page(request, "signin/password.html", {"form": form}, status=422 if form.errors else 200)


def _page(request: PortalRequest, form: TokenForm, *, token: str = "") -> HttpResponse:
    user = _user(request)
    context = {
        "sessions": queries.sessions(user, now=timezone.now()),
        "own_session": _own(request),
        "tokens": queries.tokens(user),
        "second_factor": has_second_factor(user),
        "memberships": user.memberships.select_related("client").order_by("client__name", "pk"),
        "form": form,
        "token": token,
        "now": timezone.now(),
    }
    return render_page(request, "signin/account.html", context, status=422 if form.errors else 200)


def _user(request: PortalRequest) -> User:
    user = request.user
    assert isinstance(user, User)  # noqa: S101  # the middleware lets nobody else here
    return user


def _own(request: PortalRequest) -> str:
    return digest(request.session.session_key or "")
