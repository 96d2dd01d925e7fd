"""An update run survives what dies around it. Each time: applied once on the host, the true verdict in the portal."""

import signal

import pytest
from django.db import connections

from maintenance.choices import RunState
from maintenance.services import execution
from maintenance.services.execution import log_text
from tests import people, services
from tests.hosts.conftest import finished, logged, set_up
from tests.hosts.steps import start, times_applied
from tests.lab.machine import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


def assert_applied_once_and_verified(machine, run):
    finished(run)
    assert (run.verdict, run.exit_status) == ("verified", 0), run.findings
    assert times_applied(machine, "lab-slow") == 1
    text = log_text(run)[0]
    # nothing lost and nothing twice in the streamed log
    assert [text.count(f"slow step {step}\n") for step in range(1, 13)] == [1] * 12


def test_sigkill_of_the_worker_half_way(machine, workers):
    system = set_up(machine, packages=("lab-slow",))
    run = start(system, "lab-slow")
    logged(run, "slow step 3")
    workers.kill("hosts")
    workers.start("hosts")
    assert_applied_once_and_verified(machine, run)


def test_sigkill_between_claim_and_deed(machine, workers):
    """The worker dies holding the lease before anything was sent: the next one starts it, once."""
    workers.kill("hosts")
    system = set_up(machine, packages=("lab-slow",))
    run = start(system, "lab-slow")
    dead = type(run).objects.filter(pk=run.pk).update(state=RunState.PREPARING, claimed_until=people.now())
    assert dead == 1
    workers.start("hosts")
    assert_applied_once_and_verified(machine, run)


def test_loss_of_the_network_for_thirty_seconds_half_way(machine, workers):
    system = set_up(machine, packages=("lab-slow",))
    run = start(system, "lab-slow")
    logged(run, "slow step 2")
    machine.unplug()
    # thirty seconds by the host's own clock, during which it goes on alone
    machine.run("sleep 30")
    assert times_applied(machine, "lab-slow") == 1
    run.refresh_from_db()
    assert run.is_open
    machine.plug()
    assert_applied_once_and_verified(machine, run)


def test_restart_of_redis_half_way(machine, workers):
    system = set_up(machine, packages=("lab-slow",))
    run = start(system, "lab-slow")
    logged(run, "slow step 2")
    services.supervisor().restart("valkey", signal_number=signal.SIGKILL)
    assert_applied_once_and_verified(machine, run)


def test_restart_of_postgresql_half_way(machine, workers):
    system = set_up(machine, packages=("lab-slow",))
    run = start(system, "lab-slow")
    logged(run, "slow step 2")
    connections.close_all()
    services.supervisor().restart("postgres", signal_number=signal.SIGINT)

    def answers():
        try:
            connections["default"].ensure_connection()
        except Exception:  # noqa: BLE001  # whatever the driver raises while the server starts
            return False
        return True

    wait_for("PostgreSQL", answers)
    assert_applied_once_and_verified(machine, run)


def test_a_host_that_reboots_half_way_is_seen_as_that(machine, workers):
    system = set_up(machine, packages=("lab-slow",))
    run = start(system, "lab-slow")
    logged(run, "slow step 2")
    machine.reboot()
    finished(run)
    assert (run.verdict, run.host_state, run.exit_status) == ("failed", "rebooted", None)
    assert "rebooted" in run.findings[0]
    assert "lab-slow" in run.audit  # the state that it left behind, named


def test_a_run_that_is_killed_on_the_host_is_failed_with_its_state(machine, workers):
    system = set_up(machine, packages=("lab-slow",))
    run = start(system, "lab-slow")
    logged(run, "slow step 2")
    machine.run(f"systemctl kill --signal=KILL retainer-run-{run.uuid}.service")
    finished(run)
    assert (run.verdict, run.host_state) == ("failed", "died")
    assert "lab-slow" in run.audit


def test_carrying_a_finished_run_again_changes_nothing(machine, workers):
    system = set_up(machine, packages=("lab-slow",))
    run = start(system, "lab-slow")
    assert_applied_once_and_verified(machine, run)
    before = type(run).objects.filter(pk=run.pk).values().get()
    execution.execute(run_id=run.pk, now=people.now())
    assert type(run).objects.filter(pk=run.pk).values().get() == before
