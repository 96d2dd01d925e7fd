"""Every request has an actor, a scope for the database, and a sign-in behind it unless its address is listed here."""

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import cast

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_cache_control
from django_htmx.http import HttpResponseClientRedirect

from portal.accounts.actor import NOBODY
from portal.accounts.models import Membership, PortalSession, User
from portal.accounts.request import PortalRequest
from portal.accounts.scope import acting_as
from portal.accounts.services import actor_of
from portal.accounts.sessions import digest

GetResponse = Callable[[HttpRequest], HttpResponse]
# The API answers 401 by itself; its schema is public, like its path.
OPEN_PATHS = ("/sign-in/", "/invitation/", "/password/", "/sso/", "/health/", "/beat/", "/public/", "/api/v1/", "/static/")
# Where staff without a second factor can go: to get one, or away.
WITHOUT_SECOND_FACTOR = ("/account/second-factor/", "/account/passkeys/", "/account/prove/", "/sign-out/", "/static/", "/health/")
SEEN_EVERY_S = 60


def sign_in_required(get_response: GetResponse) -> GetResponse:
    """Send strangers to the sign-in page; an htmx request is told to go there as a whole page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(OPEN_PATHS) or request.user.is_authenticated:
            return get_response(request)
        answer = redirect_to_login(request.get_full_path())
        if getattr(request, "htmx", False):
            return HttpResponseClientRedirect(reverse("account_login"))
        return answer

    return middleware


def actor(get_response: GetResponse) -> GetResponse:
    """Set `request.actor`, state its scope to the database, and speak in the client's time zone to a client's own people.

    Staff without a second factor are nobody, and get to the pages that set one up and nowhere else.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        portal_request = cast("PortalRequest", request)
        portal_request.actor = actor_of(request.user, address=client_address(request))
        user = request.user
        if isinstance(user, User):
            _note_seen(request)
            if user.is_staff_member and portal_request.actor == NOBODY and not request.path.startswith(WITHOUT_SECOND_FACTOR):
                page = reverse("mfa_index")
                return HttpResponseClientRedirect(page) if portal_request.htmx else HttpResponseRedirect(page)
        with ExitStack() as portal_request.scopes:
            portal_request.scopes.enter_context(acting_as(portal_request.actor))
            zone, language = _zone_of(portal_request), language_of(request)
            portal_request.LANGUAGE_CODE = language
            with translation.override(language), timezone.override(zone) if zone else nullcontext():
                answer = get_response(request)
        if isinstance(request.user, User):
            # nothing of a signed-in person stays in a browser's or a proxy's cache
            patch_cache_control(answer, no_store=True, private=True)
        return answer

    return middleware


def client_address(request: HttpRequest) -> str:
    """The browser's address: the connection's own, or what the outermost trusted proxy said (PORTAL_PROXIES of them)."""
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if settings.PROXIES and len(forwarded) >= settings.PROXIES:
        return forwarded[-settings.PROXIES][:45]
    return str(request.META.get("REMOTE_ADDR") or "")[:45]


def language_of(request: HttpRequest) -> str:
    """What is spoken to whom is in front of the page: what they chose, else what their browser asks for. Our own pages are English."""
    user = request.user
    if isinstance(user, User) and (user.language or user.is_staff_member):
        return user.language or "en"
    return translation.get_language_from_request(request)


def _note_seen(request: HttpRequest) -> None:
    """Keep when and from where the session was last used; once a minute is exact enough, and spares a write per request."""
    seen = request.session.get("seen_at", 0)
    now = timezone.now()
    if now.timestamp() - seen < SEEN_EVERY_S:
        return
    request.session["seen_at"] = now.timestamp()
    PortalSession.objects.filter(pk=digest(request.session.session_key or "")).update(
        last_seen_at=now, address=client_address(request), browser=request.headers.get("User-Agent", "")[:300]
    )


def _zone_of(request: PortalRequest) -> str | None:
    if request.actor.sees_all_clients or not request.actor.client_ids:
        return None
    membership = Membership.objects.filter(user=request.actor.user_id).select_related("client").order_by("pk").first()
    return membership.client.time_zone if membership else None
