"""Rollouts as rows: what services refuse, and what the database refuses whatever the services say."""

from datetime import timedelta

import pytest
from django.db import Error, IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from maintenance.choices import RolloutState
from maintenance.errors import NothingToApply, NotVerified, SystemBusy
from maintenance.models import (
    InstalledPackage,
    PlannedChange,
    Rollout,
    RolloutApproval,
    RunPackage,
    StagingAlternative,
    UpdateRun,
)
from maintenance.services import plans, rollout_steps, rollouts, runs, staging
from maintenance.services.decisions import UpdateKey, decide
from maintenance.services.rollouts import waves
from portal.errors import NotAllowed, PortalError
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(sample_client):
    """A production system and its staging twin, the same package at the same version, an update pending and decided on both."""
    twin = people.make_system(sample_client, name="staging", roles=["web"])
    system = people.make_system(sample_client, name="production", environment="production", staging_twin=twin, roles=["web"])
    for each in (twin, system):
        install(each)
        people.make_update(each)
    decide(keys=[UpdateKey("openssl", "1.1")], kind="apply", actor=people.TESTER, now=people.now())
    return twin, system


def install(system, version="1.0"):
    InstalledPackage.objects.create(client=system.client, system=system, name="openssl", architecture="amd64", version=version)


def finish(run, verdict="verified"):
    values = {"exit_status": 0, "ended_on_host_at": people.now()} if verdict == "verified" else {}
    UpdateRun.objects.filter(pk=run.pk).update(state="finished", verdict=verdict, finished_at=people.now(), findings=[], **values)


def verify_on(system, version="1.1", verdict="verified"):
    """A run on staging that ended so."""
    run = UpdateRun.objects.create(client=system.client, system=system, created_at=people.now(), actor_label="x")
    RunPackage.objects.create(
        client=system.client, run=run, package="openssl", architecture="amd64", from_version="1.0", to_version=version
    )
    finish(run, verdict)
    run.refresh_from_db()
    return run


def ask(client, **options):
    return rollouts.start(client=client, actor=people.actor(people.make_operator()), now=people.now(), **options)


def plan(rollout):
    """As after the soak: every host answered as expected."""
    for state in ("soaking", "planning"):
        Rollout.objects.filter(pk=rollout.pk).update(state=state)
    Rollout.objects.filter(pk=rollout.pk).update(state="approval", plan_hash=plans.hash_of(rollout), planned_at=people.now())
    rollout.refresh_from_db()
    return rollout


def approve(rollout, user=None):
    lead = user or people.make_staff("lead")
    rollouts.approve(rollout=rollout, plan_hash=rollout.plan_hash, actor=people.actor(lead), now=people.now())
    rollout.refresh_from_db()


def on_production(rollout):
    approve(plan(rollout))
    Rollout.objects.filter(pk=rollout.pk).update(state="production")
    rollout.refresh_from_db()
    return rollout.targets.get(wave__gte=1)


def insert_run(target, *, version="1.1", kind="apt-apply"):
    """Past every service."""
    run = UpdateRun.objects.create(
        client=target.client, system=target.system, kind=kind, target=target, created_at=people.now(), actor_label="x"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO maintenance_runpackage (client_id, run_id, package, architecture, from_version, to_version, after_version) "
            "VALUES (%s, %s, 'openssl', 'amd64', '1.0', %s, '')",
            [target.client_id, run.pk, version],
        )
    return run


def test_the_twin_comes_along_first_with_the_same_versions(pair):
    twin, system = pair
    rollout = ask(system.client)
    rows = [(t.system, t.wave, [c.to_version for c in t.changes.all()]) for t in rollout.targets.order_by("wave")]
    assert rows == [(twin, 0, ["1.1"]), (system, 1, ["1.1"])]
    rollout_steps.advance(rollout_id=rollout.pk, now=people.now())
    rollout_steps.advance(rollout_id=rollout.pk, now=people.now())
    assert UpdateRun.objects.get().system == twin


