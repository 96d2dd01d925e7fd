"""Promises that are about to break, or broke: somebody is told before, and it is kept that it happened."""

from datetime import datetime

from django.db import transaction

from clients.support import queries
from clients.support.choices import RUNNING
from clients.support.models import DigestLine, Ticket
from clients.support.services import telling
from portal.accounts.models import User
from portal.accounts.scope import acting_for_all

AT_ONCE = 200


def watch_promises(*, now: datetime) -> int:
    """Warn of each promise once, and mark those that broke; returns how many warnings were written."""
    with acting_for_all():
        warned = 0
        for ticket in queries.to_warn(now=now).select_related("client", "assigned_to")[:AT_ONCE]:
            warned += _warn(ticket, now=now)
        for ticket in Ticket.objects.filter(answer_due_at__lt=now, broken_at=None):
            Ticket.objects.filter(pk=ticket.pk, broken_at=None).update(broken_at=ticket.answer_due_at)
        for ticket in Ticket.objects.filter(resolution_due_at__lt=now, broken_at=None, state__in=RUNNING):
            Ticket.objects.filter(pk=ticket.pk, broken_at=None).update(broken_at=ticket.resolution_due_at)
        return warned


@transaction.atomic
def _warn(ticket: Ticket, *, now: datetime) -> bool:
    if not Ticket.objects.filter(pk=ticket.pk, warned_at=None).update(warned_at=now):
        return False  # another worker did
    due = min(at for at in (ticket.answer_due_at, ticket.resolution_due_at) if at is not None)
    what = "an answer" if due == ticket.answer_due_at else "its end"
    broken = due <= now
    telling.tell_staff(
        subject=f"[#{ticket.pk}] {what} {'was' if broken else 'is'} due {due:%Y-%m-%d %H:%M} UTC",
        person=ticket.assigned_to,
        ticket=ticket,
        now=now,
        body=f"#{ticket.pk} of {ticket.client}: {ticket.subject}\n\nWe promised {what} until {due:%Y-%m-%d %H:%M} UTC.\n",
    )
    return True


def send_digests(*, now: datetime) -> int:
    """Once a day, at eight in the morning of the client's zone or later, what waited is one mail; returns how many."""
    with acting_for_all():
        sent = 0
        for user_id in list(DigestLine.objects.filter(sent_at=None).order_by("user").values_list("user", flat=True).distinct()):
            sent += _digest(user_id, now=now)
        return sent


@transaction.atomic
def _digest(user_id: int, *, now: datetime) -> bool:
    lines = list(
        DigestLine.objects.select_for_update(of=("self",), skip_locked=True).filter(user=user_id, sent_at=None).select_related("client")
        .order_by("created_at", "pk")
    )  # fmt: skip
    if not lines or not telling.morning(lines[0].client, lines[0].created_at, now=now):
        return False
    user = User.objects.get(pk=user_id)
    telling.send_digest(user, lines, now=now)
    DigestLine.objects.filter(pk__in=[line.pk for line in lines]).update(sent_at=now)
    return True
