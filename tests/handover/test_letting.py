"""Letting go, as far as rows tell it; that sshd refuses us is shown on real hosts (tests/hosts/test_handover.py)."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError

from clients.models import Client
from handover.errors import Blocked
from handover.models import LettingGo, LettingStep
from handover.services import erasing, letting
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError
from portal.vault import services as vault
from portal.vault.models import Credential
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def planned(handed, lead):
    vault.store(client_id=handed.pk, kind="api_token", label="Registrar", secret=b"abcdefgh", actor=people.TESTER, now=people.now())
    return letting.plan(client=handed, actor=people.actor(lead), now=people.now())


def test_a_dry_run_names_everything_and_changes_nothing(planned, handed, lead):
    kinds = sorted(LettingStep.objects.values_list("kind", flat=True))
    assert kinds == ["credential", "schedules", "system"]
    assert LettingStep.objects.get(kind="credential").plan
    again = letting.plan(client=handed, actor=people.actor(lead), now=people.now())
    assert LettingGo.objects.get() == again
    assert Client.objects.get(pk=handed.pk).ended_at is None


def test_it_takes_who_may_approve_and_the_clients_name(planned, operator, lead, handed):
    with pytest.raises(NotAllowed):
        letting.begin(letting=planned, confirmation=handed.name, actor=people.actor(operator), now=people.now())
    with pytest.raises(PortalError, match="name"):
        letting.begin(letting=planned, confirmation="another", actor=people.actor(lead), now=people.now())
    letting.begin(letting=planned, confirmation=handed.name, actor=people.actor(lead), now=people.now())
    with pytest.raises(PortalError, match="under way"):
        letting.begin(letting=planned, confirmation=handed.name, actor=people.actor(lead), now=people.now())


@pytest.fixture
def begun(planned, lead, handed):
    letting.begin(letting=planned, confirmation=handed.name, actor=people.actor(lead), now=people.now())
    planned.refresh_from_db()
    return planned


def test_the_owner_says_what_they_changed_and_nobody_else(begun, owner_page, member_page, operator_page, outsider_page):
    step = LettingStep.objects.get(kind="credential")
    address = f"/handover/steps/{step.pk}/changed/"
    for page, status in ((member_page, 403), (operator_page, 403), (outsider_page, 403), (owner_page, 303)):
        assert page.post(address).status_code == status
    step.refresh_from_db()
    assert step.state == "stated", "a token at a registrar is nothing that we can try"


def test_systems_wait_until_every_credential_is_changed(begun, owner):
    system = LettingStep.objects.get(kind="system")
    letting.execute(step_id=system.pk, now=people.now())
    system.refresh_from_db()
    assert (system.state, system.sent_at) == ("waiting", None)


def test_stopped_nothing_is_sent_and_it_goes_on(begun, lead, handed, owner):
    letting.stop(letting=begun, why="not today", actor=people.actor(lead), now=people.now())
    system = LettingStep.objects.get(kind="system")
    letting.execute(step_id=system.pk, now=people.now())
    assert LettingStep.objects.get(pk=system.pk).sent_at is None
    assert letting.sweep(now=people.now()) == 0
    begun.refresh_from_db()
    letting.begin(letting=begun, confirmation=handed.name, actor=people.actor(lead), now=people.now())
    assert letting.sweep(now=people.now()) == 1


def test_nothing_is_ended_while_something_is_open(begun, lead, operator):
    with pytest.raises(Blocked, match="open"):
        letting.finish(letting=begun, actor=people.actor(lead), now=people.now())
    step = LettingStep.objects.get(kind="credential")
    with pytest.raises(NotAllowed):
        letting.leave_unproven(step=step, why="x", actor=people.actor(operator), now=people.now())
    with pytest.raises(PortalError, match="why"):
        letting.leave_unproven(step=step, why=" ", actor=people.actor(lead), now=people.now())


def let_go(begun, lead):
    for step in LettingStep.objects.filter(letting=begun, kind__in=["credential", "system"]):
        letting.leave_unproven(step=step, why="the host is gone", actor=people.actor(lead), now=people.now())
    letting.finish(letting=begun, actor=people.actor(lead), now=people.now())


def test_what_could_not_be_proven_is_listed(begun, lead, handed, operator_page):
    let_go(begun, lead)
    begun.refresh_from_db()
    assert begun.state == "done"
    assert "the host is gone" in operator_page.get(f"/clients/{handed.pk}/handover/letting-go/").content.decode()
    assert Client.objects.get(pk=handed.pk).ended_at is not None
    assert Credential.objects.get(client=handed, kind="ssh_key", system=None).archived_at is not None


def test_the_database_holds_what_is_proven(begun):
    step = LettingStep.objects.get(kind="system")
    with pytest.raises(IntegrityError, match="a_proof_has_evidence"):
        LettingStep.objects.filter(pk=step.pk).update(state="proven", proven_at=people.now())


def test_what_is_proven_stays_proven(begun):
    step = LettingStep.objects.get(kind="system")
    LettingStep.objects.filter(pk=step.pk).update(state="proven", proven_at=people.now(), evidence=["x"])
    with pytest.raises(IntegrityError, match="stands"):
        LettingStep.objects.filter(pk=step.pk).update(state="waiting")


def test_another_workers_step_is_left_to_it(begun):
    step = LettingStep.objects.get(kind="system")
    now = people.now()
    LettingStep.objects.filter(pk=step.pk).update(claimed_until=now + timedelta(minutes=1))
    letting.execute(step_id=step.pk, now=now)
    assert LettingStep.objects.get(pk=step.pk).claimed_until == now + timedelta(minutes=1)


def test_a_client_that_was_not_let_go_of_is_not_erased(handed):
    with pytest.raises(Blocked):
        erasing.demand_let_go(handed)
    assert erasing.left_of(handed.pk)


@pytest.mark.django_db(transaction=True)
def test_what_is_not_kept_is_erased_and_a_command_shows_it(handed, lead, system, member, capsys):
    """As the owner of the tables, like `manage.py migrate`: the portal's own role could not."""
    from clients.support.services import tickets
    from clients.support.services.tickets import Question
    from tests.conftest import owner_connection

    row = tickets.raise_ticket(client=handed, question=Question("x", "y"), actor=people.actor(member), person=member, now=people.now())
    people.make_restore_test(people.make_backup(system), "pass")
    people.make_scan(system)
    planned = letting.plan(client=handed, actor=people.actor(lead), now=people.now())
    letting.begin(letting=planned, confirmation=handed.name, actor=people.actor(lead), now=people.now())
    planned.refresh_from_db()
    let_go(planned, lead)
    other = people.make_system()
    events = AuditEvent.objects.filter(client=handed).count()
    with as_owner():
        with pytest.raises(CommandError, match="would be erased"):
            call_command("erase_client", handed.slug)
        call_command("erase_client", handed.slug, "--yes")
        call_command("erase_client", handed.slug)
    assert "Nothing else of this client is left" in capsys.readouterr().out
    assert erasing.left_of(handed.pk) == {}
    assert AuditEvent.objects.filter(client=handed).count() == events + 1
    assert type(other).objects.filter(pk=other.pk).exists(), "of nobody else anything is gone"
    assert not type(row).objects.exists()
    with owner_connection() as connection:
        off = connection.execute("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'D'").fetchone()
    assert off == (0,), "every rule is in force again"


