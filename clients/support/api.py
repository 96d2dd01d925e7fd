"""The API's part of support. Writing into tickets takes a token that carries it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status
from ninja.pagination import paginate

from clients.models import Client
from clients.support import queries
from clients.support.choices import Form, Priority
from clients.support.models import Ticket
from clients.support.services import hours, tickets
from clients.support.services.tickets import Question
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.permissions import operation
from portal.accounts.roles import Permission

router = Router(tags=["support"])


class TicketOut(Schema):
    """A ticket. `answer_due_at` is null while nothing of the client's waits for an answer."""

    id: int
    client_id: int
    subject: str
    state: str
    priority: str
    created_at: datetime
    changed_at: datetime
    answer_due_at: datetime | None
    resolved_at: datetime | None


class LineOut(Schema):
    """One line of a thread that one may read."""

    kind: str
    author: str
    is_ours: bool
    body: str
    created_at: datetime


class ThreadOut(Schema):
    """A ticket with its lines, the oldest first."""

    ticket: TicketOut
    lines: list[LineOut]


class TicketIn(Schema):
    """A question. Without `email` it is the caller's own; with it, of somebody at the client who may have no account."""

    client_id: int
    subject: str = Field("x", max_length=200)
    body: str = Field("x", max_length=50_000)
    priority: Priority = Priority.NORMAL
    form: Form = Form.QUESTION
    name: str = ""
    email: str = ""


class AnswerIn(Schema):
    """A message into a thread."""

    body: str = Field("x", max_length=50_000)


class HoursOut(Schema):
    """How a client's month stands, in hours."""

    month: date
    included: Decimal
    carried: Decimal
    spent: Decimal
    over: Decimal


@router.get("/tickets", response=list[TicketOut], operation_id="list_tickets")
@operation(Permission.SEE)
@paginate
def list_tickets(request: HttpRequest, words: str = "", state: str = "") -> Any:
    """Tickets that one may see: what waits longest for an answer first. `state`: a state, or `open`."""
    return queries.ticket_list(_actor(request), words=words[:200], state=state[:16])


@router.get("/tickets/{int:ticket_id}", response=ThreadOut, operation_id="get_ticket")
@operation(Permission.SEE)
def get_ticket(request: HttpRequest, ticket_id: int) -> dict[str, Any]:
    """A ticket with its thread."""
    actor = _actor(request)
    ticket = _ticket(actor, ticket_id)
    lines = [
        {"kind": line.message.kind, "author": line.message.author_label, "is_ours": line.message.is_ours, "body": line.words,
         "created_at": line.message.created_at}
        for line in queries.thread(ticket, actor).lines
    ]  # fmt: skip
    return {"ticket": ticket, "lines": lines}


@router.post("/tickets", response={201: TicketOut}, operation_id="raise_ticket")
@operation(Permission.RAISE_TICKETS)
def raise_ticket(request: HttpRequest, body: TicketIn) -> Status[Ticket]:
    """Raise a ticket."""
    actor = _actor(request)
    client = get_object_or_404(Client.objects.visible_to(actor), pk=body.client_id)
    person = User.objects.filter(email__iexact=body.email, memberships__client=client).first() if body.email else None
    if not body.email:
        person = User.objects.filter(pk=actor.user_id or 0).first()
    question = Question(subject=body.subject, body=body.body, form=body.form, priority=body.priority, name=body.name, email=body.email)
    return Status(201, tickets.raise_ticket(client=client, question=question, actor=actor, person=person, now=timezone.now()))


@router.post("/tickets/{int:ticket_id}/answers", response={201: LineOut}, operation_id="answer_ticket")
@operation(Permission.RAISE_TICKETS)
def answer_ticket(request: HttpRequest, ticket_id: int, body: AnswerIn) -> Status[dict[str, Any]]:
    """Write into a thread."""
    actor = _actor(request)
    line = tickets.answer(ticket=_ticket(actor, ticket_id), body=body.body, actor=actor, now=timezone.now())
    return Status(
        201, {"kind": line.kind, "author": line.author_label, "is_ours": line.is_ours, "body": line.body, "created_at": line.created_at}
    )


@router.get("/clients/{int:client_id}/hours", response=HoursOut, operation_id="get_hours")
@operation(Permission.SEE_HOURS)
def get_hours(request: HttpRequest, client_id: int) -> dict[str, Any]:
    """How this month stands."""
    client = get_object_or_404(Client.objects.visible_to(_actor(request), Permission.SEE_HOURS), pk=client_id)
    found = hours.account(client=client, month=timezone.localdate())
    return {"month": found.month, "included": found.included, "carried": found.carried_h, "spent": found.spent, "over": found.over}


def _ticket(actor: Actor, ticket_id: int) -> Ticket:
    return get_object_or_404(queries.tickets_for(actor).select_related("calendar", "requester"), pk=ticket_id)


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]  # set by the token's check
    return actor
