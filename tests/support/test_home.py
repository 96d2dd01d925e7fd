"""A client's home: at one glance whether all is well, in both languages; and how people choose to be told."""

from datetime import timedelta

import pytest

from clients.support.models import Choice, DigestLine, OutgoingMail
from clients.support.services import sending, tickets, watching
from clients.support.services.telling import unsubscribe_address
from monitoring.services import incidents
from tests import people

pytestmark = pytest.mark.django_db


def test_home_says_whether_all_is_well_and_unknown_is_not_well(member_page, system, ask):
    page = member_page.get("/").content.decode()
    assert "We can" in page
    assert "see everything at the moment" in page
    assert "Not known at the moment" in page
    assert "All is well" not in page
    ask("Where is my mail?")
    incident = people.make_incident(system)
    page = member_page.get("/").content.decode()
    assert "Where is my mail?" in page
    assert str(incident) in page
    assert "Being worked on" in page


def test_home_is_in_the_readers_language(member_page, member, system):
    german = member_page.get("/", headers={"Accept-Language": "de-DE,de;q=0.9"}).content.decode()
    assert '<html lang="de">' in german
    assert "Ihre Systeme" in german
    type(member).objects.filter(pk=member.pk).update(language="en")
    assert "Your systems" in member_page.get("/", headers={"Accept-Language": "de"}).content.decode()


def test_another_clients_people_see_nothing_of_it(outsider_page, system):
    page = outsider_page.get("/").content.decode()
    assert "web-1" not in page


def test_hours_are_shown_to_the_owner_alone(owner_page, member_page, system):
    assert "Hours used" in owner_page.get("/").content.decode()
    assert "Hours used" not in member_page.get("/").content.decode()


def test_people_choose_how_they_are_told(member_page, member, operator, ask):
    assert member_page.post("/account/choices/", {"language": "de", "tickets": "digest", "report": "never"}).status_code == 303
    assert member_page.post("/account/choices/", {"language": "xx"}).status_code == 422
    member.refresh_from_db()
    assert (member.language, Choice.objects.get(user=member, topic="report").delivery) == ("de", "never")
    ticket = ask()
    tickets.answer(ticket=ticket, body="Hallo", actor=people.actor(operator), now=people.now())
    assert not OutgoingMail.objects.filter(to=member.email).exists()
    line = DigestLine.objects.get(user=member)
    assert watching.send_digests(now=line.created_at) == 0, "the morning has not come"
    later = people.now().replace(hour=8, minute=0) + timedelta(days=1)
    assert (watching.send_digests(now=later), watching.send_digests(now=later)) == (1, 0)
    assert "Hallo" in OutgoingMail.objects.get(to=member.email).body


def test_one_press_ends_mails_of_a_topic_and_looking_at_the_link_does_not(client, member, ask, operator, mailoutbox):
    ticket = ask()
    tickets.answer(ticket=ticket, body="Hello", actor=people.actor(operator), now=people.now())
    sending.send_due(now=people.now())
    mail = next(mail for mail in mailoutbox if mail.to == [member.email])
    assert mail.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = mail.extra_headers["List-Unsubscribe"].strip("<>").partition("/public/")[2]
    assert client.get(f"/public/{address}").status_code == 200
    assert not Choice.objects.exists()
    assert client.post(f"/public/{address}", {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Choice.objects.get(user=member).delivery == "never"
    assert client.post("/public/unsubscribe/forged/").status_code == 404
    other = unsubscribe_address(operator, "tickets").partition("/public/")[2]
    assert client.post(f"/public/{other[:-4]}xyz/").status_code == 404


def test_what_is_known_to_be_out_of_order_stands_beside_a_new_question(member_page, outsider_page, system, sample_client):
    address = f"/tickets/new/{sample_client.pk}/offered/"
    assert "Being worked on" not in member_page.get(address).content.decode()
    incident = people.make_incident(system, title="web-1: Disk /")
    incidents.note(incident=incident, words="We make room.", to_client=True, actor=people.TESTER, now=people.now())
    page = member_page.get(address).content.decode()
    assert "web-1: Disk /" in page
    assert "We make room." in page
    assert outsider_page.get(address).status_code == 404


def test_a_system_that_answers_and_was_not_scanned_is_not_well(member_page, sample_client):
    system = people.make_system(sample_client, environment="production")
    people.make_check(system, kind="reach", subject="", stale_at=people.now() + timedelta(hours=1))
    assert "All is well" not in member_page.get("/").content.decode()
    assert "see everything at the moment" in member_page.get("/").content.decode()
    people.make_scan(system)
    assert "Everything works; something is being looked after" in member_page.get("/").content.decode(), "no backup is known"
