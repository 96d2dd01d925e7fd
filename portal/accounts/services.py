"""Use cases of accounts: who is this request's actor, API tokens, ending what lets somebody in."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q

from portal.accounts.actor import NOBODY, Actor
from portal.accounts.models import ApiToken, PortalSession, User
from portal.accounts.roles import NEEDS_A_PERSON, STAFF, Permission
from portal.accounts.scope import Scope, acting
from portal.errors import PortalError

TOKEN_PREFIX = "rtn_"  # noqa: S105  # a public prefix, so that scanners recognise a leaked token
TOKEN_LIFETIME = timedelta(days=90)
TOKEN_LONGEST = timedelta(days=365)
READING = frozenset({Permission.SEE, Permission.SEE_FLEET, Permission.READ_AUDIT, Permission.SEE_HOURS})


def actor_of(user: object, *, address: str = "") -> Actor:
    """The actor behind a signed-in user; nobody for anybody else, and for staff without a second factor."""
    if not isinstance(user, User) or not user.is_active or (user.is_staff_member and not has_second_factor(user)):
        return NOBODY
    if user.role in STAFF:
        return Actor(label=user.email, user_id=user.pk, role=user.role, address=address)
    with acting(Scope(frozenset(), user.pk)):
        memberships = tuple(user.memberships.order_by("client_id").values_list("client_id", "role"))
    return Actor(label=user.email, user_id=user.pk, memberships=memberships, address=address)


def has_second_factor(user: User) -> bool:
    """Whether the person has an authenticator app or a passkey; recovery codes alone are none."""
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=kinds).exists())


def create_token(
    *, user: User, name: str, now: datetime, scopes: Iterable[Permission] = READING, lifetime: timedelta = TOKEN_LIFETIME
) -> str:
    """Make an API token and return it; it can't be shown again.

    Raises:
        PortalError: no name, a life longer than a year, or a permission that takes a person.
    """
    wanted = frozenset(scopes)
    if not name.strip():
        raise PortalError("Name the token, so that you know later what it is for.")
    if not timedelta(0) < lifetime <= TOKEN_LONGEST:
        raise PortalError("A token lives between a day and a year.")
    if wanted & NEEDS_A_PERSON or not wanted:
        raise PortalError("A token can carry reading and operating; approving, revealing and managing people take a person.")
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, name=name.strip()[:100], digest=_digest(token), expires_at=now + lifetime, scopes=sorted(wanted))
    return token


def actor_of_token(*, token: str, now: datetime, address: str = "") -> Actor:
    """The actor behind a token, with the token's permissions only; nobody where it is unknown, expired or revoked."""
    valid = ApiToken.objects.filter(digest=_digest(token), expires_at__gt=now, revoked_at=None, user__is_active=True)
    found = valid.select_related("user").first()
    if found is None:
        return NOBODY
    # Once a minute is exact enough, and spares a write per request.
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(minutes=1))
    ApiToken.objects.filter(stale, pk=found.pk).update(last_used_at=now)
    actor = actor_of(found.user, address=address)
    if actor == NOBODY:
        return NOBODY
    return Actor(
        label=f"{actor.label} (token {found.name})", user_id=actor.user_id, role=actor.role, memberships=actor.memberships,
        limited_to=frozenset(Permission(scope) for scope in found.scopes if scope in set(Permission)), address=address,
    )  # fmt: skip


@transaction.atomic
def end_access(*, user_id: int, now: datetime, except_session: str = "") -> None:
    """End every session and token of a person at once.

    Args:
        except_session: the digest of a session that stays: the one that the person is in.
    """
    PortalSession.objects.filter(user_id=user_id).exclude(pk=except_session).delete()
    ApiToken.objects.filter(user_id=user_id, revoked_at=None).update(revoked_at=now)


def _digest(token: str) -> str:
    # 256 random bits need no slow hash
    return hashlib.sha256(token.encode()).hexdigest()