def test_a_staging_run_that_is_not_verified_stops_it_and_production_is_never_reached(pair):
    rollout = ask(pair[1].client)
    rollout_steps.advance(rollout_id=rollout.pk, now=people.now())
    finish(UpdateRun.objects.get(), "regressed")
    rollout_steps.advance(rollout_id=rollout.pk, now=people.now())
    rollout.refresh_from_db()
    assert (rollout.state, UpdateRun.objects.count()) == ("stopped", 1)
    assert "regressed" in rollout.stop_reason
    assert set(rollout.targets.values_list("state", flat=True)) == {"failed", "skipped"}


def test_production_gets_what_staging_verified_and_not_one_digit_else(pair):
    twin, system = pair
    verify_on(twin, "1.1")
    target = on_production(ask(system.client))
    for version in ("1.10", "1.2", "1.1~", "1:1.1"):
        with pytest.raises(IntegrityError, match="not part of the approved plan"), transaction.atomic():
            insert_run(target, version=version)
    insert_run(target)


def test_the_plan_may_say_it_and_the_database_still_asks_staging(pair):
    """The staged version differs by a digit from the planned and approved one."""
    twin, system = pair
    verify_on(twin, "1.10")
    target = on_production(ask(system.client))
    with pytest.raises(IntegrityError, match="not verified on staging"), transaction.atomic():
        insert_run(target)
    verify_on(twin, "1.1", verdict="regressed")
    with pytest.raises(IntegrityError, match="not verified on staging"), transaction.atomic():
        insert_run(target)
    verify_on(twin, "1.1")
    run = insert_run(target)
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        RunPackage.objects.filter(run=run).update(to_version="1.2")
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        UpdateRun.objects.filter(pk=run.pk).update(kind="dpkg-configure")


@pytest.mark.parametrize("kind", ["apt-apply", "restart", "reboot"])
def test_no_run_on_production_without_an_approved_rollout(pair, kind):
    rollout = ask(pair[1].client)
    target = rollout.targets.get(wave=1)
    for step in (lambda: None, lambda: plan(rollout), lambda: approve(rollout)):
        step()
        with pytest.raises(IntegrityError, match="no approved rollout"), transaction.atomic():
            insert_run(target, kind=kind)


def test_an_overruled_verdict_counts_and_is_not_ones_own(pair):
    twin, system = pair
    lead = people.make_staff("lead")
    run = verify_on(twin, verdict="regressed")
    UpdateRun.objects.filter(pk=run.pk).update(started_by=lead)
    run.refresh_from_db()
    with pytest.raises(NotAllowed):
        runs.overrule(run=run, reason="it was slow", actor=people.actor(lead), now=people.now())
    with pytest.raises(IntegrityError, match="not one's own"), transaction.atomic():
        run.overrules.create(client=run.client, reason="x", overruled_at=people.now(), overruled_by=lead, actor_label="x")
    with pytest.raises(NotAllowed):
        runs.overrule(run=run, reason="x", actor=people.actor(people.make_operator()), now=people.now())
    version = [("openssl", "amd64", "1.1")]
    assert staging.unverified(system, version) == version
    other = people.actor(people.make_staff("lead"))
    with pytest.raises(PortalError, match="Say why"):
        runs.overrule(run=run, reason=" ", actor=other, now=people.now())
    runs.overrule(run=run, reason="the address was ours to mend", actor=other, now=people.now())
    assert staging.unverified(system, version) == []
    run.refresh_from_db()
    assert run.verdict == "regressed"
    with pytest.raises(PortalError, match="already"):
        runs.overrule(run=run, reason="again", actor=other, now=people.now())


def test_nobody_approves_what_they_asked_for_in_python_or_in_the_database(pair):
    lead = people.make_staff("lead")
    rollout = plan(rollouts.start(client=pair[1].client, actor=people.actor(lead), now=people.now()))
    with pytest.raises(NotAllowed):
        approve(rollout, lead)
    with pytest.raises(NotAllowed):
        approve(rollout, people.make_operator())
    values = {
        "client": rollout.client,
        "rollout": rollout,
        "plan_hash": rollout.plan_hash,
        "approved_at": people.now(),
        "actor_label": "x",
    }
    with pytest.raises(IntegrityError, match="nobody_approves_their_own"), transaction.atomic():
        RolloutApproval.objects.create(asked_by=lead, approved_by=lead, **values)
    with pytest.raises(IntegrityError, match="approval_names_who_asked"), transaction.atomic():
        RolloutApproval.objects.create(asked_by=people.make_operator(), approved_by=lead, **values)
    with pytest.raises(IntegrityError, match="as it stands"), transaction.atomic():
        RolloutApproval.objects.create(asked_by=lead, approved_by=people.make_staff("lead"), **(values | {"plan_hash": "0" * 64}))
    with pytest.raises(IntegrityError, match="nobody approved"), transaction.atomic():
        Rollout.objects.filter(pk=rollout.pk).update(state="scheduled")


