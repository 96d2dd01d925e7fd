"""Tickets: raised, answered, waiting, resolved; who is told, and who may see them."""

import plistlib
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction

from clients.support import queries
from clients.support.models import Attachment, Message, OutgoingMail, Ticket, Wait
from clients.support.services import tickets
from clients.support.services.tickets import Question
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError
from tests import people

pytestmark = pytest.mark.django_db


def told(ticket) -> set[str]:
    return set(OutgoingMail.objects.filter(ticket=ticket).values_list("to", flat=True))


def test_a_ticket_is_raised_promised_and_told_to_whoever_could_take_it(ask, operator, member):
    ticket = ask()
    assert (ticket.state, ticket.requester, ticket.messages.count()) == ("new", member, 1)
    assert ticket.answer_due_at == ticket.response_due_at > ticket.created_at
    assert told(ticket) == {operator.email}, "not to who wrote it"
    assert AuditEvent.objects.filter(action="ticket.raise", client_id=ticket.client_id).count() == 1


def test_a_conversation_opens_waits_and_is_resolved(ask, operator, member):
    ticket, ours, theirs = ask(), people.actor(operator), people.actor(member)
    tickets.answer(ticket=ticket, body="Which address?", then="waiting", actor=ours, now=people.now())
    ticket.refresh_from_db()
    assert (ticket.state, ticket.answer_due_at, ticket.responded_at is not None) == ("waiting", None, True)
    assert member.email in told(ticket)
    assert Wait.objects.get(ticket=ticket).ended_at is None
    tickets.answer(ticket=ticket, body="anna@", actor=theirs, now=people.now())
    ticket.refresh_from_db()
    assert ticket.state == "open"
    assert ticket.answer_due_at is not None, "they wait for us again"
    assert Wait.objects.get(ticket=ticket).ended_at is not None
    tickets.answer(ticket=ticket, body="It works now.", then="resolved", actor=ours, now=people.now())
    ticket.refresh_from_db()
    assert (ticket.state, ticket.resolved_at is not None) == ("resolved", True)
    tickets.rate(ticket=ticket, helped=True, words="fast!", actor=theirs, now=people.now())
    tickets.answer(ticket=ticket, body="It is back.", actor=theirs, now=people.now())
    ticket.refresh_from_db()
    assert (ticket.state, ticket.resolved_at) == ("open", None), "who writes again opens it again"


def test_notes_stay_among_us_and_mentions_reach_whom_they_name(ask, operator, member):
    ticket, colleague = ask(), people.make_operator()
    name = colleague.email.partition("@")[0]
    tickets.note(ticket=ticket, body=f"@{name} please look; @nobody-here too", actor=people.actor(operator), now=people.now())
    assert colleague.email in set(OutgoingMail.objects.filter(line__kind="note").values_list("to", flat=True))
    assert member.email not in told(ticket)
    lines = [line.message.kind for line in queries.thread(ticket, people.actor(member)).lines]
    assert lines == ["public"]
    assert not queries.ticket_list(people.actor(member), words="please look").exists(), "nor are they found by searching"
    assert queries.ticket_list(people.actor(operator), words="please look").exists()
    with pytest.raises(NotAllowed):
        tickets.note(ticket=ticket, body="x", actor=people.actor(member), now=people.now())


def test_members_see_their_own_owners_see_all_strangers_none(ask, sample_client, member, outsider):
    ticket, other = ask(), people.make_member(sample_client)
    owner = people.make_owner(sample_client)
    seen = {who.email: queries.tickets_for(people.actor(who)).filter(pk=ticket.pk).exists() for who in (member, other, owner, outsider)}
    assert seen == {member.email: True, other.email: False, owner.email: True, outsider.email: False}
    tickets.watch(ticket=ticket, person=other, on=True, actor=people.actor(owner), now=people.now())
    assert queries.tickets_for(people.actor(other)).exists()
    with pytest.raises(PortalError):
        tickets.watch(ticket=ticket, person=outsider, on=True, actor=people.actor(owner), now=people.now())


def test_for_a_colleague_without_an_account(sample_client, member):
    question = Question("Printer", "It prints nothing.", name="Karl", email="karl@client.example")
    ticket = tickets.raise_ticket(client=sample_client, question=question, actor=people.actor(member), person=None, now=people.now())
    assert (ticket.requester, ticket.requester_email) == (None, "karl@client.example")
    tickets.answer(ticket=ticket, body="Is it on?", actor=people.actor(people.make_operator()), now=people.now())
    assert "karl@client.example" in told(ticket)
    with pytest.raises(PortalError, match="for whom"):
        tickets.raise_ticket(
            client=sample_client, question=Question("x", "y"), actor=people.actor(member), person=None, now=people.now()
        )


