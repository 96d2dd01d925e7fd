"""Who may open a page or call an operation. Each view and each operation of the API carries one of these; a test fails without.

A view states the permission for reading and, where it also changes something, the one for that. What is sensitive asks for a
fresh proof of identity as well (portal/accounts/freshness.py).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal.accounts.freshness import demand_fresh_proof
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission

View = Callable[..., HttpResponseBase]
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ANYBODY = "anybody"
SIGNED_IN = "signed_in"


def requires(permission: Permission, *, change: Permission | None = None, fresh: bool = False) -> Callable[[View], View]:
    """The page takes this permission, and `change` where the request is no plain reading; others get 403.

    Args:
        fresh: a change asks for a fresh proof of identity first; what was posted is kept meanwhile.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: PortalRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            changes = request.method not in SAFE
            if not request.actor.may(change if changes and change else permission):
                raise PermissionDenied
            if fresh and changes:
                demand_fresh_proof(request)
            return view(request, *args, **kwargs)

        checked.permission = permission  # type: ignore[attr-defined]
        checked.change = change or permission  # type: ignore[attr-defined]
        checked.fresh = fresh  # type: ignore[attr-defined]
        return checked

    return decorate


def operation(permission: Permission) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An operation of the API takes this permission, of the person and of the token alike; others get 403."""

    def decorate(call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            request.actor.require(permission)  # type: ignore[attr-defined]  # set by the token's check
            return call(request, *args, **kwargs)

        checked.permission = permission  # type: ignore[attr-defined]
        return checked

    return decorate


def signed_in(view: View) -> View:
    """The page is about the person's own account: for everybody who signed in."""
    return _mark(view, SIGNED_IN)


def anybody_allowed(view: View) -> View:
    """The page needs no sign-in."""
    return _mark(view, ANYBODY)


def _mark(view: View, permission: str) -> View:
    @wraps(view)
    def marked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    marked.permission = marked.change = permission  # type: ignore[attr-defined]
    marked.fresh = False  # type: ignore[attr-defined]
    return marked
