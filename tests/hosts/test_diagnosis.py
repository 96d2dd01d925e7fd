"""Tickets that arrive diagnosed: read on a real host, where nothing is changed by it."""

from datetime import timedelta

import pytest

from clients.support.models import Ticket
from clients.support.services import diagnosis, guided, tickets
from clients.support.services.tickets import Question
from portal.audit.models import AuditEvent
from portal.errors import PortalError
from portal.vault import services as vault
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


def test_a_new_password_is_set_once_verified_and_nowhere_in_the_clear(machine):
    system = set_up(machine)
    machine.run("useradd -m anna; echo anna:old | chpasswd; useradd -r robot")
    member, operator = people.make_member(system.client), people.make_operator()
    ticket = tickets.raise_ticket(
        client=system.client, question=Question("x", "y", form="password", system=system), actor=people.actor(member), person=member,
        now=people.now(),
    )  # fmt: skip
    action = guided.ask_for_password(ticket=ticket, system=system, account="anna", actor=people.actor(operator), now=people.now())
    with pytest.raises(PortalError, match="on its way"):
        guided.ask_for_password(ticket=ticket, system=system, account="anna", actor=people.actor(operator), now=people.now())
    assert (guided.act_on_due(now=people.now()), guided.act_on_due(now=people.now())) == (1, 0)
    action.refresh_from_db()
    assert action.state == "done", action.words
    password = vault.open_for_use(action.credential).decode()
    check = 'my $hash = (getpwnam("anna"))[1]; print crypt(<STDIN> =~ s/\\n//r, $hash) eq $hash ? "fits" : "no"'
    assert machine.run(f"perl -e '{check}'", stdin=password) == "fits"
    assert "must be changed" in machine.run("LC_ALL=C chage -l anna")
    for told in (*AuditEvent.objects.values_list("details", flat=True), *ticket.messages.values_list("body", flat=True)):
        assert password not in str(told)
    assert password not in machine.run("journalctl --no-pager; cat /var/log/*.log 2>/dev/null || true")
    for account, why in (("robot", "not a person"), ("root", "not a person"), ("nobody-here", "no account")):
        refused = guided.ask_for_password(ticket=ticket, system=system, account=account, actor=people.actor(operator), now=people.now())
        guided.act_on_due(now=people.now())
        refused.refresh_from_db()
        assert (refused.state, why in refused.words) == ("failed", True), refused.words


def test_what_a_dead_worker_left_is_unknown_and_not_done_again(machine):
    system = set_up(machine)
    member = people.make_member(system.client)
    ticket = tickets.raise_ticket(
        client=system.client, question=Question("x", "y"), actor=people.actor(member), person=member, now=people.now()
    )
    action = guided.ask_for_password(ticket=ticket, system=system, account="anna", actor=people.TESTER, now=people.now())
    type(action).objects.update(state="running", started_at=people.now())
    assert guided.act_on_due(now=people.now()) == 0
    assert guided.act_on_due(now=people.now() + guided.DEAD_AFTER + timedelta(seconds=1)) == 0
    action.refresh_from_db()
    assert (action.state, "worker died" in action.words) == ("unknown", True)
