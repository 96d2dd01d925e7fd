"""Reads of support for pages and the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.utils.translation import gettext as _

from clients.models import Client, System
from clients.support.choices import OPEN_STATES, RUNNING, MailState, MessageKind, Priority, SendState
from clients.support.models import (
    Action,
    AnswerTemplate,
    Article,
    Attachment,
    IncomingMail,
    Message,
    OutgoingMail,
    Statement,
    SupportTarget,
    Ticket,
    TimeEntry,
    Timer,
    Watcher,
)
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.roles import STAFF, Permission
from portal.vault.models import Credential, CredentialKind

# So long before an answer is due somebody is warned.
WARN_BEFORE = timedelta(hours=1)
CLIENT_READS = [MessageKind.PUBLIC, MessageKind.EVENT]


def tickets_for(actor: Actor) -> QuerySet[Ticket]:
    """The tickets an actor may see: staff all, a client's owner all of theirs, a member those that they raised, or are told of."""
    rows = Ticket.objects.visible_to(actor).select_related("client", "system", "assigned_to")
    if actor.sees_all_clients:
        return rows
    all_of = actor.clients_with(Permission.READ_AUDIT)  # an owner reads all that is done for the client
    own = (
        Q(requester=actor.user_id)
        | Q(raised_by=actor.label)
        | Exists(Watcher.objects.filter(ticket=OuterRef("pk"), user=actor.user_id))
    )
    return rows.filter(Q(client__in=all_of) | own)


def ticket_list(
    actor: Actor, *, state: str = "", words: str = "", client_id: int | None = None, mine: bool = False
) -> QuerySet[Ticket]:
    """Tickets for a list. What waits for us longest comes first, then the rest, the newest first.

    Args:
        state: a state, `open` for all that are not over, empty for all.
        words: searched in subjects and in what was written, in both languages; a number is a ticket's own.
    """
    rows = tickets_for(actor)
    if client_id is not None:
        rows = rows.filter(client=client_id)
    if mine:
        rows = rows.filter(assigned_to=actor.user_id)
    if state == "open":
        rows = rows.filter(state__in=OPEN_STATES)
    elif state:
        rows = rows.filter(state=state)
    if words.strip():
        return searched(rows, words, everything=actor.sees_all_clients).order_by("-changed_at", "-pk")
    return rows.order_by(F("answer_due_at").asc(nulls_last=True), "-changed_at", "-pk")


