"""Invitations and password resets: pages for people who are not signed in, behind a mailed link.

The link's secret leaves the address at once: it moves into the session, and the browser goes on to an address without it.
"""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from portal.accounts.middleware import client_address
from portal.accounts.models import User
from portal.accounts.permissions import anybody_allowed
from portal.accounts.request import PortalRequest
from portal.errors import PortalError
from portal.signin import throttle
from portal.signin.errors import LinkGone
from portal.signin.forms import AcceptForm, AskResetForm, NewPasswordForm
from portal.signin.services import links, people
from portal.ui.answers import render_page, see

INVITATION, RESET = "invitation_secret", "reset_secret"
ASKED_PER_ADDRESS = 10
ASKED_PER_ACCOUNT = 3


@require_GET
@never_cache
@anybody_allowed
def invitation_open(request: PortalRequest, secret: str) -> HttpResponse:
    """The address in the mail."""
    request.session[INVITATION] = secret
    return HttpResponseRedirect(reverse("signin:invitation"))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@anybody_allowed
@sensitive_post_parameters()
def invitation(request: PortalRequest) -> HttpResponse:
    """Accept the invitation with a name and a password."""
    secret = request.session.get(INVITATION, "")
    try:
        found = links.invitation(secret, now=timezone.now())
    except LinkGone as error:
        return render_page(request, "signin/link_gone.html", {"error": error}, status=410)
    known = User.objects.filter(email__iexact=found.email, is_active=True).exists()
    form = AcceptForm(request.POST or None, initial={"name": found.name})
    if request.method == "POST" and (known or form.is_valid()):
        values = {} if known else form.cleaned_data
        try:
            people.accept_invitation(
                secret=secret, name=values.get("name", ""), password=values.get("password", ""), address=client_address(request),
                now=timezone.now(),
            )  # fmt: skip
        except PortalError as error:
            form.add_error(None, str(error))
        else:
            request.session.pop(INVITATION, None)
            messages.success(request, "Welcome. Sign in with your address and password.")
            return see(request, "account_login")
    context = {"invitation": found, "known": known, "form": form}
    return render_page(request, "signin/invitation.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@anybody_allowed
def ask_reset(request: PortalRequest) -> HttpResponse:
    """Ask for a link. The answer is the same for every address."""
    form = AskResetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        address = client_address(request)
        counters = [
            throttle.Bucket.of("reset-address", address, limit=ASKED_PER_ADDRESS),
            throttle.Bucket.of("reset-account", form.cleaned_data["email"], limit=ASKED_PER_ACCOUNT),
        ]
        wait = throttle.begin(counters)
        if wait:
            form.add_error(None, f"Too many requests. Wait {throttle.words(wait)} and try again.")
        else:
            people.ask_reset(email=form.cleaned_data["email"], address=address, now=timezone.now())
            return render_page(request, "signin/reset_asked.html", {"email": form.cleaned_data["email"]})
    return render_page(request, "signin/ask_reset.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
@never_cache
@anybody_allowed
def reset_open(request: PortalRequest, secret: str) -> HttpResponse:
    """The address in the mail."""
    request.session[RESET] = secret
    return HttpResponseRedirect(reverse("signin:reset"))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@anybody_allowed
@sensitive_post_parameters()
def reset(request: PortalRequest) -> HttpResponse:
    """Set a new password."""
    secret = request.session.get(RESET, "")
    try:
        links.reset(secret, now=timezone.now())
    except LinkGone as error:
        return render_page(request, "signin/link_gone.html", {"error": error}, status=410)
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            people.reset_password(
                secret=secret, password=form.cleaned_data["password"], address=client_address(request), now=timezone.now()
            )
        except PortalError as error:
            form.add_error(None, str(error))
        else:
            request.session.pop(RESET, None)
            messages.success(request, "Your password is changed, and you are signed out everywhere. Sign in with the new one.")
            return see(request, "account_login")
    return render_page(request, "signin/reset.html", {"form": form}, status=422 if form.errors else 200)