def test_a_plan_that_stands_does_not_change_and_an_older_one_is_not_approved(pair):
    rollout = plan(ask(pair[1].client))
    change = PlannedChange.objects.filter(target__rollout=rollout, target__wave=1)
    for attempt in (
        lambda: change.update(to_version="1.2"),
        lambda: change.all()._raw_delete("default"),
        lambda: PlannedChange.objects.create(
            client=rollout.client, target=change.get().target, package="more", architecture="all", to_version="1"
        ),
        lambda: Rollout.objects.filter(pk=rollout.pk).update(plan_hash="1" * 64),
        lambda: Rollout.objects.filter(pk=rollout.pk).update(emergency=True, reason="x"),
    ):
        with pytest.raises(Error), transaction.atomic():
            attempt()
    with pytest.raises(PortalError, match="changed since"):
        rollouts.approve(rollout=rollout, plan_hash="0" * 64, actor=people.actor(people.make_staff("lead")), now=people.now())
    approve(rollout)
    with pytest.raises(Error), transaction.atomic():
        RolloutApproval.objects.update(note="later")


@pytest.mark.parametrize(("old", "new"), [(a, b) for a in RolloutState for b in RolloutState if a != b])
def test_the_database_knows_the_steps(pair, old, new):
    """Every pair: what the table of steps lacks is refused; nothing skips the approval."""
    from maintenance.choices import ENDED_ROLLOUT_STATES, ROLLOUT_STEPS

    rollout = people.make_rollout(pair[0])
    values = {"plan_hash": "0" * 64, "planned_at": people.now(), "stop_reason": "x"}
    Rollout.objects.filter(pk=rollout.pk).update(**values)
    path = {"staging": [], "soaking": ["soaking"], "planning": ["soaking", "planning"], "approval": ["soaking", "planning", "approval"],
            "scheduled": ["soaking", "planning", "approval", "scheduled"], "finished": ["finished"], "stopped": ["stopped"],
            "cancelled": ["cancelled"], "production": ["soaking", "planning", "approval", "scheduled", "production"]}[old]  # fmt: skip

    def go(state):
        if state == "scheduled" and not rollout.approvals.exists():
            RolloutApproval.objects.create(
                client=rollout.client, rollout=rollout, plan_hash="0" * 64, asked_by=rollout.asked_by,
                approved_by=people.make_staff("lead"), approved_at=people.now(), actor_label="x",
            )  # fmt: skip
        ended = people.now() if state in ENDED_ROLLOUT_STATES else None
        Rollout.objects.filter(pk=rollout.pk).update(state=state, finished_at=ended)

    for state in path:
        go(state)
    if new in ROLLOUT_STEPS[old]:
        go(new)
    else:
        with pytest.raises(IntegrityError), transaction.atomic():
            go(new)


def test_what_staging_cannot_show_takes_an_alternative_with_an_end(sample_client):
    system = people.make_system(sample_client, name="alone", environment="production")
    people.make_update(system)
    decide(keys=[UpdateKey("openssl", "1.1")], kind="apply", actor=people.TESTER, now=people.now())
    with pytest.raises(NotVerified, match=r"openssl 1\.1 for alone"):
        ask(sample_client)
    lead, now = people.actor(people.make_staff("lead")), people.now()
    later = now + timedelta(days=30)
    declare = {"system": system, "kind": "exception", "reason": "no second machine", "expires_at": later, "actor": lead, "now": now}
    with pytest.raises(NotAllowed):
        staging.declare(**(declare | {"actor": people.actor(people.make_operator())}))
    for wrong in ({"reason": " "}, {"expires_at": now}, {"expires_at": now + timedelta(days=400)}, {"kind": "canary"}):
        with pytest.raises(PortalError):
            staging.declare(**(declare | wrong))
    row = staging.declare(**declare)
    target = on_production(ask(sample_client))
    StagingAlternative.objects.filter(pk=row.pk).update(created_at=now - timedelta(days=9), expires_at=now - timedelta(hours=1))
    with pytest.raises(IntegrityError, match="not verified on staging"), transaction.atomic():
        insert_run(target)
    StagingAlternative.objects.filter(pk=row.pk).update(expires_at=later)
    insert_run(target)
    staging.revoke(alternative=row, actor=lead, now=now)
    assert staging.unverified(system, [("openssl", "amd64", "1.1")])


