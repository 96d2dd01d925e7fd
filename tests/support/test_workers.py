"""Tasks of support that die midway, or run twice: nothing is lost, nothing is done twice."""

import pytest

from clients.support.models import OutgoingMail, Ticket
from clients.support.services import diagnosis, sending, tickets, watching
from portal.reports import services as reports
from tests import people

pytestmark = pytest.mark.django_db


def test_a_worker_that_died_before_it_sent_delays_a_mail_by_a_minute(ask, operator, mailoutbox):
    ask()
    now = people.now()
    assert len(sending._claim(now)) == OutgoingMail.objects.count() == 1
    assert sending.send_due(now=now) == 0
    assert sending.send_due(now=now + sending.AGAIN[0]) == 1
    assert sending.send_due(now=now + sending.AGAIN[0]) == 0
    assert len(mailoutbox) == 1


def test_a_mail_that_never_goes_is_given_up_and_seen(ask, operator, operator_page, settings):
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1", 1
    ask()
    now = people.now()
    for again in (*sending.AGAIN, sending.AGAIN[-1]):
        sending.send_due(now=now)
        now += again
    assert OutgoingMail.objects.get().state == "failed"
    assert operator.email in operator_page.get("/tickets/mail/").content.decode()


def test_a_worker_that_died_while_it_looked_is_followed_by_another(ask):
    ticket = ask(form="password")
    now = people.now()
    assert diagnosis._claim(now) == [ticket.pk]
    assert diagnosis.diagnose_due(now=now) == 0
    assert diagnosis.diagnose_due(now=now + diagnosis.LEASE) == 1
    diagnosis.diagnose(ticket.pk, now=now)
    assert ticket.messages.filter(kind="diagnosis").count() == 1, "told once, whoever looked twice"
    assert "not known which system" in ticket.messages.get(kind="diagnosis").body


def test_warnings_and_reports_of_two_workers_are_one(ask, sample_client):
    ticket = ask()
    Ticket.objects.filter(pk=ticket.pk).update(warned_at=None, answer_due_at=people.now())
    stale = Ticket.objects.get(pk=ticket.pk)
    assert watching._warn(stale, now=people.now())
    assert not watching._warn(stale, now=people.now()), "another worker did"
    first = reports.make(client=sample_client, month=people.now().date(), actor=people.TESTER, now=people.now())
    second = reports.make(client=sample_client, month=people.now().date(), actor=people.TESTER, now=people.now())
    assert first.pk == second.pk


def test_a_line_of_a_thread_reaches_a_person_once(ask, operator):
    from clients.support.services import telling

    ticket = ask()
    line = ticket.messages.get()
    telling.tell_of_message(ticket, line, now=people.now())
    assert OutgoingMail.objects.filter(line=line, to=operator.email).count() == 1
    tickets.answer(ticket=ticket, body="x", actor=people.actor(operator), now=people.now())
    assert not OutgoingMail.objects.filter(line=ticket.messages.latest("pk"), to=operator.email).exists(), (
        "nobody is told of their own words"
    )
