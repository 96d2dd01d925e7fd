"""Promises: counted on the client's calendar, stopped while it waits for the client, never recomputed."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from clients.models import BusinessHours
from clients.services import calendars
from clients.support.models import SupportTarget, Ticket, Wait
from clients.support.services import promises, tickets
from clients.support.services.tickets import Question
from portal.errors import PortalError
from tests import people

pytestmark = pytest.mark.django_db
WEEK = {day: (time(9), time(17)) for day in range(5)}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def berlin(sample_client):
    type(sample_client).objects.filter(pk=sample_client.pk).update(time_zone="Europe/Berlin")
    sample_client.refresh_from_db()
    calendars.set_calendar(
        client=sample_client, hours=WEEK, region="DE-BY", closed=[date(2026, 12, 24)], actor=people.TESTER, now=at("2026-01-01T00:00")
    )
    return sample_client


def raised(client, when: str, priority: str = "normal") -> Ticket:
    member = people.make_member(client)
    return tickets.raise_ticket(
        client=client, question=Question("x", "y", priority=priority), actor=people.actor(member), person=member, now=at(when)
    )


# Moments in UTC; Bavaria is one hour ahead in winter, two in summer (from 29 March to 25 October 2026).
@pytest.mark.parametrize(
    ("when", "due"),
    [
        ("2026-03-27T10:00", "2026-03-27T16:00"),  # a Friday before the change: five in the afternoon is four UTC
        ("2026-03-27T17:00", "2026-03-30T15:00"),  # too late: Monday, by then in summer time
        ("2026-10-23T16:30", "2026-10-26T16:00"),  # and back
        ("2026-05-01T08:00", "2026-05-04T15:00"),  # a holiday, and the weekend after it
        ("2026-06-04T08:00", "2026-06-05T15:00"),  # Corpus Christi, a holiday in Bavaria
        ("2026-12-24T08:00", "2026-12-28T16:00"),  # closed by hand, two holidays, a weekend
        ("2026-07-06T04:00", "2026-07-06T15:00"),  # before work
    ],
)
def test_the_same_day_is_the_default(berlin, when, due):
    assert raised(berlin, when).response_due_at == at(due)


def test_hours_and_priorities_have_their_own(berlin):
    promises.set_targets(client=berlin, hours={"urgent": ("1", "4"), "normal": ("", "16")}, actor=people.TESTER, now=people.now())
    urgent, normal = raised(berlin, "2026-03-27T15:30", "urgent"), raised(berlin, "2026-03-27T15:30")
    assert (urgent.response_due_at, urgent.resolution_due_at) == (at("2026-03-30T07:30"), at("2026-03-30T10:30"))
    assert (normal.response_due_at, normal.resolution_due_at) == (at("2026-03-27T16:00"), at("2026-03-31T14:30"))


def test_the_clock_stops_while_it_waits_for_the_client(berlin):
    promises.set_targets(client=berlin, hours={"normal": ("2", "8")}, actor=people.TESTER, now=people.now())
    ticket, ours = raised(berlin, "2026-07-06T07:00"), people.actor(people.make_operator())
    assert ticket.resolution_due_at == at("2026-07-06T15:00")
    tickets.answer(ticket=ticket, body="Which?", then="waiting", actor=ours, now=at("2026-07-06T09:00"))
    member = ticket.requester
    tickets.answer(ticket=ticket, body="This.", actor=people.actor(member), now=at("2026-07-07T09:00"))
    ticket.refresh_from_db()
    # six working hours of Monday and two of Tuesday were theirs
    assert ticket.resolution_due_at == at("2026-07-07T15:00")
    assert ticket.answer_due_at == at("2026-07-07T11:00")
    with pytest.raises(IntegrityError), transaction.atomic():
        Wait.objects.filter(ticket=ticket).update(ended_at=at("2026-07-01T00:00"))


def test_an_edit_never_recomputes_the_past(berlin):
    ticket = raised(berlin, "2026-07-06T07:00")
    before = ticket.response_due_at
    calendars.set_calendar(
        client=berlin, hours={0: (time(8), time(9))}, region="", closed=[], actor=people.TESTER, now=at("2026-07-06T07:30")
    )
    promises.set_targets(client=berlin, hours={"normal": ("1", "")}, actor=people.TESTER, now=people.now())
    ticket.refresh_from_db()
    assert (ticket.response_due_at, promises.next_answer_due(ticket, at=at("2026-07-07T07:00"))) == (before, at("2026-07-07T15:00"))
    for values in ({"hours": {}}, {"region": "DE"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            BusinessHours.objects.update(**values)
    assert raised(berlin, "2026-07-07T07:00").response_due_at == at("2026-07-13T07:00")


@pytest.mark.parametrize(
    ("hours", "region"),
    [({}, ""), ({0: (time(9), time(9))}, ""), ({0: (time(9), time(8))}, ""), (WEEK, "XX"), ({9: (time(9), time(10))}, "")],
)
def test_calendars_that_fit_nothing_are_refused(sample_client, hours, region):
    with pytest.raises(PortalError):
        calendars.set_calendar(client=sample_client, hours=hours, region=region, closed=[], actor=people.TESTER, now=people.now())


@pytest.mark.parametrize("pair", [("x", ""), ("-1", ""), ("0", ""), ("8", "4")])
def test_targets_that_fit_nothing_are_refused(sample_client, pair):
    with pytest.raises(PortalError):
        promises.set_targets(client=sample_client, hours={"normal": pair}, actor=people.TESTER, now=people.now())
    assert not SupportTarget.objects.exists()


def test_the_page_makes_a_new_version(operator_page, sample_client):
    address = f"/clients/{sample_client.pk}/promises/"
    values = {f"{part}_{day}": hour for day in range(5) for part, hour in (("from", "08:00"), ("until", "16:00"))}
    values |= {"region": "DE", "closed": "2026-12-24, 2026-12-31", "response_high": "2", "resolution_high": "8"}
    assert operator_page.post(address, values).status_code == 303
    version = BusinessHours.objects.get()
    assert (version.hours["0"], version.closed) == (["08:00", "16:00"], [date(2026, 12, 24), date(2026, 12, 31)])
    assert SupportTarget.objects.get(priority="high").response_h == Decimal(2)
    assert "08:00" in operator_page.get(address).content.decode()
    for wrong in ({"until_0": ""}, {"closed": "christmas"}, {"region": "XX"}):
        assert operator_page.post(address, values | wrong).status_code == 422
    assert timedelta(0) < people.now() - version.since