def test_an_exception_does_not_walk_around_a_twin_that_has_the_package(pair):
    system = pair[1]
    now = people.now()
    staging.declare(
        system=system,
        kind="exception",
        reason="in a hurry",
        expires_at=now + timedelta(days=1),
        actor=people.actor(people.make_staff("lead")),
        now=now,
    )
    assert staging.unverified(system, [("openssl", "amd64", "1.1")]) == [("openssl", "amd64", "1.1")]
    assert staging.unverified(system, [("not-on-the-twin", "amd64", "1.1")]) == []


def test_a_canary_goes_first_and_shows_the_way(sample_client):
    systems = [people.make_system(sample_client, name=name, environment="production") for name in ("a-main", "b-canary")]
    lead, now = people.actor(people.make_staff("lead")), people.now()
    later = now + timedelta(days=30)
    for system in systems:
        install(system)
        people.make_update(system)
    decide(keys=[UpdateKey("openssl", "1.1")], kind="apply", actor=people.TESTER, now=now)
    staging.declare(system=systems[0], kind="canary", canary=systems[1], reason="x", expires_at=later, actor=lead, now=now)
    staging.declare(system=systems[1], kind="exception", reason="it is the canary", expires_at=later, actor=lead, now=now)
    rollout = ask(sample_client)
    assert [t.system.name for t in rollout.targets.order_by("wave", "position")] == ["b-canary", "a-main"]
    assert staging.unverified(systems[0], [("openssl", "amd64", "1.1")])


def test_two_production_systems_of_a_role_are_never_changed_at_once(sample_client):
    one, same, other = (
        people.make_system(sample_client, environment="production", roles=roles) for roles in (["web"], ["web", "mail"], ["database"])
    )
    create = {"versions": [], "asked_by_id": None, "actor": people.TESTER, "now": people.now()}
    runs.create(system=one, kind="dpkg-configure", **create)
    with pytest.raises(SystemBusy, match="role"):
        runs.create(system=same, kind="dpkg-configure", **create)
    runs.create(system=other, kind="dpkg-configure", **create)


def test_a_rollback_goes_back_and_nowhere_else(pair):
    twin = pair[0]
    run = verify_on(twin)
    back = runs.start_rollback(run=run, actor=people.TESTER, now=people.now())
    assert [(row.from_version, row.to_version) for row in back.packages.all()] == [("1.1", "1.0")]
    with pytest.raises(PortalError, match="already"):
        runs.start_rollback(run=run, actor=people.TESTER, now=people.now())
    finish(back)
    other = verify_on(twin, "1.2")
    bad = UpdateRun.objects.create(
        client=twin.client, system=twin, kind="apt-rollback", undoes=other, created_at=people.now(), actor_label="x"
    )
    with pytest.raises(IntegrityError, match="goes back to what was before"), transaction.atomic():
        RunPackage.objects.create(
            client=twin.client, run=bad, package="openssl", architecture="amd64", from_version="1.2", to_version="0.9"
        )
    with pytest.raises(PortalError, match="Only an update run"):
        runs.start_rollback(run=back, actor=people.TESTER, now=people.now())


def test_one_rollout_of_a_system_at_a_time_and_nothing_decided_is_nothing_to_do(pair):
    client = pair[1].client
    ask(client)
    with pytest.raises(NothingToApply):
        ask(client)  # both are taken
    with pytest.raises(IntegrityError, match="one_open_rollout_per_system"), transaction.atomic():
        people.make_rollout(pair[1])


