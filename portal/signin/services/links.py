"""Mailed links: a worker makes the secret when it sends the mail; the row keeps a hash of it.

Whoever dies between making and sending leaves a row that is taken up again with a new secret: at worst two mails, of which the
newer one works.
"""

import hashlib
import logging
import secrets
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse

from portal.accounts.models import User
from portal.accounts.scope import acting_for_all
from portal.signin.errors import LinkGone
from portal.signin.models import Invitation, MailedLink, PasswordReset

T = TypeVar("T")
logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
GIVE_UP = timedelta(days=2)
LIFETIME: dict[type[MailedLink], timedelta] = {Invitation: timedelta(days=7), PasswordReset: timedelta(hours=1)}
KEEP_RESETS = timedelta(days=30)


def send_waiting(*, now: datetime) -> int:
    """Worker: send every link that waits, and forget old resets. Returns how many mails went out."""
    PasswordReset.objects.filter(asked_at__lt=now - KEEP_RESETS).delete()
    sent = 0
    for kind in (Invitation, PasswordReset):
        free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        waiting = kind.objects.filter(free, sent_at=None, used_at=None, asked_at__gt=now - GIVE_UP)
        for pk in list(waiting.order_by("asked_at", "pk").values_list("pk", flat=True)[:200]):
            sent += _send(kind, pk, now=now)
    return sent


def _send(kind: type[MailedLink], pk: int, *, now: datetime) -> bool:
    with transaction.atomic():
        row = kind.objects.select_for_update(skip_locked=True).filter(pk=pk, sent_at=None).first()
        if row is None or (row.claimed_until is not None and row.claimed_until > now):
            return False
        if isinstance(row, Invitation) and row.revoked_at is not None:
            return False
        if isinstance(row, PasswordReset) and _user(row.email) is None:
            kind.objects.filter(pk=pk).update(sent_at=now)  # nobody to tell; the page said the same as to everybody
            return False
        secret = secrets.token_urlsafe(32)
        kind.objects.filter(pk=pk).update(digest=digest(secret), claimed_until=now + LEASE, expires_at=now + LIFETIME[kind])
    try:
        _mail(row, secret).send()
    except OSError as error:
        # smtplib's errors are OSErrors; the row waits for its lease and is tried again
        logger.warning("mail.not_sent", extra={"kind": kind.__name__, "row": pk, "why": type(error).__name__})
        return False
    kind.objects.filter(pk=pk).update(sent_at=now, claimed_until=None)
    return True


def _mail(row: MailedLink, secret: str) -> EmailMessage:
    invited = isinstance(row, Invitation)
    path = reverse("signin:invitation-open" if invited else "signin:reset-open", args=[secret])
    context = {"row": row, "address": settings.PORTAL_URL.rstrip("/") + path, "portal": settings.PORTAL_URL}
    text = render_to_string("signin/invitation.txt" if invited else "signin/reset.txt", context)
    subject = "Your account at Retainer" if invited else "A new password for Retainer"
    return EmailMessage(subject=subject, body=text, to=[row.email])


def invitation(secret: str, *, now: datetime) -> Invitation:
    """The open invitation behind a link.

    Raises:
        LinkGone: unknown, used, revoked or too old.
    """
    with acting_for_all():
        rows = Invitation.objects.filter(digest=digest(secret), used_at=None, revoked_at=None, expires_at__gt=now)
        return _found(rows.select_related("client").first())


def reset(secret: str, *, now: datetime) -> tuple[PasswordReset, User]:
    """The open reset behind a link, and whose it is.

    Raises:
        LinkGone: unknown, used or too old, or the account is closed.
    """
    row = _found(PasswordReset.objects.filter(digest=digest(secret), used_at=None, expires_at__gt=now).first())
    return row, _found(_user(row.email))


def digest(secret: str) -> str:
    """How a link's row is found. 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _user(email: str) -> User | None:
    return User.objects.filter(email__iexact=email, is_active=True).first()


def _found(row: T | None) -> T:
    if row is None:
        raise LinkGone("This link does not work any more.", hint="Links work once and not for ever. Ask for a new one.")
    return row
