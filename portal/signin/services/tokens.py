"""API tokens: made by a person on their page, or in exchange for address, password and second factor."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from allauth.mfa.base.forms import AuthenticateForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest

from portal.accounts import services as accounts
from portal.accounts.middleware import client_address
from portal.accounts.models import ApiToken, User
from portal.accounts.roles import Permission
from portal.signin import trail
from portal.signin.adapters import WRONG, AccountAdapter
from portal.signin.errors import BadSignIn


@transaction.atomic
def make(*, user: User, name: str, scopes: Iterable[Permission], days: int, address: str, now: datetime) -> str:
    """Make a token for a person and return it; it can't be shown again. Audited."""
    wanted = frozenset(scopes)
    token = accounts.create_token(user=user, name=name, scopes=wanted, lifetime=timedelta(days=days), now=now)
    trail.note("account.token", user=user, address=address, name=name, scopes=sorted(wanted), days=days)
    return token


@transaction.atomic
def revoke(*, token: ApiToken, user: User, address: str, now: datetime) -> None:
    """End one of a person's own tokens."""
    if ApiToken.objects.filter(pk=token.pk, user=user, revoked_at=None).update(revoked_at=now):
        trail.note("account.token_revoked", user=user, address=address, name=token.name)


def exchange(
    request: HttpRequest, *, email: str, password: str, code: str, name: str, scopes: Iterable[Permission], days: int, now: datetime
) -> str:
    """Exchange address, password and (where the person has one, and staff must) a code for a token.

    Raises:
        BadSignIn: they do not belong together, a code is missing, or too many were wrong; tells nothing about who exists.
    """
    try:
        user = AccountAdapter(request).authenticate(request, email=email, password=password)
    except ValidationError as error:
        raise BadSignIn(error.messages[0]) from error
    if user is None:
        raise BadSignIn(WRONG)
    if accounts.has_second_factor(user):
        form = AuthenticateForm(data={"code": code}, user=user)
        if not form.is_valid():
            raise BadSignIn("The code is missing or wrong.", hint="Send the code of your authenticator app as “code”.")
    elif user.is_staff_member:
        raise BadSignIn("Staff need a second factor.", hint="Sign in with a browser once and set one up.")
    return make(user=user, name=name, scopes=scopes, days=days, address=client_address(request), now=now)
