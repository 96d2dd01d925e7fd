"""Rollouts over real hosts: staging, approval, waves, the first regression, the way back; and what dies in between."""

import pytest

from maintenance.choices import TargetState
from maintenance.models import Rollout, UpdateRun
from maintenance.services import rollouts, runs
from tests import people
from tests.hosts.conftest import finished
from tests.hosts.steps import approve, open_window, times_applied, until
from tests.lab.machine import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


def states_of(rollout: Rollout) -> list[str]:
    return list(rollout.targets.filter(wave__gte=1).order_by("position").values_list("state", flat=True))


def ask(client, **options) -> Rollout:
    return rollouts.start(client=client, actor=people.actor(people.make_operator()), now=people.now(), **options)


def test_six_hosts_the_third_breaks_and_is_brought_back(fleet, workers):
    client, hosts, (_, *systems) = fleet(6, "lab-web")
    ordered = sorted(zip(systems, hosts[1:], strict=True), key=lambda pair: pair[0].name)
    third = ordered[2][1]
    third.write("/etc/lab-breaks-here", "")
    rollout = ask(client, share_percent=40)
    until(rollout, "soaking")
    assert rollout.soak_until is not None
    Rollout.objects.filter(pk=rollout.pk).update(soak_until=people.now())  # a day passes
    until(rollout, "approval")
    assert {change.keeping for target in rollout.targets.filter(wave__gte=1) for change in target.changes.all()} == {"kept"}
    approve(rollout)
    wait_for("the rollout to say that there is no window", lambda: "no maintenance window" in until(rollout, "scheduled").waits_for)
    open_window(client)
    until(rollout, "stopped", seconds=240)
    assert states_of(rollout) == [TargetState.VERIFIED, TargetState.VERIFIED, TargetState.FAILED] + [TargetState.SKIPPED] * 3
    assert ordered[2][0].name in rollout.stop_reason
    assert "answered before" in rollout.stop_reason
    assert [times_applied(host, "lab-web") for _, host in ordered] == [1, 1, 1, 0, 0, 0]
    assert times_applied(hosts[0], "lab-web") == 1
    failed = UpdateRun.objects.get(target__rollout=rollout, system=ordered[2][0])
    assert failed.verdict == "regressed"
    # and back
    back = finished(runs.start_rollback(run=failed, actor=people.actor(people.make_operator()), now=people.now()))
    assert back.verdict == "verified", back.findings
    assert third.run("dpkg-query -W -f='${Version}' lab-web") == "1.0"
    assert third.run("systemctl is-active nginx").strip() == "active"


def test_the_host_is_asked_again_and_a_plan_that_changed_stops_before_anything_does(fleet, workers):
    client, hosts, _ = fleet(1, "lab-conffile")
    open_window(client)
    hosts[1].write("/etc/lab-conffile.conf", "setting = mine\n")
    rollout = ask(client)
    until(rollout, "soaking")
    Rollout.objects.filter(pk=rollout.pk).update(soak_until=people.now())
    until(rollout, "approval")
    change = rollout.targets.get(wave=1).changes.get()
    assert change.conflicts == ["/etc/lab-conffile.conf"]
    hosts[1].write("/etc/lab-conffile.conf", "setting = 1.0\n")
    approve(rollout)
    until(rollout, "stopped")
    assert "not the one that was approved" in rollout.stop_reason
    assert times_applied(hosts[1], "lab-conffile") == 0


def test_a_reboot_is_waited_for_and_compared(fleet, workers):
    client, hosts, (_, system) = fleet(1, "lab-reboot")
    boots = [host.boot_id() for host in hosts]
    rollout = ask(client, emergency=True, reason="exploited since this morning")
    until(rollout, "approval")
    assert hosts[0].boot_id() != boots[0]
    approve(rollout)
    until(rollout, "finished")
    assert hosts[1].boot_id() != boots[1]
    run = UpdateRun.objects.get(system=system, kind="reboot")
    assert (run.verdict, run.exit_status) == ("verified", 0)


def test_killed_at_every_step_it_goes_on_and_repeats_no_host(fleet, workers):
    """Whenever the rollout or one of its hosts takes a step, whoever works dies: SIGKILL, and a fresh one comes."""
    client, hosts, _ = fleet(2, "lab-plain")
    open_window(client)
    rollout = ask(client)
    seen: list[tuple[str, ...]] = []

    def step() -> tuple[str, ...]:
        rollout.refresh_from_db()
        return (rollout.state, *rollout.targets.order_by("wave", "position").values_list("state", flat=True))

    while rollout.is_open:
        now = wait_for("the next step", lambda: (found := step()) not in seen and found, seconds=120)
        assert isinstance(now, tuple)
        seen.append(now)
        workers.kill("hosts")
        if rollout.state == "soaking":
            Rollout.objects.filter(pk=rollout.pk).update(soak_until=people.now())  # a day passes
        if rollout.state == "approval":
            approve(rollout)
        workers.start("hosts")
    assert rollout.state == "finished", rollout.stop_reason
    assert {state[0] for state in seen} >= {"staging", "soaking", "approval", "scheduled", "production", "finished"}
    assert len(seen) >= 8
    assert [times_applied(host, "lab-plain") for host in hosts] == [1, 1, 1]
    runs_of = UpdateRun.objects.filter(target__rollout=rollout, kind="apt-apply")
    assert list(runs_of.values_list("verdict", flat=True)) == ["verified"] * 3
