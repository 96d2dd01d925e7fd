"""Tickets: raised, answered, given to somebody, resolved. Each change is a line of the thread, or an event in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from clients.models import Client, System
from clients.support.choices import NEXT, OPEN_STATES, Form, MessageKind, Priority, State, Via
from clients.support.errors import NotInThatState
from clients.support.models import Message, Ticket, Wait, Watcher
from clients.support.services import files as file_service
from clients.support.services import promises, telling
from clients.support.services.files import NewFile
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.roles import STAFF, Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name

_MENTION = re.compile(r"(?<![\w.])@([\w.+-]+(?:@[\w.-]+\w)?)")
LONGEST = 50_000


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks.

    Args:
        name, email: for whom, where that is a colleague without an account.
        about: what the form of the question asked for, such as whose mailbox; no secrets.
    """

    subject: str
    body: str
    form: str = Form.QUESTION
    priority: str = Priority.NORMAL
    system: System | None = None
    name: str = ""
    email: str = ""
    about: dict[str, str] = field(default_factory=dict)
    files: Sequence[NewFile] = ()


def raise_ticket(
    *, client: Client, question: Question, actor: Actor, person: User | None, via: str = Via.PAGE, now: datetime
) -> Ticket:
    """Raise a ticket. The due time of its answer is promised now, by the calendar in force now.

    Args:
        person: for whom; None: a colleague who has no account, named in the question.

    Raises:
        PortalError: nothing asked, a system of another client, somebody who is not one of the client's people.
        BadFile: see `files.check`.
    """
    actor.require(Permission.RAISE_TICKETS, client.pk)
    if not client.may_ask(now=now):
        raise PortalError(_("This client's retainer ended."))
    subject, body = " ".join(question.subject.split())[:200], question.body.strip()
    if not subject or not body:
        raise PortalError(_("Write what it is about, and what happened."))
    if len(body) > LONGEST:
        raise PortalError(_("This is longer than %(most)d characters.") % {"most": LONGEST}, hint=_("Send the rest as a file."))
    if question.system is not None and question.system.client_id != client.pk:
        raise PortalError(_("There is no such system."))
    if person is not None and person.role not in STAFF and not person.memberships.filter(client=client).exists():
        raise PortalError(_("This person is not one of the client's people."))
    if person is None and not question.email:
        raise PortalError(_("Write for whom you ask: a name and an e-mail address."))
    if via == Via.PAGE:
        file_service.check(question.files)
    promised = promises.promise(client=client, priority=question.priority, at=now)
    language = telling.language_of(person, client)
    with transaction.atomic():
        ticket = Ticket.objects.create(
            client=client, subject=subject, form=question.form, priority=question.priority, system=question.system, language=language,
            requester=person, requester_name=(person.name if person else question.name or question.email)[:200],
            requester_email=person.email if person else question.email, raised_by=actor.label, created_at=now, changed_at=now,
            calendar=promised.calendar, response_h=promised.response_h, resolution_h=promised.resolution_h,
            response_due_at=promised.response_due_at, answer_due_at=promised.response_due_at,
            resolution_due_at=promised.resolution_due_at, about=question.about,
            diagnose_at=now if question.form != Form.QUESTION else None,
        )  # fmt: skip
        message = _say(ticket, body, MessageKind.PUBLIC, actor=actor, is_ours=False, via=via, now=now)
        file_service.keep(message, question.files)
        audit.record(
            action="ticket.raise", actor=actor, subject=ticket, client_id=client.pk, now=now, priority=ticket.priority, via=via
        )
        telling.tell_of_message(ticket, message, now=now)
    return ticket


def answer(
    *, ticket: Ticket, body: str, actor: Actor, files: Sequence[NewFile] = (), then: str = "", via: str = Via.PAGE, quoted: str = "",
    label: str = "", now: datetime,
) -> Message:  # fmt: skip
    """Write a line that the client reads: of ours, or of one of theirs.

    Args:
        then: of ours: `waiting` (for the client), `resolved`, or nothing.
        label: whose words they are, where that is not the actor: a mail from somebody without an account.

    Raises:
        PortalError: nothing written, or the ticket was joined with another.
        BadFile: see `files.check`.
    """
    actor.require(Permission.RAISE_TICKETS, ticket.client_id)
    ours = _is_ours(actor)
    if not body.strip() and not files:
        raise PortalError(_("Write your message first."))
    if via == Via.PAGE:
        file_service.check(files)
    with transaction.atomic():
        current = _locked(ticket)
        if current.state == State.MERGED:
            raise NotInThatState(State(current.state).label)
        message = _say(
            current, body.strip()[:LONGEST], MessageKind.PUBLIC, actor=actor, is_ours=ours, via=via, quoted=quoted, label=label, now=now
        )
        file_service.keep(message, files)
        if ours:
            _answered(current, now=now)
            wanted = State(then) if then in {State.WAITING, State.RESOLVED} else State.OPEN
            _go(current, wanted, now=now)
        else:
            _go(current, State.OPEN if current.state != State.NEW else State.NEW, now=now)
            if current.answer_due_at is None:
                due = promises.next_answer_due(current, at=now)
                Ticket.objects.filter(pk=current.pk).update(answer_due_at=due, warned_at=None)
        telling.tell_of_message(current, message, now=now)
    return message


