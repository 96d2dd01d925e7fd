"""Mail that comes in: kept as it came, read, and put where it belongs. Nothing is lost: what is not taken says why and stays.

A mail belongs to a ticket if it went to that ticket's signed address, or names a Message-ID of ours; a subject proves nothing. Who
writes into it must be one of the client's people, or have been written to about this ticket; others are held.
"""

import hashlib
import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from clients.models import Client, Contact
from clients.support.choices import MailState, SendState, State, Topic, Via
from clients.support.models import IncomingMail, Message, OutgoingMail, Ticket
from clients.support.parsers.mail import ParsedMail, parse
from clients.support.services import addresses, telling, tickets
from clients.support.services.files import LARGEST_OF_MAIL_B, NewFile, runs
from portal.accounts.actor import Actor
from portal.accounts.models import Membership, User
from portal.accounts.roles import STAFF, Permission
from portal.accounts.scope import acting_for_all
from portal.accounts.services import actor_of
from portal.audit import services as audit
from portal.errors import PortalError

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
AT_ONCE = 20
# So many mails of one address within an hour are no conversation; and so many refusals to one address are enough.
LOOP_MAILS = 20
LOOP_WITHIN = timedelta(hours=1)


def keep(raw: bytes, *, now: datetime) -> IncomingMail:
    """Keep a mail as it came, before anything is made of it. The same bytes twice are one mail."""
    digest = hashlib.sha256(raw).hexdigest()
    mail, made = IncomingMail.objects.get_or_create(
        sha256=digest,
        defaults={"received_at": now, "size_b": len(raw), "original": raw if len(raw) <= LARGEST_OF_MAIL_B else raw[:65536]},
    )
    if made and len(raw) > LARGEST_OF_MAIL_B:
        parsed = parse(raw[:65536])
        _decide(mail, parsed, MailState.REFUSED, f"It is larger than {LARGEST_OF_MAIL_B // 1024 // 1024} MB; its beginning is kept.")
        _refuse(mail, parsed, now=now)
    return mail


def take_waiting(*, now: datetime) -> int:
    """Read the mails that wait; returns how many. One that can't be read holds up no other."""
    with acting_for_all():
        taken = 0
        for mail_id in _claim(now):
            try:
                take(mail_id, now=now)
            except Exception:
                # whatever is in a mail, the next one is read; this one is tried again, and shown meanwhile
                logger.exception("mail.not_taken", extra={"mail": mail_id})
                IncomingMail.objects.filter(pk=mail_id).update(why="Reading it failed; it is tried again. See the portal's log.")
                continue
            taken += 1
        return taken


@transaction.atomic
def _claim(now: datetime) -> list[int]:
    rows = IncomingMail.objects.filter(state=MailState.WAITING).exclude(claimed_until__gt=now).order_by("received_at", "pk")
    claimed = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True)[:AT_ONCE])
    IncomingMail.objects.filter(pk__in=claimed).update(claimed_until=now + LEASE)
    return claimed


@transaction.atomic
def take(mail_id: int, *, now: datetime) -> None:
    """Put one mail where it belongs; a second time changes nothing."""
    mail = IncomingMail.objects.select_for_update().get(pk=mail_id)
    if mail.state != MailState.WAITING:
        return
    parsed = parse(bytes(mail.original))
    IncomingMail.objects.filter(pk=mail.pk).update(
        message_id=parsed.message_id, sender=parsed.sender[:320], subject=parsed.subject[:500], why="", claimed_until=None
    )
    if parsed.is_report:
        _bounce(mail, parsed, now=now)
    elif parsed.automatic or addresses.is_ours(parsed.sender) or not parsed.sender:
        _decide(mail, parsed, MailState.IGNORED, _why_ignored(parsed))
    elif parsed.message_id and IncomingMail.objects.filter(message_id=parsed.message_id).exclude(pk=mail.pk).exists():
        _decide(mail, parsed, MailState.IGNORED, "It came twice: another mail has its Message-ID.")
    elif _loops(parsed, now=now):
        _decide(mail, parsed, MailState.HELD, f"More than {LOOP_MAILS} mails of this address within an hour: maybe a loop.")
    else:
        _sort(mail, parsed, now=now)


