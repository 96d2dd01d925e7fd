"""Hours: noted, carried, billed once, taken back."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from clients.support.models import Plan, Statement, TimeEntry
from clients.support.services import hours
from portal.errors import PortalError
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def spend(sample_client, operator):
    def one(amount, day, words="work"):
        return hours.note(
            client=sample_client, work="ticket", words=words, hours=Decimal(amount), spent_on=day, ticket=None, person=operator,
            actor=people.actor(operator), now=people.now(),
        )  # fmt: skip

    return one


@pytest.fixture
def plan(sample_client):
    def one(month, included="5", carry=1):
        return hours.set_plan(
            client=sample_client, from_month=month, hours=Decimal(included), carry_months=carry, rate=Decimal(120), currency="eur",
            actor=people.TESTER, now=people.now(),
        )  # fmt: skip

    return one


def close(client, month):
    return hours.close(client=client, month=month, actor=people.TESTER, now=people.now())


JUNE, JULY, AUGUST = date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 1)


def test_unused_hours_are_carried_as_long_as_agreed_and_used_after_the_months_own(sample_client, spend, plan):
    plan(JUNE)
    spend("2", date(2026, 6, 10))
    assert close(sample_client, JUNE).left == [["2026-06-01", "3.00"]]
    spend("7", date(2026, 7, 1))
    july = close(sample_client, JULY)
    assert (july.included_h, july.carried_h, july.spent_h, july.over_h, july.amount) == (5, 3, 7, 0, 0)
    assert july.left == [], "what June left is gone after July"
    spend("6.5", date(2026, 8, 2))
    august = close(sample_client, AUGUST)
    assert (august.over_h, august.amount, august.currency) == (Decimal("1.50"), Decimal("180.00"), "EUR")


def test_nothing_is_billed_twice_and_a_closed_month_stays(sample_client, spend, plan):
    plan(JUNE)
    entry = spend("2", date(2026, 6, 10))
    statement = close(sample_client, JUNE)
    with pytest.raises(PortalError, match="closed already"):
        close(sample_client, JUNE)
    with pytest.raises(PortalError, match="is closed"):
        spend("1", date(2026, 6, 11))
    entry.refresh_from_db()
    assert entry.statement == statement
    other = close(sample_client, JULY)
    for values in ({"statement": other}, {"statement": None}, {"hours": 1}, {"words": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            TimeEntry.objects.filter(pk=entry.pk).update(**values)
    for rows in (TimeEntry.objects.all(), Statement.objects.all(), Plan.objects.all()):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Statement.objects.update(amount=0)


def test_a_correction_is_a_reversal_once(sample_client, spend, plan):
    plan(JUNE)
    entry = spend("6", date(2026, 6, 10))
    close(sample_client, JUNE)
    back = hours.reverse(entry=entry, why="wrong client", actor=people.TESTER, now=people.now())
    assert (back.hours, back.spent_on, back.statement) == (-6, people.now().date(), None)
    for target in (entry, back):
        with pytest.raises(PortalError):
            hours.reverse(entry=target, why="again", actor=people.TESTER, now=people.now())
    assert hours.account(client=sample_client, month=people.now().date()).spent == -6


def test_months_are_closed_in_order_and_when_they_are_over(sample_client, plan):
    plan(JUNE)
    with pytest.raises(PortalError, match="still open"):
        close(sample_client, JULY)
    with pytest.raises(PortalError, match="not over"):
        close(sample_client, people.now().date())
    with pytest.raises(PortalError, match="already"):
        plan(JUNE)


@pytest.mark.parametrize(("amount", "days", "words"), [("0", 0, "x"), ("25", 0, "x"), ("1", 3, "x"), ("1", 0, " ")])
def test_what_does_not_fit_is_refused(spend, amount, days, words):
    with pytest.raises(PortalError):
        spend(amount, people.now().date() + timedelta(days=days), words)


@pytest.mark.parametrize(("minutes", "expected"), [(0, "0.08"), (5, "0.08"), (6, "0.17"), (61, "1.08"), (3000, "24.00")])
def test_a_clock_is_rounded_up_to_five_minutes(minutes, expected):
    assert hours.rounded(timedelta(minutes=minutes)) == Decimal(expected)


def test_pages_and_csv(sample_client, spend, plan, owner_page, member_page, operator_page, outsider_page):
    plan(JUNE)
    spend("1.25", date(2026, 6, 3), "=cmd()")
    statement = close(sample_client, JUNE)
    address = f"/clients/{sample_client.pk}/hours/"
    assert owner_page.get(address).status_code == 200
    assert member_page.get(address).status_code in {403, 404}
    assert outsider_page.get(address).status_code in {403, 404}
    text = owner_page.get(f"/clients/{sample_client.pk}/statements/{statement.pk}/csv/").content.decode()
    assert "'=cmd()" in text, "a spreadsheet calculates nothing"
    assert "1.25" in text
    assert (
        operator_page.post(
            f"{address}note/", {"work": "visit", "words": "on site", "hours": "2", "spent_on": people.now().date()}
        ).status_code
        == 303
    )
    entry = TimeEntry.objects.get(work="visit")
    assert operator_page.post(f"{address}{entry.pk}/reverse/", {"why": "twice"}).status_code == 303
    assert operator_page.post(f"{address}note/", {"hours": "x"}).status_code == 422
    assert "on site" in owner_page.get(address).content.decode()
