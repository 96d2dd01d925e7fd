"""Every pending update has exactly one explained reason why it waits, and none is "other"."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.choices import Access, Connection
from maintenance.choices import OPEN_ROLLOUT_STATES, DecisionKind, Ended, Obstacle, ScanState, Verdict, Waiting
from maintenance.models import RunPackage, UpdateRun
from maintenance.services.decisions import UpdateKey, decide
from maintenance.services.waiting import Facts, explain, reason_of
from tests import people

NOW = datetime(2026, 11, 23, tzinfo=UTC)
READY = Facts(
    ended=False, gone=False, end="", effective=False, held_up_by="", connection=Connection.OK, connection_message="", scan_state=ScanState.FRESH, scan_reason="", obstacle="",
    access=Access.MANAGE, manager="apt", run_open=False, last_verdict="", decision=DecisionKind.APPLY, decision_reason="",
    deferred_until=None, unverified=False, rollout="", rollout_waits_for="", conflicts=(),
)  # fmt: skip
LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, "start"), ({"gone": True}, "not_pending"), ({"ended": True}, "ended"), ({"run_open": True}, "running"),
        ({"connection": "unreachable"}, "host"), ({"connection": "unknown"}, "host"), ({"scan_state": "stale"}, "source"),
        ({"scan_state": ""}, "source"), ({"obstacle": "held"}, "held"), ({"obstacle": "phased"}, "phased"),
        ({"obstacle": "kept_back"}, "kept_back"), ({"access": "read_only"}, "read_only"), ({"manager": "dnf"}, "read_only"),
        ({"decision": "reject"}, "rejected"), ({"decision": "defer", "deferred_until": LATER}, "deferred"),
        ({"decision": "defer", "deferred_until": EARLIER}, "triage"), ({"decision": ""}, "triage"), ({"last_verdict": "failed"}, "failed"),
        ({"last_verdict": "unknown"}, "failed"), ({"unverified": True}, "staging"), ({"last_verdict": "verified"}, "start"),
        ({"obstacle": "pinned"}, "pinned"), ({"gone": True, "end": "installed"}, "restart"),
        ({"gone": True, "end": "installed", "effective": True}, "not_pending"), ({"gone": True, "end": "withdrawn"}, "withdrawn"),
        ({"gone": True, "end": "superseded"}, "not_pending"), ({"rollout": "approval"}, "approval"),
        ({"rollout": "approval", "conflicts": ("/etc/x.conf",)}, "conflict"), ({"rollout": "scheduled"}, "window"),
        ({"scan_state": "stale", "scan_reason": "W: GPG error: … EXPKEYSIG 1234"}, "key"),
        ({"decision": "", "third_party": "Badly:lab"}, "third_party"), ({"third_party": "Badly:lab"}, "start"),
        ({"rollout": "soaking"}, "staging"), ({"rollout": "production"}, "rollout"), ({"rollout": "planning"}, "rollout"),
    ],
)  # fmt: skip
def test_each_reason(change, why):
    assert explain(replace(READY, **change), now=NOW).why == why


def test_every_reason_is_given_by_something():
    source = test_each_reason.pytestmark[0].args[1]
    assert {why for _, why in source} == set(Waiting.values)


FACTS = st.builds(
    Facts, ended=st.booleans(), gone=st.booleans(), end=st.sampled_from(Ended.values), effective=st.booleans(), held_up_by=st.just(""),
    rollout=st.sampled_from(["", *OPEN_ROLLOUT_STATES]), rollout_waits_for=st.just(""), conflicts=st.just(()), connection=st.sampled_from(Connection.values), connection_message=st.text(max_size=5),
    scan_state=st.sampled_from(["", *ScanState.values]), scan_reason=st.text(max_size=5), obstacle=st.sampled_from(Obstacle.values),
    access=st.sampled_from(Access.values), manager=st.sampled_from(["", "apt", "dnf"]), run_open=st.booleans(),
    last_verdict=st.sampled_from(["", *Verdict.values]), decision=st.sampled_from(["", *DecisionKind.values]),
    decision_reason=st.text(max_size=5), deferred_until=st.none() | st.sampled_from([LATER, EARLIER]), unverified=st.booleans(),
)  # fmt: skip


@given(FACTS)
def test_whatever_is_known_there_is_one_reason_in_words(facts):
    reason = explain(facts, now=NOW)
    assert reason.why in Waiting.values
    assert reason.words.endswith(".") or facts.decision_reason or facts.connection_message or facts.scan_reason
    # an update is called ready only where nothing at all stands in the way
    if reason.why == Waiting.START:
        assert facts.connection == Connection.OK
        assert facts.scan_state == ScanState.FRESH
        assert facts.decision == DecisionKind.APPLY
        assert not facts.unverified


def test_the_page_of_an_update_follows_it_through_its_life(operator, operator_page, sample_client):
    twin = people.make_system(sample_client, environment="staging")
    system = people.make_system(sample_client, environment="production", staging_twin=twin)
    update = people.make_update(system)

    def why() -> str:
        update.refresh_from_db()
        system.refresh_from_db()
        update.system = system
        return reason_of(update, now=people.now()).why

    assert why() == "host"
    type(system).objects.update(connection=Connection.OK, package_manager="apt")
    assert why() == "source"
    people.make_scan(system)
    assert why() == "triage"
    decide(keys=[UpdateKey("openssl", "1.1")], kind="apply", actor=people.actor(operator), now=people.now())
    assert why() == "staging"
    assert "Waiting for staging" in operator_page.get(f"/updates/{update.pk}/").content.decode()
    run = UpdateRun.objects.create(client=sample_client, system=twin, created_at=people.now(), actor_label="x")
    RunPackage.objects.create(
        client=sample_client, run=run, package="openssl", architecture="amd64", from_version="1.0", to_version="1.1"
    )
    UpdateRun.objects.update(
        state="finished", verdict="verified", finished_at=people.now(), exit_status=0, ended_on_host_at=people.now()
    )
    assert why() == "start"
    rollout = people.make_rollout(system)
    rollout.targets.get().changes.create(
        client=sample_client, update=update, package="openssl", architecture="amd64", from_version="1.0", to_version="1.1"
    )
    assert why() == "staging"
    for state in ("soaking", "planning"):
        type(rollout).objects.update(state=state)
    type(rollout).objects.update(state="approval", plan_hash="0" * 64, planned_at=people.now())
    assert why() == "approval"
    type(rollout).objects.update(state="cancelled", finished_at=people.now(), stop_reason="x")
    type(update).objects.update(
        gone_at=people.now(), ended="installed", installed_at=people.now(), held_up_by="Still running the old: nginx.service"
    )
    assert why() == "restart"
    type(update).objects.update(effective_at=people.now())
    assert why() == "not_pending"