def _why_ignored(parsed: ParsedMail) -> str:
    if not parsed.sender:
        return "It names no sender."
    return (
        "It came from our own address: a loop."
        if addresses.is_ours(parsed.sender)
        else "A program wrote it: an automatic answer, or a list."
    )


def _sort(mail: IncomingMail, parsed: ParsedMail, *, now: datetime) -> None:
    ticket = ticket_of(parsed)
    person = User.objects.filter(email__iexact=parsed.sender, is_active=True).first()
    if ticket is None:
        _new(mail, parsed, person, now=now)
    elif person is not None and (person.role in STAFF or Membership.objects.filter(user=person, client=ticket.client_id).exists()):
        _append(mail, parsed, ticket, person, now=now)
    elif person is None and _was_written_to(ticket, parsed):
        # from another address than usual: the signed address, or our own Message-ID, says that they had our mail
        _append(mail, parsed, ticket, None, now=now)
    else:
        _decide(
            mail,
            parsed,
            MailState.HELD,
            f"It is for #{ticket.pk}, and its sender is nobody of that client.",
            client_id=ticket.client_id,
        )


def ticket_of(parsed: ParsedMail) -> Ticket | None:
    """The ticket that a mail proves to belong to; of one that was joined with another, that one."""
    signed = next((found for found in map(addresses.ticket_of, parsed.recipients) if found), None)
    if signed is None:
        sent = OutgoingMail.objects.filter(message_id__in=parsed.answers, ticket__isnull=False).order_by("-pk").first()
        signed = sent.ticket_id if sent else None
    ticket = Ticket.objects.select_related("client", "merged_into").filter(pk=signed).first() if signed else None
    while ticket is not None and ticket.merged_into is not None:
        ticket = ticket.merged_into
    return ticket


def _was_written_to(ticket: Ticket, parsed: ParsedMail) -> bool:
    """Whether this answers a mail of ours about the ticket, which only who had it can name; or comes from who asked."""
    if parsed.sender == ticket.requester_email.lower():
        return True
    return OutgoingMail.objects.filter(ticket=ticket, message_id__in=parsed.answers).exists() or any(
        addresses.ticket_of(recipient) for recipient in parsed.recipients
    )


def _append(mail: IncomingMail, parsed: ParsedMail, ticket: Ticket, person: User | None, *, now: datetime) -> None:
    actor = actor_of(person) if person is not None else Actor.portal("support mail")
    if person is not None and not actor.may(Permission.RAISE_TICKETS, ticket.client_id):
        _decide(mail, parsed, MailState.HELD, "The sender's role may not write into tickets.", client_id=ticket.client_id)
        return
    body, files = _content(parsed)
    with translation.override(ticket.language):
        if person is None:
            message = _from_outside(ticket, parsed, body, files, now=now)
        else:
            message = tickets.answer(
                ticket=ticket, body=body, files=files, via=Via.MAIL, quoted=parsed.quoted, actor=actor, now=now
            )  # of ours: the same as in the page
    _taken(mail, message)


def _from_outside(ticket: Ticket, parsed: ParsedMail, body: str, files: list[NewFile], *, now: datetime) -> Message:
    """Somebody without an account: whose words they are is said, and they are the client's, not ours."""
    actor = Actor(label=parsed.sender, memberships=((ticket.client_id, "member"),))
    return tickets.answer(
        ticket=ticket, body=body, files=files, via=Via.MAIL, quoted=parsed.quoted, label=_label(parsed), actor=actor, now=now
    )