def note(*, ticket: Ticket, body: str, actor: Actor, now: datetime) -> Message:
    """Write a line for ourselves. Those of us whom it names with @ are told, and watch the ticket from then on.

    Raises:
        PortalError: nothing written.
    """
    actor.require(Permission.OPERATE)
    if not body.strip():
        raise PortalError("Write your note first.")
    with transaction.atomic():
        current = _locked(ticket)
        message = _say(current, body.strip()[:LONGEST], MessageKind.NOTE, actor=actor, is_ours=True, now=now)
        people = mentioned(body)
        Watcher.objects.bulk_create(
            [Watcher(client_id=current.client_id, ticket=current, user=person) for person in people], ignore_conflicts=True
        )
        telling.tell_mentioned(current, message, [person for person in people if person.pk != actor.user_id], now=now)
    return message


def mentioned(text: str) -> list[User]:
    """Those of us whom a text names: @name@example.org, or what stands before the @ of their address."""
    names = {name.lower().rstrip(".") for name in _MENTION.findall(text)}
    if not names:
        return []
    staff = User.objects.filter(is_active=True, role__in=STAFF).order_by("pk")
    return [person for person in staff if person.email.lower() in names or person.email.lower().partition("@")[0] in names]


def assign(*, ticket: Ticket, person: User | None, actor: Actor, now: datetime) -> None:
    """Give it to one of us, or to nobody.

    Raises:
        PortalError: it is nobody of ours.
    """
    actor.require(Permission.OPERATE)
    if person is not None and (not person.is_staff_member or not person.is_active):
        raise PortalError("Choose somebody of ours who can sign in.")
    with transaction.atomic():
        current = _locked(ticket)
        Ticket.objects.filter(pk=current.pk).update(assigned_to=person, changed_at=now)
        _event(current, "assigned", person.name if person else "—", actor=actor, now=now)
        audit.record(
            action="ticket.assign",
            actor=actor,
            subject=current,
            client_id=current.client_id,
            now=now,
            person=person.email if person else "",
        )


def set_priority(*, ticket: Ticket, priority: str, actor: Actor, now: datetime) -> None:
    """Change how urgent it is; what is promised is counted anew from when it was raised, by the calendar of that day.

    Raises:
        PortalError: there is no such priority.
    """
    actor.require(Permission.OPERATE)
    if priority not in Priority.values:
        raise PortalError("There is no such priority.")
    with transaction.atomic():
        current = _locked(ticket)
        if current.priority == priority:
            return
        promised = promises.promise(client=current.client, priority=priority, at=current.created_at)
        before = current.priority
        Ticket.objects.filter(pk=current.pk).update(
            priority=priority, response_h=promised.response_h, resolution_h=promised.resolution_h, calendar=promised.calendar,
            response_due_at=promised.response_due_at, warned_at=None, changed_at=now,
            answer_due_at=promised.response_due_at if current.responded_at is None else current.answer_due_at,
        )  # fmt: skip
        current.refresh_from_db()
        Ticket.objects.filter(pk=current.pk).update(resolution_due_at=promises.resolution_due(current))
        _event(current, "priority", before, priority, actor=actor, now=now)
        audit.record(
            action="ticket.priority", actor=actor, subject=current, client_id=current.client_id, now=now, before={"priority": before},
            after={"priority": priority},
        )  # fmt: skip


def resolve(*, ticket: Ticket, actor: Actor, now: datetime) -> None:
    """It is over, without another message: said by us, or by the client themselves.

    Raises:
        NotInThatState: it is over already.
    """
    actor.require(Permission.RAISE_TICKETS, ticket.client_id)
    with transaction.atomic():
        current = _locked(ticket)
        if current.state not in OPEN_STATES:
            raise NotInThatState(State(current.state).label)
        if _is_ours(actor):
            _answered(current, now=now)
        _go(current, State.RESOLVED, now=now)
        _event(current, "resolved", actor=actor, now=now)


