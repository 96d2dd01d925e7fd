"""The first sign-in of a fresh portal, and a new password from the terminal."""

import secrets
from datetime import datetime

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import transaction

from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit import services as audit
from portal.signin.services.people import set_password


@transaction.atomic
def ensure_first_lead(*, email: str, now: datetime) -> tuple[User, str] | None:
    """Where no lead exists yet, make one with a random password and return both; else None."""
    if User.objects.select_for_update().filter(role=Role.LEAD, is_active=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        user = User.objects.create_user(email=email, password=password, name="First lead", role=Role.LEAD)
    else:
        # an operator from before there were leads
        User.objects.filter(pk=user.pk).update(role=Role.LEAD)
        set_password(user=user, password=password, now=now)
    audit.record(action="people.first", actor=Actor.portal("first sign-in"), subject=user, client_id=None, now=now)
    return user, password


@transaction.atomic
def give_new_password(*, user: User, now: datetime) -> str:
    """A random password for somebody who lost theirs, by whoever has this machine; ends all their sessions and tokens."""
    password = secrets.token_urlsafe(12)
    set_password(user=user, password=password, now=now)
    audit.record(action="account.password_reset", actor=Actor.portal("manage.py set_password"), subject=user, client_id=None, now=now)
    return password


def enrol_app(*, user: User) -> str:
    """Give a person an authenticator app and recovery codes, and return the app's seed; for samples and tests."""
    seed = generate_totp_secret()
    TOTP.activate(user, seed)
    RecoveryCodes.activate(user)
    return str(seed)