def test_nobody_asks_at_another_client_nor_about_anothers_system(ask, sample_client, outsider):
    with pytest.raises(NotAllowed):
        tickets.raise_ticket(
            client=sample_client, question=Question("x", "y"), actor=people.actor(outsider), person=outsider, now=people.now()
        )
    with pytest.raises(PortalError, match="no such system"):
        ask(system=people.make_system())
    ticket = ask()
    with pytest.raises(IntegrityError), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(system=people.make_system())


def test_tickets_are_joined_and_parted(ask, operator):
    first, second, ours = ask(), ask("The same again"), people.actor(operator)
    tickets.merge(ticket=second, into=first, actor=ours, now=people.now())
    second.refresh_from_db()
    assert (second.state, second.merged_into, first.messages.filter(kind="public").count()) == ("merged", first, 2)
    with pytest.raises(PortalError):
        tickets.answer(ticket=second, body="x", actor=ours, now=people.now())
    with pytest.raises(PortalError):
        tickets.merge(ticket=first, into=second, actor=ours, now=people.now())
    line = first.messages.filter(kind="public").latest("pk")
    made = tickets.split(message=line, subject="Another question", actor=ours, now=people.now())
    assert made.messages.filter(kind="public").get().pk == line.pk
    assert made.created_at == line.created_at
    with pytest.raises(PortalError, match="first message"):
        tickets.split(message=first.messages.earliest("pk"), subject="x", actor=ours, now=people.now())


