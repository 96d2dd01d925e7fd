"""Collecting: each system's document every day, its tour every month or when it is asked for. The row is the queue."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from clients.choices import Access, Connection
from clients.errors import NotReady
from clients.models import System
from clients.services import access
from handover.models import Papers
from handover.parsers.casts import UnreadableCast
from handover.parsers.document import UnreadableDocument, parse_document
from handover.services import documents, runbooks, walkthroughs
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.queue import nudge
from portal.ssh import papers as host
from portal.ssh.errors import CommandFailed, SSHError

logger = logging.getLogger(__name__)

ACTOR = Actor.portal("handover")
EVERY = timedelta(days=1)
TOUR_EVERY = timedelta(days=30)
AGAIN = timedelta(hours=1)
# What a document and a tour may take together; whoever died with them is followed after it.
HELD = timedelta(minutes=20)
# Older than this a document is not called current.
CURRENT_FOR = timedelta(days=3)


def begin_where_missing(*, now: datetime) -> None:
    """A row for every system that we manage and that was reached once; both are due at once."""
    rows = System.objects.filter(papers=None, client__ended_at=None, connection=Connection.OK, access=Access.MANAGE)
    Papers.objects.bulk_create(
        [
            Papers(client_id=client_id, system_id=pk, document_due_at=now, tour_due_at=now)
            for pk, client_id in rows.values_list("pk", "client_id")
        ],
        ignore_conflicts=True,
    )


def due(*, now: datetime) -> list[Papers]:
    """Rows with work that nobody holds, the longest overdue first."""
    open_rows = Papers.objects.filter(system__client__ended_at=None, system__access=Access.MANAGE).exclude(claimed_until__gt=now)
    return list(open_rows.filter(Q(document_due_at__lte=now) | Q(tour_due_at__lte=now)).order_by("document_due_at", "pk")[:50])


def sweep(*, now: datetime) -> int:
    """Nudge a worker for each row that is due; returns how many."""
    begin_where_missing(now=now)
    rows = due(now=now)
    for row in rows:
        nudge("handover.collect", client_id=row.client_id, system_id=row.system_id)
    return len(rows)


@transaction.atomic
def ask(*, system: System, tour: bool, actor: Actor, now: datetime) -> None:
    """Ask for a fresh document, or a fresh tour. Asking twice is asking once.

    Raises:
        PortalError: a system that we only look at.
    """
    actor.require(Permission.OPERATE)
    if system.access != Access.MANAGE:
        raise PortalError("The portal only looks at this system: it reads nothing there as root.")
    row, _ = Papers.objects.get_or_create(
        system=system, defaults={"client_id": system.client_id, "document_due_at": now, "tour_due_at": now}
    )
    Papers.objects.filter(pk=row.pk).update(**({"tour_due_at": now} if tour else {"document_due_at": now}))
    audit.record(
        action=f"handover.{'tour' if tour else 'document'}_ask", actor=actor, subject=system, client_id=system.client_id, now=now
    )
    nudge("handover.collect", client_id=system.client_id, system_id=system.pk)


def collect(*, system_id: int, now: datetime) -> None:
    """Worker: make what is due of one system. Another worker that has it is left to it; one that died is followed after 20 minutes."""
    taken = (
        Papers.objects.filter(Q(document_due_at__lte=now) | Q(tour_due_at__lte=now), system_id=system_id)
        .exclude(claimed_until__gt=now)
        .update(claimed_until=now + HELD)
    )
    if not taken:
        return
    row = Papers.objects.select_related("system__client").get(system_id=system_id)
    document, tour = row.document_due_at <= now, row.tour_due_at <= now
    changes: dict[str, object] = {"claimed_until": None, "tried_at": now}
    if document:
        problem = _document(row.system, now=now)
        changes |= {"document_problem": problem[:500], "document_due_at": now + (AGAIN if problem else EVERY)}
    if tour:
        problem = _tour(row.system, now=now)
        changes |= {"tour_problem": problem[:500], "tour_due_at": now + (AGAIN if problem else TOUR_EVERY)}
    # what was asked for again meanwhile stays due
    rows = Papers.objects.filter(pk=row.pk)
    rows.filter(document_due_at=row.document_due_at, tour_due_at=row.tour_due_at).update(**changes) or rows.update(claimed_until=None)


def _document(system: System, *, now: datetime) -> str:
    """Collect and keep; why not, or empty."""

    def work(known: list[str]) -> None:
        with access.open_shell(system, actor=ACTOR, purpose="document the system") as shell:
            seen = parse_document(host.read_document(shell))
        others = System.objects.filter(client=system.client_id).exclude(pk=system.pk).values_list("address", flat=True)
        facts, masked = documents.facts_of(seen, known=known, neighbours=list(others))
        documents.keep(system=system, facts=facts, masked=masked, actor=ACTOR, now=now)
        runbooks.fill(system=system, actor=ACTOR, now=now)

    return _tried(system, work)


def _tour(system: System, *, now: datetime) -> str:
    """Record and keep; why not, or empty."""

    def work(known: list[str]) -> None:
        with access.open_shell(system, actor=ACTOR, purpose="record a tour of the system") as shell:
            answer = host.take_tour(shell)
        walkthroughs.keep_tour(system=system, answer=answer, known=known, actor=ACTOR, now=now)

    return _tried(system, work)


def _tried(system: System, work: Callable[[list[str]], None]) -> str:
    """Do it, with what must be masked; why it came to nothing, or empty."""
    try:
        work(documents.known_secrets(system.client_id))
    except CommandFailed as error:
        older = error.result.exit_status in {64, 127}
        return "retainer-host there is older than this portal: run the set-up script again." if older else error.message
    except (SSHError, NotReady, PortalError) as error:
        return str(error)
    except UnreadableDocument as error:
        return f"The answer can't be read: {error}."
    except UnreadableCast as error:
        return f"The recording can't be read: {error}."
    return ""
