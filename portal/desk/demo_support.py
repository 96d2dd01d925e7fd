"""What support would have of the sample client: questions with their answers, hours, and last month's report to be reviewed."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from clients.models import Client, System
from clients.services import calendars
from clients.support.choices import Form, Work
from clients.support.services import hours, knowledge, promises, tickets
from clients.support.services.tickets import Question
from portal.accounts.actor import Actor
from portal.accounts.models import Membership, User
from portal.accounts.roles import MemberRole, Role
from portal.accounts.services import actor_of
from portal.reports import services as reports

# Somebody at the sample client: cannot sign in until an operator invites her.
PERSON = ("anna@bakery.invalid", "Anna Baker")


def fill(*, client: Client, systems: Sequence[System], actor: Actor, now: datetime) -> None:
    """Two questions, one answered and one diagnosed, hours of the month, a report."""
    knowledge.ship(actor=actor, now=now)
    week = {day: (time(8), time(17)) for day in range(5)}
    calendars.set_calendar(
        client=client, hours=week, region="DE-BY", closed=[date(now.year, 12, 24)], actor=actor, now=now - timedelta(days=60)
    )
    promises.set_targets(client=client, hours={"urgent": ("1", "8"), "high": ("4", "24")}, actor=actor, now=now)
    anna = User.objects.create_user(email=PERSON[0], password=None, name=PERSON[1], role=Role.CLIENT)
    Membership.objects.create(user=anna, client=client, role=MemberRole.OWNER)
    mail = next(system for system in systems if system.name == "mail")
    printer = tickets.raise_ticket(
        client=client,
        person=anna,
        actor=actor_of(anna),
        now=now - timedelta(days=6),
        question=Question(
            "Sharing the price list with a customer", "Which link do I send, and can they change the file?", form=Form.QUESTION
        ),
    )
    tickets.answer(
        ticket=printer,
        body="With a share link that has a password and an end; it can't be changed that way.",
        then="resolved",
        actor=actor,
        now=now - timedelta(days=6) + timedelta(minutes=40),
    )
    phone = tickets.raise_ticket(
        client=client,
        person=anna,
        actor=actor_of(anna),
        now=now - timedelta(hours=1),
        question=Question(
            "Mail on my new phone", "It asks for a server.", form=Form.MAIL_DEVICE, system=mail, about={"what": PERSON[0]}
        ),
    )
    tickets.note(ticket=phone, body="Sample data: the probe of its form finds no such host.", actor=actor, now=now)
    first = hours.previous(now.date())
    hours.set_plan(
        client=client, from_month=first, hours=Decimal(8), carry_months=2, rate=Decimal(120), currency="EUR", actor=actor, now=now
    )
    hours.note(
        client=client,
        work=Work.VISIT,
        words="Meeting about the new shop",
        hours=Decimal("1.5"),
        spent_on=now.date(),
        ticket=None,
        person=None,
        actor=actor,
        now=now,
    )
    reports.make(client=client, month=first, actor=actor, now=now)