def _new(mail: IncomingMail, parsed: ParsedMail, person: User | None, *, now: datetime) -> None:
    client = _client_of(parsed, person, now=now)
    if client is None:
        why = (
            "Nobody here has this address."
            if person is None
            else "It does not say for which client: its sender belongs to several, or is ours."
        )
        _decide(mail, parsed, MailState.HELD, why)
        return
    _raise(mail, parsed, client, person, now=now)


def _raise(mail: IncomingMail, parsed: ParsedMail, client: Client, person: User | None, *, now: datetime) -> None:
    body, files = _content(parsed)
    actor = actor_of(person) if person is not None else Actor(label=parsed.sender, memberships=((client.pk, "member"),))
    question = tickets.Question(
        subject=parsed.subject or body.split("\n")[0][:80] or _("No subject"), body=body, files=files, name=parsed.sender_name,
        email=parsed.sender,
    )  # fmt: skip
    with translation.override(telling.language_of(person, client)):
        ticket = tickets.raise_ticket(client=client, question=question, actor=actor, person=person, via=Via.MAIL, now=now)
        message = ticket.messages.get()
        _taken(mail, message)
        _confirm(ticket, message, parsed, person, now=now)


def _confirm(ticket: Ticket, message: Message, parsed: ParsedMail, person: User | None, *, now: datetime) -> None:
    """Say that it arrived, under which number, and until when there is an answer; what they answer to it finds the ticket."""
    body = render_to_string("support/mail/received.txt", telling.mail_context(ticket, message, person) | {"problems": parsed.problems})
    telling.tell(
        topic=Topic.TICKETS,
        subject=f"[#{ticket.pk}] {ticket.subject}",
        body=body,
        to=parsed.sender,
        user=person,
        client_id=ticket.client_id,
        ticket=ticket,
        line=message,
        in_reply_to=parsed.message_id,
        references=parsed.message_id,
        now=now,
    )


def _client_of(parsed: ParsedMail, person: User | None, *, now: datetime) -> Client | None:
    """Whose question it is: of the one client that its sender belongs to, or is a contact of."""
    if person is not None:
        found = list(Client.objects.asking(now=now).filter(memberships__user=person).distinct()[:2])
    else:
        ids = Contact.objects.filter(email__iexact=parsed.sender, client__in=Client.objects.asking(now=now)).values("client")
        found = list(Client.objects.filter(pk__in=ids)[:2])
    return found[0] if len(found) == 1 else None


def _content(parsed: ParsedMail) -> tuple[str, list[NewFile]]:
    """What becomes of a mail in a thread. A program that came with it stays in the original and is named."""
    files = [NewFile(file.name, file.content_type, file.content) for file in parsed.files if file.content and not runs(file.name)]
    left = [file.name for file in parsed.files if not file.content or runs(file.name)]
    notes = [*parsed.problems, *(f"The file “{name}” is not handed out; it is in the original mail." for name in left)]
    body = parsed.text or (_("(without text)") if files else "")
    return (body or _("(an empty mail)")) + ("\n\n— " + "\n— ".join(notes) if notes else ""), files


def _bounce(mail: IncomingMail, parsed: ParsedMail, *, now: datetime) -> None:
    """A mail of ours did not arrive: seen on the ticket, and nobody is written to about it."""
    sent = OutgoingMail.objects.filter(message_id__in=parsed.bounced).select_related("ticket").first()
    if sent is None:
        _decide(mail, parsed, MailState.BOUNCE, "A report of delivery; it names no mail of ours.")
        return
    OutgoingMail.objects.filter(pk=sent.pk).update(bounced_at=now, trouble=f"Came back: {parsed.text[:400]}")
    if sent.ticket is not None and sent.bounced_at is None:
        tickets.found(ticket=sent.ticket, words=f"Our mail to {sent.to} came back:\n\n{parsed.text[:2000]}", now=now)
    _decide(mail, parsed, MailState.BOUNCE, f"Our mail to {sent.to} came back.", client_id=sent.client_id)


