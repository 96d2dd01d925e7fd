"""Rollouts over real hosts: staging, approval, waves, the first regression, the way back; and what dies in between."""

from concurrent.futures import ThreadPoolExecutor
from datetime import time

import pytest
from django.db import connections

from clients.models import AllowedRange, ServiceCheck
from maintenance.choices import TargetState
from maintenance.models import PendingUpdate, Rollout, UpdateRun
from maintenance.services import maintenance_windows, rollouts, runs
from maintenance.services.decisions import UpdateKey, decide
from portal.accounts.scope import acting_for_all
from tests import people
from tests.hosts.conftest import finished, set_up
from tests.hosts.steps import scan_now, times_applied
from tests.lab.machine import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def fleet(machines):
    """One staging host and production hosts of one client, each with a package at 1.0 and 1.1 pending and decided."""

    def make(count: int, *packages: str):
        hosts = machines(count + 1)
        client = people.make_client()
        AllowedRange.objects.create(client=client, network="10.77.0.0/16", reason="the lab", actor_label="x")

        def prepare(host, **values):
            """On a thread of its own: hosts mostly wait."""
            try:
                with acting_for_all():
                    system = set_up(host, client=client, packages=packages, roles=["web"], **values)
                    ServiceCheck.objects.create(client=client, system=system, url=f"http://{system.address}/")
                    scan_now(system)
                    # a scan of the workers' own may have been faster
                    wait_for("the updates", lambda: pending(system).count() == len(packages))
                    return system
            finally:
                connections.close_all()

        def pending(system):
            return PendingUpdate.objects.filter(system=system, package__in=packages, gone_at=None)

        twin = prepare(hosts[0], environment="staging")
        with ThreadPoolExecutor(3) as pool:
            systems = list(pool.map(lambda host: prepare(host, environment="production", staging_twin=twin), hosts[1:]))
        decide(keys=[UpdateKey(name, "1.1") for name in packages], kind="apply", actor=people.TESTER, now=people.now())
        return client, hosts, (twin, *systems)

    return make


def open_window(client):
    """A window that is open all day, every day."""
    for name, start, end in (("day", time(0), time(12)), ("night", time(12), time(0))):
        maintenance_windows.add(
            client=client, name=name, every="week", weekdays=range(7), start=start, end=end, actor=people.TESTER, now=people.now()
        )


def until(rollout: Rollout, *states: str, seconds: float = 180) -> Rollout:
    """The rollout once it is in one of these states."""

    def look():
        rollout.refresh_from_db()
        return rollout.state in states

    try:
        wait_for(f"rollout {rollout.pk} to be {states}", look, seconds=seconds)
    except TimeoutError as error:
        raise AssertionError(f"{rollout.state}: {rollout.waits_for} {rollout.stop_reason}") from error
    return rollout


def states_of(rollout: Rollout) -> list[str]:
    return list(rollout.targets.filter(wave__gte=1).order_by("position").values_list("state", flat=True))


def ask(client, **options) -> Rollout:
    return rollouts.start(client=client, actor=people.actor(people.make_operator()), now=people.now(), **options)


def approve(rollout: Rollout) -> None:
    rollouts.approve(rollout=rollout, plan_hash=rollout.plan_hash, actor=people.actor(people.make_staff("lead")), now=people.now())


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
    # whoever works dies in the middle of the first production host, and again in the second wave
    wait_for("the first production run", lambda: UpdateRun.objects.filter(target__wave=1, start_sent_at__isnull=False).exists())
    workers.kill("hosts")
    workers.start("hosts")
    wait_for("the second wave", lambda: UpdateRun.objects.filter(target__wave=2).exists())
    workers.kill("hosts")
    workers.start("hosts")
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