def as_owner():
    """The test database as its owner, as DATABASE_OWNER_URL gives it."""
    import contextlib

    from django.db import connection

    @contextlib.contextmanager
    def work():
        settings = connection.settings_dict
        before = {name: settings[name] for name in ("USER", "PASSWORD", "OWNER_AT_WORK")}
        connection.close()
        settings.update({**settings["OWNER"], "OWNER_AT_WORK": True})
        try:
            yield
        finally:
            connection.close()
            settings.update(before)

    return work()


def test_we_stand_by_for_as_long_as_was_agreed(begun, lead, handed, member, owner):
    from clients.support.services import tickets
    from clients.support.services.tickets import Question
    from handover.services import plan

    goal = people.now().date() + timedelta(days=30)
    plan.begin(client=handed, goal_on=goal, stand_by_days=20, actor=people.actor(lead), now=people.now())
    let_go(begun, lead)
    client = Client.objects.get(pk=handed.pk)

    def ask(now):
        return tickets.raise_ticket(client=client, question=Question("x", "y"), actor=people.actor(member), person=member, now=now)

    assert ask(people.now() + timedelta(days=19)).pk
    with pytest.raises(PortalError, match="ended"):
        ask(people.now() + timedelta(days=21))
    assert people.signed_in(member).get(f"/tickets/new/{client.pk}/").status_code == 200
