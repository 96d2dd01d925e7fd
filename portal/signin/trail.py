"""Sign-ins and second factors in the audit trail: for a client's person at each of their clients."""

from typing import Any

from allauth.account.signals import password_changed, user_logged_in
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
    authenticator_used,
)
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from portal.accounts.actor import NOBODY, Actor
from portal.accounts.middleware import client_address
from portal.accounts.models import User
from portal.accounts.scope import acting_as
from portal.accounts.services import actor_of
from portal.audit import services as audit


def connect() -> None:
    """Listen to django-allauth."""
    for signal, action in (
        (user_logged_in, "account.sign_in"),
        (user_logged_out, "account.sign_out"),
        (password_changed, "account.password"),
        (authenticator_added, "account.factor_added"),
        (authenticator_removed, "account.factor_removed"),
        (authenticator_reset, "account.factor_reset"),
        (authentication_failed, "account.factor_failed"),
        (authenticator_used, "account.factor_used"),
    ):
        signal.connect(_listener(action), weak=False, dispatch_uid=action)


def sign_in_failed(request: HttpRequest, *, email: str) -> None:
    """A wrong address or password. The address is kept as typed; the password is not."""
    actor = Actor(label=email[:254] or "nobody", address=client_address(request))
    audit.record(action="account.sign_in_failed", actor=actor, subject=None, client_id=None, now=timezone.now())


def note(action: str, *, user: User, address: str, **details: Any) -> None:
    """Add one event about a person's own account."""
    # staff without a second factor may do nothing yet, but what they did is theirs
    known = actor_of(user, address=address)
    actor = known if known != NOBODY else Actor(label=user.email, user_id=user.pk, address=address)
    with acting_as(actor), transaction.atomic():
        clients: list[int | None] = [*sorted(actor.client_ids)] or [None]
        for client_id in clients:
            audit.record(action=action, actor=actor, subject=user, client_id=client_id, now=timezone.now(), **details)


def _listener(action: str) -> Any:
    def listen(*, request: HttpRequest, user: Any, **kwargs: Any) -> None:
        if not isinstance(user, User):
            return  # a sign-out of nobody
        factor = kwargs.get("authenticator")
        details = {"factor": factor.get_type_display()} if factor is not None else {}
        note(action, user=user, address=client_address(request), **details)

    return listen
