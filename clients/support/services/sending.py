"""Mails on their way out: claimed, handed to the server, tried again. What can't be handed over is kept, and somebody is shown it."""

import logging
import smtplib
from datetime import datetime, timedelta
from email.mime.base import MIMEBase
from email.mime.text import MIMEText

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from clients.support.choices import SendState
from clients.support.models import OutgoingMail
from clients.support.services.addresses import reply_address
from portal.accounts.scope import acting_for_all

logger = logging.getLogger(__name__)

AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6), timedelta(hours=12))
AT_ONCE = 50


def send_due(*, now: datetime) -> int:
    """Send what is due, one mail after the other; returns how many the server took.

    A worker that dies between the server's yes and our note sends that one mail twice, with the same Message-ID, which mailboxes show
    once.
    """
    with acting_for_all():
        sent = 0
        for mail_id in _claim(now):
            mail = OutgoingMail.objects.get(pk=mail_id)
            trouble, for_good = _send(mail)
            if not trouble:
                sent += OutgoingMail.objects.filter(pk=mail.pk, state=SendState.WAITING).update(
                    state=SendState.SENT, sent_at=now, trouble=""
                )
                continue
            gives_up = for_good or mail.tries >= len(AGAIN)
            OutgoingMail.objects.filter(pk=mail.pk).update(
                trouble=trouble[:500], state=SendState.FAILED if gives_up else SendState.WAITING
            )
            logger.warning("mail.not_sent", extra={"mail": mail.pk, "tries": mail.tries, "given_up": gives_up})
        return sent


@transaction.atomic
def _claim(now: datetime) -> list[int]:
    rows = OutgoingMail.objects.filter(state=SendState.WAITING, due_at__lte=now).order_by("due_at", "pk")
    claimed = list(rows.select_for_update(skip_locked=True)[:AT_ONCE])
    for row in claimed:
        row.due_at = now + AGAIN[min(row.tries, len(AGAIN) - 1)]
        row.tries += 1
    OutgoingMail.objects.bulk_update(claimed, ["due_at", "tries"])
    return [row.pk for row in claimed]


def _send(mail: OutgoingMail) -> tuple[str, bool]:
    """What went wrong, and whether it always will."""
    link = get_connection()
    try:
        _message(mail, link).send()
    except smtplib.SMTPRecipientsRefused as error:
        refusals = error.recipients.values()
        code, words = next(iter(refusals), (0, b""))
        return f"Refused: {code} {words.decode(errors='replace') if isinstance(words, bytes) else words}", code >= 500
    except (OSError, smtplib.SMTPException) as error:
        return f"{type(error).__name__}: {error}", False
    finally:
        link.close()
    return "", False


def _message(mail: OutgoingMail, link: BaseEmailBackend) -> EmailMessage:
    headers = {
        "Message-ID": mail.message_id,
        # no person wrote it by hand: what answers by itself leaves it alone (RFC 3834)
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Retainer-Mail": "1",
    }
    if mail.in_reply_to:
        headers["In-Reply-To"] = mail.in_reply_to
        headers["References"] = mail.references or mail.in_reply_to
    if mail.unsubscribe:
        headers["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    answers = [reply_address(mail.ticket_id)] if mail.ticket_id else []
    message = EmailMessage(
        mail.subject, mail.body, from_email=settings.SUPPORT_FROM, to=[mail.to], reply_to=answers, headers=headers, connection=link
    )
    for file in mail.line.attachments.order_by("pk") if mail.line else ():
        message.attach(file.name, bytes(file.content), "application/octet-stream")
    for part in mail.parts:
        message.attach(_part(part))
    return message


def _part(part: dict[str, str]) -> MIMEBase:
    """A file of text, such as an entry for a calendar, whose type a mail program must read with its parameters."""
    kind, *parameters = part["content_type"].split(";")
    attached = MIMEText(part["text"], kind.partition("/")[2], "utf-8")
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        attached.set_param(name, value)
    attached.add_header("Content-Disposition", "attachment", filename=part["name"])
    return attached
