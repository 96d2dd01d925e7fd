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
    """Where no lead exists yet, make one with a random password and return both; else None.

    Where there are operators from before there were leads, the first of them becomes one and keeps the password.
    """
    if User.objects.select_for_update().filter(role=Role.LEAD, is_active=True).exists():
        return None
    actor = Actor.portal("first sign-in")
    operator = User.objects.filter(role=Role.OPERATOR, is_active=True).order_by("created_at", "pk").first()
    if operator is not None:
        User.objects.filter(pk=operator.pk).update(role=Role.LEAD)
        audit.record(
            action="people.role", actor=actor, subject=operator, client_id=None, now=now, before={"role": Role.OPERATOR},
            after={"role": Role.LEAD},
        )  # fmt: skip
        return None
    password = secrets.token_urlsafe(12)
    user = User.objects.create_user(email=email, password=password, name="First lead", role=Role.LEAD)
    audit.record(action="people.first", actor=actor, subject=user, client_id=None, now=now)
    return user, password


@transaction.atomic
def add_sample_approver(*, password: str, now: datetime) -> User:
    """A second lead for a sample portal, with an authenticator app: two people stand for every change of production."""
    user = User.objects.create_user(email="approver@retainer.example", password=password, name="Second lead", role=Role.LEAD)
    enrol_app(user=user)
    audit.record(action="people.first", actor=Actor.portal("make demo"), subject=user, client_id=None, now=now)
    return user


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