def test_the_database_holds_states_threads_and_promises(ask):
    ticket = ask()
    for values in ({"state": "resolved"}, {"state": "odd"}, {"merged_into": ticket}, {"response_h": "9"}, {"helped": True}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Ticket.objects.filter(pk=ticket.pk).update(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.filter(ticket=ticket).update(body="something else")
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.filter(ticket=ticket).delete()
    Ticket.objects.filter(pk=ticket.pk).update(state="resolved", resolved_at=people.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(state="waiting", resolved_at=None)


def test_files_are_kept_handed_out_as_files_and_refused_with_words(ask, member_page, outsider_page, ticket_form):
    answer = member_page.post(
        ticket_form.address,
        ticket_form.values | {"upload": SimpleUploadedFile("screen.html", b"<script>alert(1)</script>", "text/html")},
    )
    assert answer.status_code == 303, answer.content.decode()[-2000:]
    file = Attachment.objects.get()
    address = f"/tickets/{Ticket.objects.get().pk}/files/{file.pk}/"
    got = member_page.get(address)
    assert got["Content-Type"] == "application/octet-stream"
    assert got["Content-Disposition"].startswith("attachment")
    assert outsider_page.get(address).status_code == 404
    for name, content, words in (
        ("virus.exe", b"MZ", "programs are not taken"),
        ("big.bin", b"x" * (10 * 1024 * 1024 + 1), "larger than 10 MB"),
    ):
        refused = member_page.post(ticket_form.address, ticket_form.values | {"upload": SimpleUploadedFile(name, content)})
        assert refused.status_code == 422
        assert words in refused.content.decode()
        assert "Nothing comes in" in refused.content.decode(), "what was written is not lost"
    assert Ticket.objects.count() == 1


@pytest.fixture
def ticket_form(sample_client, member):
    values = {"form": "question", "subject": "Mail", "body": "Nothing comes in", "priority": "normal", "person": member.pk}
    return SimpleNamespace(address=f"/tickets/new/{sample_client.pk}/", values=values)


def test_pages_raise_answer_resolve_and_rate(member_page, operator_page, ticket_form):
    assert member_page.get("/tickets/new/").status_code == 303
    page = member_page.get(ticket_form.address).content.decode()
    assert "you have an answer until" in page
    member_page.post(ticket_form.address, ticket_form.values)
    ticket = Ticket.objects.get()
    address = f"/tickets/{ticket.pk}/"
    assert "Nothing comes in" in operator_page.get(address).content.decode()
    operator_page.post(f"{address}answer/", {"body": "secret thought", "then": "note"})
    operator_page.post(f"{address}answer/", {"body": "We look.", "then": ""})
    shown = member_page.get(address).content.decode()
    assert "We look." in shown
    assert "secret thought" not in shown
    assert member_page.post(f"{address}answer/", {"body": " "}).status_code == 422
    member_page.post(f"{address}resolve/")
    member_page.post(f"{address}rate/", {"helped": "yes"})
    ticket.refresh_from_db()
    assert (ticket.state, ticket.helped) == ("resolved", True)
    assert f"#{ticket.pk}" in member_page.get("/tickets/?state=").content.decode()
    assert f"#{ticket.pk}" in operator_page.get("/tickets/?words=comes&state=").content.decode()


def test_operators_give_sort_join_link_and_note_hours(ask, operator, operator_page, system):
    ticket, other, incident = ask(), ask("another"), people.make_incident(system)
    address = f"/tickets/{ticket.pk}/"
    operator_page.post(f"{address}change/", {"person": operator.pk})
    operator_page.post(f"{address}change/", {"priority": "high"})
    operator_page.post(f"{address}link/", {"kind": "incident", "number": incident.pk})
    assert operator_page.post(f"{address}link/", {"kind": "incident", "number": "999999"}).status_code == 422
    operator_page.post(f"{address}hours/", {"hours": "0.5", "words": "looked", "spent_on": people.now().date()})
    operator_page.post(f"{address}hours/", {"timer": "start"})
    assert operator_page.post(f"/tickets/{other.pk}/hours/", {"timer": "start"}).status_code == 422, "one clock for each person"
    operator_page.post(f"{address}hours/", {"timer": "stop"})
    ticket.refresh_from_db()
    assert (ticket.assigned_to, ticket.priority, ticket.links.get().target_id) == (operator, "high", incident.pk)
    assert [str(entry.hours) for entry in ticket.time_entries.order_by("pk")] == ["0.50", "0.08"]
    page = operator_page.get(address).content.decode()
    assert "Normal → Hinders work" in page
    assert f"{operator.name} takes care of it." in page
    assert operator_page.post(f"{address}change/", {"into": f"#{other.pk}"}).status_code == 303
    assert operator_page.post(f"{address}change/", {"into": "#1"}).status_code == 422


def test_a_promise_is_warned_of_once_and_a_broken_one_is_kept(ask, operator):
    from clients.support.services import watching

    ticket = ask(now=people.now() - timedelta(days=10))
    OutgoingMail.objects.all().delete()
    assert (watching.watch_promises(now=people.now()), watching.watch_promises(now=people.now())) == (1, 0)
    assert OutgoingMail.objects.get().to == operator.email
    ticket.refresh_from_db()
    assert ticket.broken_at == ticket.response_due_at
    tickets.answer(ticket=ticket, body="Sorry.", actor=people.actor(operator), now=people.now())
    ticket.refresh_from_db()
    assert ticket.broken_at == ticket.response_due_at, "an answer that came too late does not mend it"


def test_a_mail_profile_is_an_answer_with_the_clients_own_server_and_no_password(ask, operator_page, sample_client, member):
    ticket = ask(form="mail_device")
    address = f"/tickets/{ticket.pk}/profile/"
    assert operator_page.post(address).status_code == 422, "no mail server is known"
    people.make_system(sample_client, address="mail.client.example", environment="production", roles=["mail"])
    assert operator_page.post(address).status_code == 303
    made = plistlib.loads(bytes(Attachment.objects.get().content))
    (account,) = made["PayloadContent"]
    assert (account["EmailAddress"], account["IncomingMailServerHostName"]) == (member.email, "mail.client.example")
    assert not [name for name in account if name.endswith("Password") and name != "OutgoingPasswordSameAsIncomingPassword"]
    assert AuditEvent.objects.filter(action="ticket.profile").count() == 1


def test_a_new_password_is_asked_for_by_operators_on_systems_that_we_manage(ask, operator_page, member_page, system):
    ticket = ask(form="password")
    address = f"/tickets/{ticket.pk}/password/"
    assert member_page.post(address, {"system": system.pk, "account": "anna"}).status_code == 403
    assert operator_page.post(address, {"system": system.pk, "account": "a;reboot"}).status_code == 422
    assert operator_page.post(address, {"system": people.make_system().pk, "account": "anna"}).status_code == 422, "another client's"
    assert operator_page.post(address, {"system": system.pk, "account": "anna"}).status_code == 303
    assert "Asked for" in operator_page.get(f"/tickets/{ticket.pk}/").content.decode()
    action = ticket.actions.get()
    assert action.credential.username == "anna"
    for values in ({"state": "odd"}, {"state": "done"}, {"client": people.make_client()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            type(action).objects.update(**values)
    type(system).objects.filter(pk=system.pk).update(access="read_only")
    assert operator_page.post(address, {"system": system.pk, "account": "karl"}).status_code == 422
