"""Tickets that arrive diagnosed: read on a real host, where nothing is changed by it."""

import pytest

from clients.support.models import Ticket
from clients.support.services import diagnosis, tickets
from clients.support.services.tickets import Question
from portal.audit.models import AuditEvent
from tests import people
from tests.hosts.conftest import set_up

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


def asked(system, form: str, what: str) -> str:
    """What is found out about a question, within the ticket."""
    member = people.make_member(system.client)
    question = Question("x", "y", form=form, system=system, about={"what": what})
    ticket = tickets.raise_ticket(client=system.client, question=question, actor=people.actor(member), person=member, now=people.now())
    assert diagnosis.diagnose_due(now=people.now()) == 1
    assert diagnosis.diagnose_due(now=people.now()) == 0, "once"
    assert not Ticket.objects.get(pk=ticket.pk).messages.filter(kind="public", is_ours=True).exists(), "the client is told by a person"
    return ticket.messages.get(kind="diagnosis").body


def test_everyday_questions_are_answered_by_reading(machine):
    system = set_up(machine)
    machine.run(
        "useradd -m anna; echo anna:x | chpasswd; chage -d 2026-01-01 -M 30 anna; useradd -m karl; usermod -L karl;"
        "mkdir -p /srv/data/secret && chmod 750 /srv/data/secret && echo x >/srv/data/secret/plan.txt && chmod 644 /srv/data/secret/plan.txt"
    )
    before = machine.run("find /srv /home /etc -newer /etc/hostname -type f | sort | xargs -r sha256sum")
    said = asked(system, "password", "anna")
    assert said.splitlines()[1] == "- The password expired on 31 January 2026.", said
    assert "locked" in asked(system, "password", "karl")
    assert "no account “nobody-here”" in asked(system, "password", "nobody-here")
    said = asked(system, "permission", "anna /srv/data/secret/plan.txt")
    assert "may not enter “/srv/data/secret”" in said, said
    assert "does not exist" in asked(system, "permission", "anna /srv/data/gone/x")
    assert "Nothing answers on port 993" in asked(system, "mail_device", "anna")
    assert machine.run("find /srv /home /etc -newer /etc/hostname -type f | sort | xargs -r sha256sum") == before, "no probe writes"
    assert AuditEvent.objects.filter(
        action="host.commands", client_id=system.client_id, details__purpose__startswith="look into ticket"
    ).exists()


def test_what_could_not_be_looked_at_is_said(machine):
    system = set_up(machine)
    machine.unplug()
    said = asked(system, "password", "anna")
    machine.plug()
    assert "could not be asked" in said


def test_hostile_words_are_words(machine):
    system = set_up(machine)
    said = asked(system, "permission", "anna /srv/$(touch${IFS}/tmp/owned);`touch${IFS}/tmp/owned`")
    assert "touch" in said
    assert "owned" not in machine.run("ls /tmp")