def rate(*, ticket: Ticket, helped: bool, words: str, actor: Actor, now: datetime) -> None:
    """Whether it helped, as the client says.

    Raises:
        NotInThatState: it is not over yet.
    """
    actor.require(Permission.RAISE_TICKETS, ticket.client_id)
    with transaction.atomic():
        current = _locked(ticket)
        if current.state != State.RESOLVED:
            raise NotInThatState(State(current.state).label)
        Ticket.objects.filter(pk=current.pk).update(helped=helped, helped_words=words.strip()[:1000], helped_at=now)
        audit.record(action="ticket.rate", actor=actor, subject=current, client_id=current.client_id, now=now, helped=helped)


def watch(*, ticket: Ticket, person: User, on: bool, actor: Actor, now: datetime) -> None:
    """Be told of it as well, or no longer.

    Raises:
        PortalError: the person may not see this ticket.
    """
    actor.require(Permission.RAISE_TICKETS, ticket.client_id)
    if person.role not in STAFF and not person.memberships.filter(client=ticket.client_id).exists():
        raise PortalError(_("This person is not one of the client's people."))
    if on:
        Watcher.objects.bulk_create([Watcher(client_id=ticket.client_id, ticket=ticket, user=person)], ignore_conflicts=True)
    else:
        Watcher.objects.filter(ticket=ticket, user=person).delete()
    audit.record(action="ticket.watch", actor=actor, subject=ticket, client_id=ticket.client_id, now=now, person=person.email, on=on)


def merge(*, ticket: Ticket, into: Ticket, actor: Actor, now: datetime) -> None:
    """Join a ticket with another of the same client: its thread moves there, and answers to it find the other one.

    Raises:
        PortalError: another client's, itself, or one that was joined with a third already.
    """
    actor.require(Permission.OPERATE)
    if ticket.pk == into.pk or ticket.client_id != into.client_id:
        raise PortalError("Only two tickets of one client can be joined.")
    with transaction.atomic():
        # in the order of their ids, so that two who join crosswise do not wait for each other
        rows = {
            row.pk: row for row in Ticket.objects.select_for_update(of=("self",)).filter(pk__in=[ticket.pk, into.pk]).order_by("pk")
        }
        current, target = rows[ticket.pk], rows[into.pk]
        if State.MERGED in {current.state, target.state}:
            raise NotInThatState(State.MERGED.label)
        Message.objects.filter(ticket=current).update(ticket=target)
        for watcher in Watcher.objects.filter(ticket=current):
            Watcher.objects.get_or_create(ticket=target, user=watcher.user, defaults={"client_id": target.client_id})
        if current.requester_id and current.requester_id != target.requester_id:
            Watcher.objects.get_or_create(ticket=target, user_id=current.requester_id, defaults={"client_id": target.client_id})
        _end_wait(current, now=now)
        Ticket.objects.filter(pk=current.pk).update(
            state=State.MERGED, merged_into=target, resolved_at=None, answer_due_at=None, changed_at=now
        )
        Ticket.objects.filter(pk=target.pk).update(changed_at=now)
        _event(target, "merged", str(current.pk), actor=actor, now=now)
        audit.record(action="ticket.merge", actor=actor, subject=current, client_id=current.client_id, now=now, into=target.pk)


def split(*, message: Message, subject: str, actor: Actor, now: datetime) -> Ticket:
    """Make a ticket of its own of one message of a thread: two questions came in one.

    Raises:
        PortalError: it is the first message, not one of the client's, or has no subject.
    """
    actor.require(Permission.OPERATE)
    ticket = message.ticket
    if message.is_ours or message.kind != MessageKind.PUBLIC:
        raise PortalError("Only what the client wrote becomes a ticket of its own.")
    if ticket.messages.order_by("created_at", "pk").values_list("pk", flat=True).first() == message.pk:
        raise PortalError("This is the first message: it is this ticket.")
    with transaction.atomic():
        current = _locked(ticket)
        made = raise_ticket_again(current, message, subject=subject, now=now)
        Message.objects.filter(pk=message.pk).update(ticket=made)
        _event(current, "split", str(made.pk), actor=actor, now=now)
        _event(made, "split-from", str(current.pk), actor=actor, now=now)
        audit.record(action="ticket.split", actor=actor, subject=made, client_id=made.client_id, now=now, of=current.pk)
    return made


