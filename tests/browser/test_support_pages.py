"""A client who has never seen the portal asks a question; operators answer by keyboard; home, report and answers as they look."""

import time
from datetime import timedelta

import pytest

from clients.support.models import Ticket
from clients.support.services import knowledge, tickets
from monitoring.models import Rollup
from portal.reports import services as reports
from tests import people
from tests.browser.conftest import fits, picture, sign_in
from tests.browser.test_backup_pages import press_to

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bakery():
    client = people.make_client("Baker Ltd")
    type(client).objects.filter(pk=client.pk).update(time_zone="Europe/Berlin", created_at=people.now() - timedelta(days=200))
    client.refresh_from_db()
    knowledge.ship(actor=people.TESTER, now=people.now())
    system = people.make_system(client, name="cloud", address="cloud.baker.example", environment="production", roles=["files", "mail"])
    people.make_watch(system)
    check = people.make_check(system, kind="reach", subject="", stale_at=people.now() + timedelta(hours=1))
    today = people.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(60):
        down = 3600 if days == 12 else 0
        Rollup.objects.create(
            check_row=check,
            client_id=client.pk,
            step=86_400,
            at=today - timedelta(days=days),
            values_n=1,
            up_s=86_400 - down,
            down_s=down,
        )
    return client


def test_a_client_who_has_never_seen_the_portal_asks_within_a_minute(blank_page, bakery):
    page, member = blank_page, people.make_member(bakery)
    began = time.monotonic()
    sign_in(page, member)
    picture(page, "client-home")
    assert fits(page)
    page.click("text=Ask a question")
    page.wait_for_load_state("load")
    page.fill("#id_subject", "Mail on my new iPhone")
    page.wait_for_selector("text=Mail on an iPhone or iPad")  # an answer is offered before anything is sent
    page.fill("#id_body", "It asks for a server and I do not know which.")
    picture(page, "ticket-new")
    assert fits(page)
    page.click("text=Send the question")
    page.wait_for_selector("#thread")
    took = time.monotonic() - began
    ticket = Ticket.objects.get()
    assert (ticket.requester, ticket.subject) == (member, "Mail on my new iPhone")
    assert page.locator("text=You have an answer until").count() == 1
    picture(page, "ticket-client")
    assert took < 60


def test_an_operator_answers_by_keyboard_alone(blank_page, bakery):
    page, member = blank_page, people.make_member(bakery)
    question = tickets.Question("The printer", "It prints nothing.")
    ticket = tickets.raise_ticket(client=bakery, question=question, actor=people.actor(member), person=member, now=people.now())
    tickets.found(ticket=ticket, words="cloud, asked about “anna”:\n- The password expired on 3 May 2026.", now=people.now())
    sign_in(page, people.make_operator())
    page.goto("/tickets/")
    press_to(page, f"#{ticket.pk}")
    page.wait_for_selector("#answer")
    page.focus("#id_body")
    page.keyboard.type("Is it on?")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Waiting for the client")
    picture(page, "ticket-operator")
    assert fits(page)
    ticket.refresh_from_db()
    assert ticket.state == "waiting"


def test_report_answers_hours_and_choices_as_they_look(blank_page, bakery):
    page, operator, owner = blank_page, people.make_operator(), people.make_owner(bakery)
    report = reports.make(client=bakery, month=people.now().date(), actor=people.TESTER, now=people.now())
    reports.review(report=report, words="A **quiet** month.", language="de", actor=people.actor(operator), now=people.now())
    report.refresh_from_db()
    reports.send(report=report, actor=people.actor(operator), now=people.now())
    type(owner).objects.filter(pk=owner.pk).update(language="de")
    sign_in(page, owner)
    for name, address in {
        "home-german": "/", "report": f"/reports/{report.pk}/", "answers": "/knowledge/", "answer": "/knowledge/mail-iphone/",
        "hours": f"/clients/{bakery.pk}/hours/", "choices": "/account/choices/", "status-german": f"/clients/{bakery.pk}/status/",
        "tickets-german": "/tickets/", "ticket-new-german": f"/tickets/new/{bakery.pk}/",
    }.items():  # fmt: skip
        page.goto(address)
        picture(page, name)
        assert fits(page), name
    assert page.locator("text=Frage absenden").count() == 1
