"""Snapshots before changes: who says so, what a plan signs, and what the database lets pass."""

import pytest
from django.db import IntegrityError, transaction

from clients.choices import Access
from maintenance.choices import RunKind
from maintenance.errors import CanNotChange
from maintenance.models import RolloutTarget, SnapshotPolicy, UpdateRun
from maintenance.services import plans, rollouts, snapshots
from portal.errors import NotAllowed, PortalError, constraint_name
from portal.ssh.detached import HostSnapshots, UnexpectedStatus, parse_snapshots
from tests import people

pytestmark = pytest.mark.django_db


def test_a_policy_is_set_within_bounds_and_on_the_trail(system):
    row = snapshots.set_policy(system=system, wish="must", keep_days=5, actor=people.TESTER, now=people.now())
    assert (row.wish, row.keep_days) == ("must", 5)
    assert snapshots.wish_for(system, RunKind.APPLY, None) == ("must", 5)
    assert snapshots.wish_for(system, RunKind.REBOOT, None) == ("", 0)
    for wish, days in (("always", 5), ("must", 0), ("must", 61)):
        with pytest.raises(PortalError, match="between 1 and 60"):
            snapshots.set_policy(system=system, wish=wish, keep_days=days, actor=people.TESTER, now=people.now())
    with pytest.raises(NotAllowed):
        snapshots.set_policy(
            system=system, wish="", keep_days=5, actor=people.actor(people.make_member(system.client)), now=people.now()
        )
    snapshots.set_policy(system=system, wish="", keep_days=5, actor=people.TESTER, now=people.now())
    assert SnapshotPolicy.objects.get().wish == ""
    assert snapshots.wish_for(system, RunKind.APPLY, None) == ("", 0)
    reader = people.make_system(system.client, name="reader", access=Access.READ_ONLY)
    with pytest.raises(CanNotChange):
        snapshots.set_policy(system=reader, wish="may", keep_days=5, actor=people.TESTER, now=people.now())


def test_what_the_host_says_is_read_strictly():
    run = "00000000-0000-0000-0000-000000000001"
    answer = parse_snapshots(f"offer=none\t/var lies elsewhere\nkept={run}\tbtrfs\t1700000000\t7\tlost\ntrouble={run}\tbusy\n")
    assert (answer.offer, answer.reason, answer.kept[0].lost) == ("", "/var lies elsewhere", True)
    assert "could not be removed: busy" in answer.trouble[0]
    assert parse_snapshots("offer=zfs\n") == HostSnapshots("zfs", "", ())
    for text in ("offer", "offer=none\n", f"kept={run}\tbtrfs\n", "kept=x\ty\tz\t1\tthere\n", "sudo: a word\n"):
        with pytest.raises(UnexpectedStatus):
            parse_snapshots(text)


def constraint_of(refused) -> str:
    return constraint_name(refused.value)


@pytest.fixture
def approved(sample_client):
    """A production system's target in a rollout that was approved, planned to begin with a snapshot."""
    system = people.make_system(sample_client, environment="production")
    rollout = people.make_rollout(system)
    target = rollout.targets.get()
    for state in ("soaking", "planning"):
        type(rollout).objects.filter(pk=rollout.pk).update(state=state)
    RolloutTarget.objects.filter(pk=target.pk).update(snapshot="btrfs")
    type(rollout).objects.filter(pk=rollout.pk).update(state="approval", plan_hash=plans.hash_of(rollout), planned_at=people.now())
    rollout.refresh_from_db()
    lead = people.actor(people.make_staff("lead"))
    rollouts.approve(rollout=rollout, plan_hash=rollout.plan_hash, actor=lead, now=people.now())
    type(rollout).objects.filter(pk=rollout.pk).update(state="production")
    target.refresh_from_db()
    return target


def run_of(target, **values) -> UpdateRun:
    fixed = {"client": target.client, "system": target.system, "target": target, "created_at": people.now(), "actor_label": "x"}
    return UpdateRun.objects.create(**fixed, **values)


def test_the_plan_signs_the_snapshot_and_stands(approved):
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        RolloutTarget.objects.filter(pk=approved.pk).update(snapshot="")
    assert constraint_of(refused) == "a_plan_stands"
    other = people.make_rollout(people.make_system(approved.client, name="other", environment="production"))
    plain = plans.hash_of(other)
    RolloutTarget.objects.filter(rollout=other).update(snapshot="btrfs")
    assert plans.hash_of(other) != plain


def test_production_takes_exactly_the_snapshot_of_its_plan(approved):
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        run_of(approved)
    assert constraint_of(refused) == "production_needs_an_approved_rollout"
    assert snapshots.wish_for(approved.system, RunKind.APPLY, approved) == ("must", snapshots.DEFAULT_DAYS)
    run = run_of(approved, snapshot="must", snapshot_days=7)
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        UpdateRun.objects.filter(pk=run.pk).update(snapshot="", snapshot_days=0)
    assert constraint_of(refused) == "a_run_keeps_its_purpose"
    green = {
        "state": "finished", "verdict": "verified", "finished_at": people.now(), "exit_status": 0, "ended_on_host_at": people.now(),
    }  # fmt: skip
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        UpdateRun.objects.filter(pk=run.pk).update(**green)
    assert constraint_of(refused) == "verified_has_the_snapshot_it_must"
    UpdateRun.objects.filter(pk=run.pk).update(**green, snapshot_kind="btrfs")


def test_only_a_change_begins_with_one_and_only_to_one_that_is_kept_a_system_goes_back(system):
    fixed = {"client": system.client, "system": system, "created_at": people.now(), "actor_label": "x"}
    staging = people.make_system(system.client, name="twin", environment="staging")
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        UpdateRun.objects.create(**{**fixed, "system": staging}, kind="dpkg-configure", snapshot="may", snapshot_days=3)
    assert constraint_of(refused) == "a_snapshot_is_before_a_change"
    done = {"state": "finished", "verdict": "failed", "finished_at": people.now()}
    without = UpdateRun.objects.create(**{**fixed, "system": staging}, kind="apt-apply", **done)
    gone = UpdateRun.objects.create(
        **{**fixed, "system": staging}, kind="apt-apply", **done, snapshot_kind="btrfs", snapshot_gone_at=people.now()
    )
    elsewhere = UpdateRun.objects.create(**fixed, kind="dpkg-configure", **done, snapshot_kind="btrfs")
    for run in (without, gone, elsewhere):
        with pytest.raises(IntegrityError) as refused, transaction.atomic():
            UpdateRun.objects.create(**{**fixed, "system": staging}, kind="fs-rollback", undoes=run)
        assert constraint_of(refused) == "going_back_needs_its_snapshot"
