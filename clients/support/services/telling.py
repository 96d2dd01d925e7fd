"""Who is told of what, and how each of them wants to be: rows that a worker sends (services/sending.py)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core import signing
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from clients.models import Client
from clients.support.choices import Delivery, Topic
from clients.support.models import Choice, DigestLine, Message, OutgoingMail, Ticket
from clients.support.queries import staff
from clients.support.services import addresses
from portal.accounts.models import User
from portal.accounts.roles import STAFF
from portal.clock.recurrence import moment_of

SALT = "unsubscribe"


def language_of(user: User | None, client: Client | None) -> str:
    """What a person is written to in: what they chose, else what their client chose."""
    return (user.language if user else "") or (client.language if client else "") or "en"


def tell_of_message(ticket: Ticket, message: Message, *, now: datetime) -> None:
    """Tell everybody who should read a new line of a thread, but not who wrote it.

    What we wrote goes to the client's people on the ticket; what they wrote to whoever of us has it, or to all who could take it.
    """
    watchers = list(User.objects.filter(pk__in=ticket.watchers.values("user"), is_active=True).order_by("pk"))
    people: list[User] = []
    if message.is_ours:
        people = [user for user in watchers if user.role not in STAFF]
        if ticket.requester is not None and ticket.requester.is_active:
            people.append(ticket.requester)
        elif ticket.requester is None and ticket.requester_email:
            _mail_about(ticket, message, to=ticket.requester_email, user=None, now=now)
    else:
        people = [user for user in watchers if user.role in STAFF]
        people += [ticket.assigned_to] if ticket.assigned_to else list(staff())
        # a colleague's answer is of interest to who raised it
        if ticket.requester is not None and ticket.requester.is_active and ticket.requester_id != message.author_id:
            people.append(ticket.requester)
    for user in _once(people):
        if user.pk != message.author_id:
            _mail_about(ticket, message, to=user.email, user=user, now=now)


def tell_mentioned(ticket: Ticket, message: Message, people: Iterable[User], *, now: datetime) -> None:
    """Tell those of us whom a note names."""
    for user in people:
        _mail_about(ticket, message, to=user.email, user=user, now=now)


def tell_staff(*, subject: str, body: str, ticket: Ticket | None, person: User | None, now: datetime) -> None:
    """Warn one of us, or all who could act."""
    for user in [person] if person else staff():
        tell(
            topic=Topic.TICKETS,
            subject=subject,
            body=body,
            user=user,
            to=user.email,
            client_id=ticket.client_id if ticket else None,
            now=now,
        )


def tell(
    *,
    topic: str,
    subject: str,
    body: str,
    to: str,
    user: User | None,
    client_id: int | None,
    now: datetime,
    ticket: Ticket | None = None,
    line: Message | None = None,
    in_reply_to: str = "",
    references: str = "",
    parts: list[dict[str, str]] | None = None,
) -> None:
    """One mail to one person, as they chose for its topic. One line of a thread reaches a person once, however often this runs."""
    chosen = Choice.objects.filter(user=user, topic=topic).values_list("delivery", flat=True).first() if user else None
    if chosen == Delivery.NEVER:
        return
    if chosen == Delivery.DIGEST and user is not None and client_id is not None:
        DigestLine.objects.create(client_id=client_id, user=user, topic=topic, subject=subject[:250], body=body, created_at=now)
        return
    row = OutgoingMail(
        client_id=client_id, ticket=ticket, line=line, topic=topic, to=to, subject=" ".join(subject.split())[:250], body=body,
        message_id=addresses.new_message_id(), in_reply_to=in_reply_to, references=references, created_at=now, due_at=now,
        parts=parts or [], unsubscribe=unsubscribe_address(user, topic) if user else "",
    )  # fmt: skip
    OutgoingMail.objects.bulk_create([row], ignore_conflicts=line is not None)


def unsubscribe_address(user: User, topic: str) -> str:
    """Where one press ends mails of a topic to this person; it opens nothing else."""
    secret = signing.dumps([user.pk, topic], salt=SALT)
    return settings.PORTAL_URL.rstrip("/") + reverse("support:unsubscribe", args=[secret])


def _mail_about(ticket: Ticket, message: Message, *, to: str, user: User | None, now: datetime) -> None:
    with translation.override(language_of(user, ticket.client)):
        body = render_to_string("support/mail/message.txt", mail_context(ticket, message, user))
        subject = f"[#{ticket.pk}] {ticket.subject}"
        if message.kind == "note":
            subject = _("Internal: %(subject)s") % {"subject": subject}
    before = list(OutgoingMail.objects.filter(ticket=ticket, to=to).order_by("created_at", "pk").values_list("message_id", flat=True))
    came = list(
        ticket.messages.filter(mails__isnull=False).order_by("created_at", "pk").values_list("mails__message_id", flat=True)
    )  # what they wrote themselves belongs to the same conversation of their program
    known = [one for one in [*before, *came] if one]
    tell(
        topic=Topic.TICKETS,
        subject=subject,
        body=body,
        to=to,
        user=user,
        client_id=ticket.client_id,
        ticket=ticket,
        line=message,
        now=now,
        in_reply_to=(came or before or [""])[-1],
        references=" ".join(known[-20:]),
    )


def mail_context(ticket: Ticket, message: Message, user: User | None) -> dict[str, Any]:
    """What the text of a mail about a message takes."""
    return {
        "ticket": ticket, "message": message, "user": user,
        "address": settings.PORTAL_URL.rstrip("/") + reverse("support:ticket", args=[ticket.pk]) if user else "",
    }  # fmt: skip


def _once(people: Iterable[User]) -> list[User]:
    return list({user.pk: user for user in people}.values())


# When a day's digest goes out, in the client's zone.
MORNING = time(8)


def morning(client: Client, since: datetime, *, now: datetime) -> bool:
    """Whether a morning has come since a moment."""
    zone = ZoneInfo(client.time_zone)
    local = since.astimezone(zone)
    day = local.date() if local.time() < MORNING else local.date() + timedelta(days=1)
    return now >= moment_of(day, MORNING, client.time_zone)


def send_digest(user: User, lines: Sequence[DigestLine], *, now: datetime) -> None:
    """One mail of what waited for a person."""
    with translation.override(language_of(user, lines[0].client)):
        subject = _("Your day at Retainer: %(count)d messages") % {"count": len(lines)}
        body = render_to_string("support/mail/digest.txt", {"lines": lines, "portal": settings.PORTAL_URL})
    OutgoingMail.objects.create(
        client_id=lines[0].client_id, topic=lines[0].topic, to=user.email, subject=subject[:250], body=body,
        message_id=addresses.new_message_id(), created_at=now, due_at=now, unsubscribe=unsubscribe_address(user, lines[0].topic),
    )  # fmt: skip