def raise_ticket_again(ticket: Ticket, message: Message, *, subject: str, now: datetime) -> Ticket:
    """The ticket that a message becomes: promised from when the message came."""
    if not subject.strip():
        raise PortalError("Write what the new ticket is about.")
    promised = promises.promise(client=ticket.client, priority=ticket.priority, at=message.created_at)
    return Ticket.objects.create(
        client_id=ticket.client_id, subject=" ".join(subject.split())[:200], priority=ticket.priority, language=ticket.language,
        requester=ticket.requester, requester_name=ticket.requester_name, requester_email=ticket.requester_email,
        raised_by=message.author_label, system=ticket.system, created_at=message.created_at, changed_at=now, calendar=promised.calendar,
        response_h=promised.response_h, resolution_h=promised.resolution_h, response_due_at=promised.response_due_at,
        answer_due_at=promised.response_due_at, resolution_due_at=promised.resolution_due_at,
    )  # fmt: skip


def found(*, ticket: Ticket, words: str, now: datetime) -> Message:
    """What the portal itself found out about a ticket; only we read it."""
    return _say(ticket, words, MessageKind.DIAGNOSIS, actor=Actor.portal("support"), is_ours=True, via=Via.PORTAL, now=now)


def _is_ours(actor: Actor) -> bool:
    return actor.role in STAFF or actor.is_portal


def _locked(ticket: Ticket) -> Ticket:
    return (
        Ticket.objects.select_for_update(of=("self",))
        .select_related("client", "calendar", "requester", "assigned_to")
        .get(pk=ticket.pk)
    )


def _say(
    ticket: Ticket, body: str, kind: str, *, actor: Actor, is_ours: bool, via: str = Via.PAGE, quoted: str = "", label: str = "",
    now: datetime,
) -> Message:  # fmt: skip
    message = Message.objects.create(
        client_id=ticket.client_id, ticket=ticket, kind=kind, via=via, author_id=None if label else actor.user_id,
        author_label=(label or actor.label)[:254], is_ours=is_ours, body=body, quoted=quoted[:1_000_000], language=ticket.language,
        created_at=now,
    )  # fmt: skip
    Ticket.objects.filter(pk=ticket.pk).update(changed_at=now)
    return message


def _event(ticket: Ticket, *words: str, actor: Actor, now: datetime) -> None:
    """A line that says what happened: a word that pages translate (queries.event_text), and names."""
    _say(ticket, "\n".join(words), MessageKind.EVENT, actor=actor, is_ours=_is_ours(actor), via=Via.PORTAL, now=now)


def _answered(ticket: Ticket, *, now: datetime) -> None:
    broken = ticket.answer_due_at is not None and ticket.answer_due_at < now
    values: dict[str, datetime | None] = {"answer_due_at": None, "warned_at": None}
    if ticket.responded_at is None:
        values["responded_at"] = now
    if broken and ticket.broken_at is None:
        values["broken_at"] = ticket.answer_due_at
    Ticket.objects.filter(pk=ticket.pk).update(**values)


def _go(ticket: Ticket, wanted: State, *, now: datetime) -> None:
    """Into another state, with the clock stopped while it waits for the client.

    Raises:
        NotInThatState: the table of states does not have this way.
    """
    if ticket.state == wanted:
        return
    if wanted not in NEXT[State(ticket.state)]:
        raise NotInThatState(State(ticket.state).label)
    try:
        Ticket.objects.filter(pk=ticket.pk).update(
            state=wanted,
            resolved_at=now if wanted == State.RESOLVED else None,
            **({"answer_due_at": None} if wanted == State.RESOLVED else {}),
        )
    except IntegrityError as error:
        if constraint_name(error) != "ticket_states_follow":
            raise
        raise NotInThatState(State(ticket.state).label) from error
    if wanted == State.WAITING:
        Wait.objects.create(client_id=ticket.client_id, ticket=ticket, began_at=now)
    elif ticket.state in {State.WAITING, State.RESOLVED}:
        _end_wait(ticket, now=now)
    if wanted == State.RESOLVED:
        # what comes after it, if the client comes back, is waiting as well
        _end_wait(ticket, now=now)
        Wait.objects.create(client_id=ticket.client_id, ticket=ticket, began_at=now)
        if ticket.resolution_due_at is not None and ticket.resolution_due_at < now and ticket.broken_at is None:
            Ticket.objects.filter(pk=ticket.pk).update(broken_at=ticket.resolution_due_at)


def _end_wait(ticket: Ticket, *, now: datetime) -> None:
    if Wait.objects.filter(ticket=ticket, ended_at=None).update(ended_at=now):
        ticket.refresh_from_db(fields=["resolution_due_at"])
        Ticket.objects.filter(pk=ticket.pk).update(resolution_due_at=promises.resolution_due(ticket))