def test_an_emergency_says_why_and_does_not_wait(pair):
    system = pair[1]
    with pytest.raises(PortalError, match="Say why"):
        ask(system.client, emergency=True)
    rollout = ask(system.client, emergency=True, reason="exploited in the wild")
    assert rollout.soak_h == 0
    rollout_steps.advance(rollout_id=rollout.pk, now=people.now())
    run = UpdateRun.objects.get()
    finish(run)
    run.evidence.create(client=run.client, moment="after", taken_at=people.now(), facts={"stale_services": []})
    rollout_steps.advance(rollout_id=rollout.pk, now=people.now())
    rollout.refresh_from_db()
    # no soak; the host can't be asked here, so it waits for that and says so
    assert rollout.state == "planning"
    assert "could not be asked" in rollout.waits_for


def test_it_is_cancelled_with_a_reason_and_not_on_production(pair):
    rollout = ask(pair[1].client)
    actor = people.actor(people.make_operator())
    with pytest.raises(PortalError, match="Say why"):
        rollouts.cancel(rollout=rollout, reason=" ", actor=actor, now=people.now())
    rollouts.cancel(rollout=rollout, reason="another version came", actor=actor, now=people.now())
    rollout.refresh_from_db()
    assert rollout.state == "cancelled"
    assert set(rollout.targets.values_list("state", flat=True)) == {"skipped"}
    again = ask(pair[1].client)
    on_production(again)
    with pytest.raises(PortalError, match="can't be cancelled"):
        rollouts.cancel(rollout=again, reason="too late", actor=actor, now=people.now())


def test_advancing_twice_makes_one_run(pair):
    rollout = ask(pair[1].client)
    for _ in range(3):
        rollout_steps.advance(rollout_id=rollout.pk, now=people.now())
    assert UpdateRun.objects.count() == 1
    Rollout.objects.filter(pk=rollout.pk).update(claimed_until=people.now() + timedelta(minutes=1))
    finish(UpdateRun.objects.get(), "regressed")
    rollout_steps.advance(rollout_id=rollout.pk, now=people.now())  # somebody else has it
    rollout.refresh_from_db()
    assert rollout.state == "staging"
    assert rollout_steps.sweep(now=people.now()) == 0
    assert rollout_steps.sweep(now=people.now() + timedelta(minutes=2)) == 1


@given(st.integers(0, 60), st.integers(1, 100))
def test_waves_are_one_then_a_share_then_the_rest(count, share):
    numbers = waves(["x"] * count, share_percent=share)  # type: ignore[list-item]
    assert numbers == sorted(numbers)
    assert len(numbers) == count
    assert numbers.count(1) == min(count, 1)
    if count > 1:
        assert numbers.count(2) >= (count - 1) * share / 100


def test_the_page_shows_the_plan_and_lets_another_lead_sign_it(pair, member_page, outsider_page):
    lead, asker = people.make_staff("lead"), people.make_staff("lead")
    rollout = plan(rollouts.start(client=pair[1].client, actor=people.actor(asker), now=people.now()))
    address = f"/rollouts/{rollout.pk}/"
    assert "openssl" in member_page.get(address).content.decode()
    assert outsider_page.get(address).status_code == 404
    assert "Approve this plan" not in people.signed_in(asker).get(address).content.decode()
    page = people.signed_in(lead)
    assert "Approve this plan" in page.get(address).content.decode()
    refused = page.post(f"{address}approve/", {"plan_hash": "0" * 64})
    assert refused.status_code == 422
    assert "changed since" in refused.content.decode()
    assert people.signed_in(asker).post(f"{address}approve/", {"plan_hash": rollout.plan_hash}).status_code == 422
    assert page.post(f"{address}approve/", {"plan_hash": rollout.plan_hash}).status_code == 303
    rollout.refresh_from_db()
    assert rollout.state == "scheduled"


def test_a_rollout_is_put_together_on_its_page(pair, operator_page):
    client = pair[1].client
    address = f"/clients/{client.pk}/rollouts/new/"
    assert "openssl" in operator_page.get(address).content.decode()
    wrong = operator_page.post(address, {"systems": [pair[1].pk], "share_percent": "25", "emergency": "on", "reason": ""})
    assert wrong.status_code == 422
    assert "Say why" in wrong.content.decode()
    made = operator_page.post(address, {"systems": [pair[1].pk], "share_percent": "25", "restart": "on"})
    assert made.status_code == 303
    assert Rollout.objects.get().targets.count() == 2
