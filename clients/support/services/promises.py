"""Until when we owe an answer and an end: counted on the client's business calendar, and stopped while we wait for the client."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from clients.models import BusinessHours, Client
from clients.services import calendars
from clients.support.choices import Priority
from clients.support.models import SupportTarget, Ticket, Wait
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.clock.business import BusinessCalendar, add_hours, end_of_day, time_between
from portal.errors import PortalError


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised for a ticket when it is raised.

    Args:
        calendar: the version that it is counted by; None: the client has set none.
        response_h, resolution_h: working hours; None: the same day, and no end.
    """

    calendar: BusinessHours | None
    response_h: Decimal | None
    resolution_h: Decimal | None
    response_due_at: datetime
    resolution_due_at: datetime | None


def promise(*, client: Client, priority: str, at: datetime) -> Promise:
    """What is promised for something raised at a moment."""
    version = calendars.version_of(client, at=at)
    calendar = calendars.calendar_from(version, client)
    target = SupportTarget.objects.filter(client=client, priority=priority).first()
    response_h, resolution_h = (target.response_h, target.resolution_h) if target else (None, None)
    return Promise(
        version, response_h, resolution_h, response_due_at=_answer(calendar, response_h, at),
        resolution_due_at=add_hours(at, _hours(resolution_h), calendar) if resolution_h is not None else None,
    )  # fmt: skip


def next_answer_due(ticket: Ticket, *, at: datetime) -> datetime:
    """Until when something that the client wrote later is answered: by what was promised when the ticket was raised."""
    return _answer(calendar_of(ticket), ticket.response_h, at)


def resolution_due(ticket: Ticket) -> datetime | None:
    """The end that was promised, put off by the working time in which the ticket waited for the client. Open waits do not count yet."""
    if ticket.resolution_h is None:
        return None
    calendar = calendar_of(ticket)
    waits = Wait.objects.filter(ticket=ticket).order_by("began_at").values_list("began_at", "ended_at")
    waited = sum((time_between(began, ended, calendar) for began, ended in waits if ended is not None), timedelta())
    return add_hours(ticket.created_at, _hours(ticket.resolution_h) + waited, calendar)


def calendar_of(ticket: Ticket) -> BusinessCalendar:
    """The calendar that a ticket is counted by, whatever came after it."""
    return calendars.calendar_from(ticket.calendar, ticket.client)


def set_targets(*, client: Client, hours: Mapping[str, tuple[Any, Any]], actor: Actor, now: datetime) -> None:
    """Change what is promised for tickets raised from now on.

    Args:
        hours: priority to working hours until the first answer and until the end; empty: the same day, and no end.

    Raises:
        PortalError: no hours, or an end before the answer.
    """
    actor.require(Permission.OPERATE)
    wanted = {priority: (_typed(response), _typed(resolution)) for priority, (response, resolution) in hours.items()}
    for priority, (response_h, resolution_h) in wanted.items():
        if priority not in Priority.values:
            raise PortalError("There is no such priority.")
        if response_h is not None and resolution_h is not None and resolution_h < response_h:
            raise PortalError("It can't be resolved before it is answered.", hint=f"Look at {Priority(priority).label}.")
    with transaction.atomic():
        for priority, (response_h, resolution_h) in wanted.items():
            SupportTarget.objects.update_or_create(
                client=client, priority=priority,
                defaults={"response_h": response_h, "resolution_h": resolution_h, "changed_at": now, "actor_label": actor.label},
            )  # fmt: skip
        audit.record(
            action="support.targets", actor=actor, subject=client, client_id=client.pk, now=now,
            after={priority: [str(one) if one is not None else "" for one in pair] for priority, pair in wanted.items()},
        )  # fmt: skip


def _typed(text: Any) -> Decimal | None:
    if text in {"", None}:
        return None
    try:
        hours = Decimal(str(text))
    except InvalidOperation as error:
        raise PortalError(f"“{text}” is no number of hours.") from error
    if not 0 < hours < 2000:
        raise PortalError("Hours are more than none, and less than 2,000.", hint="Leave the field empty for the same day.")
    return hours


def _answer(calendar: BusinessCalendar, response_h: Decimal | None, at: datetime) -> datetime:
    return end_of_day(at, calendar) if response_h is None else add_hours(at, _hours(response_h), calendar)


def _hours(hours: Decimal) -> timedelta:
    return timedelta(seconds=int(hours * 3600))
