"""How programs say who they are: a token as Bearer, or as the password where a reader of calendars knows no other way."""

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBasicAuth, HttpBearer

from portal.accounts.actor import NOBODY, Actor
from portal.accounts.middleware import client_address
from portal.accounts.scope import acting_as
from portal.accounts.services import actor_of_token


class TokenAuth(HttpBearer):
    """`Authorization: Bearer rtn_…`. A browser's session does not count here, so there is nothing to forge."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """The actor behind the token; None is 401."""
        return _actor(request, token)


class TokenAsPassword(HttpBasicAuth):
    """The same token as the password of HTTP Basic, whatever the name: calendar programs can send nothing else."""

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Actor | None:
        """The actor behind the token; None is 401."""
        return _actor(request, password)


def _actor(request: HttpRequest, token: str) -> Actor | None:
    actor = actor_of_token(token=token, now=timezone.now(), address=client_address(request))
    if actor == NOBODY:
        return None
    # as the middleware does for pages: the actor, and its scope for the database until the request ends
    request.actor = actor  # type: ignore[attr-defined]
    request.scopes.enter_context(acting_as(actor))  # type: ignore[attr-defined]
    return actor
