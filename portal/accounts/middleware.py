"""Every request has an actor, and every page needs a sign-in unless it is listed here."""

from collections.abc import Callable
from typing import cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from portal.accounts.models import Membership
from portal.accounts.request import PortalRequest
from portal.accounts.services import actor_of

GetResponse = Callable[[HttpRequest], HttpResponse]
# The API answers 401 by itself; its schema is public, like its path.
OPEN_PATHS = ("/sign-in/", "/health/", "/api/v1/", "/static/")


def sign_in_required(get_response: GetResponse) -> GetResponse:
    """Send strangers to the sign-in page; an htmx request is told to go there as a whole page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(OPEN_PATHS) or request.user.is_authenticated:
            return get_response(request)
        answer = redirect_to_login(request.get_full_path())
        if getattr(request, "htmx", False):
            return HttpResponseClientRedirect("/sign-in/")
        return answer

    return middleware


def actor(get_response: GetResponse) -> GetResponse:
    """Set `request.actor`, and the client's time zone for a client's own people."""

    def middleware(request: HttpRequest) -> HttpResponse:
        portal_request = cast("PortalRequest", request)
        portal_request.actor = actor_of(request.user)
        zone = _zone_of(portal_request)
        if zone is None:
            return get_response(request)
        with timezone.override(zone):
            return get_response(request)

    return middleware


def _zone_of(request: PortalRequest) -> str | None:
    if request.actor.sees_all_clients or not request.actor.client_ids:
        return None
    membership = Membership.objects.filter(user=request.actor.user_id).select_related("client").order_by("pk").first()
    return membership.client.time_zone if membership else None
