"""Use cases of accounts: who is this request's actor, API tokens, the first sign-in."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth import authenticate
from django.db import transaction
from django.db.models import Q

from portal.accounts.actor import NOBODY, Actor
from portal.accounts.models import ApiToken, Role, User
from portal.errors import PortalError

TOKEN_PREFIX = "rtn_"  # noqa: S105  # a public prefix, so that scanners recognise a leaked token
TOKEN_LIFETIME = timedelta(days=90)


class BadSignIn(PortalError):
    """Address and password do not belong together."""


def actor_of(user: object) -> Actor:
    """The actor behind a signed-in user; nobody for anybody else."""
    if not isinstance(user, User) or not user.is_active:
        return NOBODY
    if user.role == Role.OPERATOR:
        return Actor(label=user.email, user_id=user.pk, sees_all_clients=True)
    clients = frozenset(user.memberships.values_list("client_id", flat=True))
    return Actor(label=user.email, user_id=user.pk, client_ids=clients)


def create_token(*, user: User, name: str, now: datetime) -> str:
    """Make an API token that lives 90 days and return it; it can't be shown again."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, name=name, digest=_digest(token), expires_at=now + TOKEN_LIFETIME)
    return token


def sign_in_for_token(*, email: str, password: str, name: str, now: datetime) -> str:
    """Exchange address and password for an API token.

    Raises:
        BadSignIn: they do not belong together; tells nothing about who exists.
    """
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        raise BadSignIn("Address and password do not belong together.")
    return create_token(user=user, name=name, now=now)


def user_of_token(*, token: str, now: datetime) -> User | None:
    """The active user behind a token that is neither expired nor revoked; notes when it was used."""
    valid = ApiToken.objects.filter(digest=_digest(token), expires_at__gt=now, revoked_at=None, user__is_active=True)
    found = valid.select_related("user").first()
    if found is None:
        return None
    # Once a minute is exact enough, and spares a write per request.
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(minutes=1))
    ApiToken.objects.filter(stale, pk=found.pk).update(last_used_at=now)
    return found.user


@transaction.atomic
def ensure_first_operator(*, email: str) -> tuple[User, str] | None:
    """Where no operator exists yet, make one with a random password and return both; else None."""
    if User.objects.select_for_update().filter(role=Role.OPERATOR).exists():
        return None
    password = secrets.token_urlsafe(12)
    user = User.objects.create_user(email=email, password=password, name="First operator", role=Role.OPERATOR)
    return user, password


def _digest(token: str) -> str:
    # 256 random bits need no slow hash
    return hashlib.sha256(token.encode()).hexdigest()
