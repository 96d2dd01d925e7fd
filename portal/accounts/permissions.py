"""Roles of pages. Each view carries one of these decorators; a test fails on a view without."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http.response import HttpResponseBase

from portal.accounts.request import PortalRequest

View = Callable[..., HttpResponseBase]


def operator_required(view: View) -> View:
    """The page is for operators; a client user gets 403."""

    @wraps(view)
    def checked(request: PortalRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.actor.is_operator:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    checked.permission = "operator"  # type: ignore[attr-defined]
    return checked


def member_allowed(view: View) -> View:
    """The page is for everybody who signed in; what it shows is scoped by `visible_to(actor)`."""
    view.permission = "member"  # type: ignore[attr-defined]
    return view


def anybody_allowed(view: View) -> View:
    """The page needs no sign-in."""
    view.permission = "anybody"  # type: ignore[attr-defined]
    return view
