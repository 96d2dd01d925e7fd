"""Scans become pending updates, pending updates get decisions, and decisions are kept for ever."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from maintenance.choices import RunState, Verdict
from maintenance.errors import NothingToApply, ReasonMissing
from maintenance.models import Decision, PendingUpdate, UpdateRun
from maintenance.parsers.values import Upgrade
from maintenance.services import offers
from maintenance.services.decisions import UpdateKey, decide
from portal.errors import NotAllowed, PortalError
from tests import people


def offer(candidate="1.1", *, security=True, obstacle=""):
    return Upgrade("openssl", "amd64", "1.0", candidate, "Debian-Security:12/oldstable-security", security, obstacle)


def sync(system, *upgrades, at=None):
    offers.sync_updates(system=system, upgrades=upgrades, packages=(), new_sources={}, now=at or people.now())


def test_a_candidate_that_moves_loses_its_decision_but_not_its_due_time(system, operator):
    began = people.now() - timedelta(days=3)
    sync(system, offer(), at=began)
    key = UpdateKey("openssl", "1.1")
    decide(keys=[key], kind="apply", actor=people.actor(operator), now=people.now())
    sync(system, offer("1.2", security=False))
    row = PendingUpdate.objects.get(system=system, gone_at=None)
    assert (row.candidate_version, row.decision, row.pending_since) == ("1.2", None, began)
    # a candidate over an unapplied security fix still carries that fix
    assert row.is_security is True
    assert row.due_at == began + timedelta(days=7)
    assert Decision.objects.count() == 1


def test_what_a_scan_no_longer_finds_is_gone_and_the_same_scan_twice_changes_nothing(system):
    sync(system, offer())
    first = PendingUpdate.objects.values().get()
    sync(system, offer())
    assert PendingUpdate.objects.values().get() == first
    sync(system)
    assert not PendingUpdate.objects.filter(gone_at=None).exists()


def test_deferring_needs_a_reason_and_a_future_date(system, operator):
    people.make_update(system)
    actor, keys = people.actor(operator), [UpdateKey("openssl", "1.1")]
    with pytest.raises(ReasonMissing):
        decide(keys=keys, kind="defer", defer_until=people.now() + timedelta(days=1), actor=actor, now=people.now())
    with pytest.raises(ReasonMissing):
        decide(keys=keys, kind="reject", reason="  ", actor=actor, now=people.now())
    with pytest.raises(PortalError):
        decide(keys=keys, kind="defer", reason="vendor", defer_until=people.now(), actor=actor, now=people.now())
    with pytest.raises(NothingToApply):
        decide(keys=[UpdateKey("openssl", "9")], kind="apply", actor=actor, now=people.now())
    assert not Decision.objects.exists()


def test_a_client_user_can_not_decide(system, member):
    people.make_update(system)
    with pytest.raises(NotAllowed):
        decide(keys=[UpdateKey("openssl", "1.1")], kind="apply", actor=people.actor(member), now=people.now())


@pytest.mark.parametrize("change", ["update", "delete"])
def test_decisions_and_the_audit_trail_can_not_be_changed(system, operator, change):
    from portal.audit.models import AuditEvent

    people.make_update(system)
    decide(keys=[UpdateKey("openssl", "1.1")], kind="apply", actor=people.actor(operator), now=people.now())
    for rows in (Decision.objects.all(), AuditEvent.objects.all()):
        assert rows.exists()
        # by privilege; the trigger behind it is tried as the owner in tests/security/test_audit.py
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            rows.update(actor_label="somebody else") if change == "update" else rows._raw_delete(rows.db)


def test_the_database_holds_the_rules_of_runs(system):
    run = UpdateRun.objects.create(client=system.client, system=system, created_at=people.now(), actor_label="x")
    rows = UpdateRun.objects.filter(pk=run.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        UpdateRun.objects.create(client=system.client, system=system, created_at=people.now(), actor_label="y")
    finished = {"state": RunState.FINISHED, "finished_at": people.now()}
    for broken in (
        {"state": "nonsense"},
        {"state": RunState.FINISHED},
        {"verdict": Verdict.FAILED},
        finished | {"verdict": Verdict.VERIFIED},
        finished | {"verdict": Verdict.VERIFIED, "exit_status": 100, "ended_on_host_at": people.now()},
        finished | {"verdict": Verdict.VERIFIED, "exit_status": 0, "audit": "half", "ended_on_host_at": people.now()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            rows.update(**broken)
    assert rows.update(**finished, verdict=Verdict.VERIFIED, exit_status=0, ended_on_host_at=people.now()) == 1