def searched(rows: QuerySet[Ticket], words: str, *, everything: bool) -> QuerySet[Ticket]:
    """Those of some tickets in which words stand; a client's people do not find what is internal."""
    number = words.strip().lstrip("#")
    if number.isdigit() and len(number) < 18:
        return rows.filter(pk=int(number))
    query = SearchQuery(words, config="english", search_type="websearch") | SearchQuery(words, config="german", search_type="websearch")
    lines = Message.objects.filter(search=query)
    if not everything:
        lines = lines.filter(kind=MessageKind.PUBLIC)
    # one set of ids: an OR of the two conditions would look at every ticket, and at all messages for each
    return rows.filter(pk__in=Ticket.objects.filter(search=query).values("pk").union(lines.values("ticket")))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a thread, in words; of an event in the reader's language."""

    message: Message
    words: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A ticket as its page shows it."""

    ticket: Ticket
    lines: Sequence[Line]
    watchers: Sequence[User]
    watches: bool
    troubles: Sequence[OutgoingMail]
    entries: Sequence[TimeEntry]
    timer: Timer | None


def thread(ticket: Ticket, actor: Actor) -> Thread:
    """All that a person reads of a ticket. Internal lines are for us alone."""
    rows = ticket.messages.order_by("created_at", "pk").select_related("author")
    if not actor.sees_all_clients:
        rows = rows.filter(kind__in=CLIENT_READS)
    rows = rows.prefetch_related(Prefetch("attachments", Attachment.objects.defer("content").order_by("pk")))[:500]
    watchers = list(User.objects.filter(pk__in=ticket.watchers.values("user")).order_by("name", "pk"))
    ours = actor.sees_all_clients
    return Thread(
        ticket=ticket,
        lines=[Line(row, event_text(row) if row.kind == MessageKind.EVENT else row.body) for row in rows],
        watchers=[one for one in watchers if ours or one.role not in STAFF],
        watches=any(one.pk == actor.user_id for one in watchers),
        troubles=list(ticket.mails.filter(Q(state=SendState.FAILED) | Q(bounced_at__isnull=False)).order_by("-pk")[:5]) if ours else [],
        entries=list(ticket.time_entries.order_by("-spent_on", "-pk")) if ours else [],
        timer=Timer.objects.filter(user=actor.user_id, ticket=ticket).first() if ours else None,
    )


def attachment_for(actor: Actor, ticket: Ticket) -> QuerySet[Attachment]:
    """The files of a ticket that a person may have."""
    rows = Attachment.objects.filter(message__ticket=ticket)
    return rows if actor.sees_all_clients else rows.filter(message__kind=MessageKind.PUBLIC)


def event_text(message: Message) -> str:
    """What happened, in the reader's language: an event's first line is a word, the others are names."""
    word, *names = message.body.split("\n")
    said = {
        "assigned": lambda: _("%(name)s takes care of it.") % {"name": names[0]},
        "priority": lambda: (
            _("Urgency: %(before)s → %(after)s") % {"before": Priority(names[0]).label, "after": Priority(names[1]).label}
        ),
        "resolved": lambda: _("Marked as resolved."),
        "merged": lambda: _("Joined with #%(number)s.") % {"number": names[0]},
        "split": lambda: _("One question became #%(number)s.") % {"number": names[0]},
        "split-from": lambda: _("Came from #%(number)s.") % {"number": names[0]},
    }.get(word)
    return said() if said else message.body


def staff() -> QuerySet[User]:
    """Those of us who can take a ticket."""
    return User.objects.filter(is_active=True, role__in=["lead", "operator"]).order_by("name", "pk")


def colleagues(client: Client) -> QuerySet[User]:
    """The people of a client who have an account."""
    return User.objects.filter(is_active=True, memberships__client=client).distinct().order_by("name", "pk")


def systems_of(client: Client) -> QuerySet[System]:
    """The systems of a client."""
    return System.objects.filter(client=client).order_by("environment", "name", "pk")


def actions_of(ticket: Ticket) -> QuerySet[Action]:
    """What operators had done on systems for a ticket, the newest first."""
    return Action.objects.filter(ticket=ticket).select_related("system").order_by("-pk")


def logins_of(client: Client) -> QuerySet[Credential]:
    """Logins in the vault with which the portal could act for somebody."""
    rows = Credential.objects.filter(client=client, kind=CredentialKind.PASSWORD, archived_at=None).exclude(username="")
    return rows.exclude(pk__in=Action.objects.filter(client=client, credential__isnull=False).values("credential")).order_by(
        "label", "pk"
    )


def templates(language: str) -> QuerySet[AnswerTemplate]:
    """Words that are used often, of one language."""
    return AnswerTemplate.objects.filter(ended_at=None, language=language).order_by("name")


def held_mail() -> QuerySet[IncomingMail]:
    """Mail that somebody of ours has to look at, and what was left aside of late."""
    rows = IncomingMail.objects.defer("original").select_related("client")
    return rows.filter(state__in=[MailState.HELD, MailState.WAITING, MailState.REFUSED]).order_by("-received_at", "-pk")


def other_mail() -> QuerySet[IncomingMail]:
    """Mail that was decided about, the newest first; nothing of it is lost."""
    rows = IncomingMail.objects.defer("original").select_related("client", "line__ticket")
    return rows.exclude(state__in=[MailState.HELD, MailState.WAITING, MailState.REFUSED]).order_by("-received_at", "-pk")


def failed_mail() -> QuerySet[OutgoingMail]:
    """Mail of ours that did not arrive."""
    return OutgoingMail.objects.filter(Q(state=SendState.FAILED) | Q(bounced_at__isnull=False)).select_related("ticket").order_by("-pk")


def targets_of(client: Client) -> dict[str, SupportTarget]:
    """What is promised to a client, by priority."""
    return {target.priority: target for target in SupportTarget.objects.filter(client=client)}


def to_warn(*, now: datetime) -> QuerySet[Ticket]:
    """Tickets of which a promise is about to break, and nobody was warned."""
    soon = Q(answer_due_at__lte=now + WARN_BEFORE) | Q(resolution_due_at__lte=now + WARN_BEFORE, state__in=RUNNING)
    return Ticket.objects.filter(soon, warned_at=None).exclude(state__in=["resolved", "merged"]).order_by("answer_due_at", "pk")


def statements_of(client: Client) -> QuerySet[Statement]:
    """The months of a client that are closed, the newest first."""
    return Statement.objects.filter(client=client).order_by("-month")


def entries_of(client: Client, *, statement: Statement | None) -> QuerySet[TimeEntry]:
    """Hours of a statement, or those that are in none yet."""
    rows = TimeEntry.objects.filter(client=client, statement=statement).select_related("ticket", "reversed_by")
    return rows.order_by("-spent_on", "-pk")


def article_for(actor: Actor, slug: str) -> Article | None:
    """An article that a person may read: of one of their clients, else the one for all."""
    rows = Article.objects.filter(slug=slug, ended_at=None).select_related("client")
    if not actor.sees_all_clients:
        rows = rows.filter(Q(client=None) | Q(client__in=actor.client_ids))
    return rows.order_by(F("client").asc(nulls_last=True), "pk").first()