def _loops(parsed: ParsedMail, *, now: datetime) -> bool:
    return IncomingMail.objects.filter(sender=parsed.sender, received_at__gt=now - LOOP_WITHIN).count() > LOOP_MAILS


def _refuse(mail: IncomingMail, parsed: ParsedMail, *, now: datetime) -> None:
    """Tell somebody whom we know that their mail was not taken; strangers are told nothing."""
    person = User.objects.filter(email__iexact=parsed.sender, is_active=True).first()
    if person is None or parsed.automatic or parsed.is_report:
        return
    client = _client_of(parsed, person, now=now)
    with translation.override(telling.language_of(person, client)):
        telling.tell(
            topic=Topic.TICKETS,
            subject=_("Your mail was too large: %(subject)s") % {"subject": parsed.subject},
            to=person.email,
            user=person,
            client_id=client.pk if client else None,
            in_reply_to=parsed.message_id,
            references=parsed.message_id,
            now=now,
            body=render_to_string(
                "support/mail/refused.txt", {"most": LARGEST_OF_MAIL_B // 1024 // 1024, "portal": settings.PORTAL_URL}
            ),
        )


def _label(parsed: ParsedMail) -> str:
    return f"{parsed.sender_name} <{parsed.sender}>" if parsed.sender_name else parsed.sender


def _taken(mail: IncomingMail, message: Message) -> None:
    IncomingMail.objects.filter(pk=mail.pk).update(state=MailState.TAKEN, line=message, client_id=message.client_id)


def _decide(mail: IncomingMail, parsed: ParsedMail, state: MailState, why: str, *, client_id: int | None = None) -> None:
    IncomingMail.objects.filter(pk=mail.pk).update(
        state=state, why=why[:500], client_id=client_id, message_id=parsed.message_id, sender=parsed.sender[:320],
        subject=parsed.subject[:500], claimed_until=None,
    )  # fmt: skip


def assign_held(*, mail: IncomingMail, client: Client | None, ticket: Ticket | None, actor: Actor, now: datetime) -> Ticket:
    """Somebody of ours says where a held mail belongs: in a ticket, or in a new one of a client.

    Raises:
        PortalError: neither is named, or it is not held any more.
    """
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        current = IncomingMail.objects.select_for_update().get(pk=mail.pk)
        if current.state not in {MailState.HELD, MailState.REFUSED, MailState.IGNORED}:
            raise PortalError("This mail is not held any more.")
        parsed = parse(bytes(current.original))
        if ticket is not None and ticket.state != State.MERGED:
            body, files = _content(parsed)
            message = _from_outside(ticket, parsed, body, files, now=now)
            _taken(current, message)
        elif client is not None:
            _raise(
                current, parsed, client, User.objects.filter(email__iexact=parsed.sender, memberships__client=client).first(), now=now
            )
        else:
            raise PortalError("Choose a client, or write the number of a ticket.")
        current.refresh_from_db()
        line = current.line
        if line is None:
            raise PortalError("This mail could not be taken.")
        audit.record(action="mail.assign", actor=actor, subject=line.ticket, client_id=line.client_id, now=now, sender=parsed.sender)
        return line.ticket


def discard(*, mail: IncomingMail, actor: Actor, now: datetime) -> None:
    """Somebody of ours says that a held mail is nothing. It is kept all the same.

    Raises:
        PortalError: it is not held any more.
    """
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        if not IncomingMail.objects.filter(pk=mail.pk, state=MailState.HELD).update(state=MailState.DISCARDED, why=f"By {actor.label}"):
            raise PortalError("This mail is not held any more.")
        audit.record(action="mail.discard", actor=actor, subject=None, client_id=mail.client_id, now=now, sender=mail.sender)


def waiting_to_be_sent() -> int:
    """How many mails of ours could not be handed over."""
    return OutgoingMail.objects.filter(state=SendState.FAILED).count()
