"""Tasks: every nudged name is a task, on its queue; run twice, a task finds nothing to do the second time."""

import pytest

from clients.choices import HostWork
from clients.services import onboarding
from clients.tasks import read_host_keys, sweep_host_work, test_connection
from maintenance.choices import RunState, ScanState
from maintenance.models import Scan, UpdateRun
from maintenance.services import runs, scans
from maintenance.tasks import execute_run, scan_due, scan_system, sweep_runs
from portal.celery import app
from portal.queue import NUDGED
from tests import people

test_connection.__test__ = False
NOWHERE = {"address": "127.0.0.1", "port": 1}


def test_every_nudged_name_is_a_registered_task_on_that_queue():
    app.loader.import_default_modules()
    assert {name: app.tasks[name].queue for name in NUDGED} == NUDGED
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["expires"] < entry["schedule"]


@pytest.mark.django_db(transaction=True)
def test_onboarding_work_is_done_once_and_a_dead_workers_work_is_taken_up():
    system = people.make_system(**NOWHERE)
    onboarding.ask(system=system, work=HostWork.READ_HOST_KEYS, actor=people.TESTER, now=people.now())
    # a worker took it and died: while its lease lasts nobody else takes it, then the sweep offers it again
    assert onboarding.claim(system_id=system.pk, work=HostWork.READ_HOST_KEYS, now=people.now())
    assert onboarding.claim(system_id=system.pk, work=HostWork.READ_HOST_KEYS, now=people.now()) is None
    assert onboarding.left_behind(now=people.now()) == []
    type(system).objects.update(claimed_until=people.now())
    assert onboarding.left_behind(now=people.now()) == [("clients.read_host_keys", system)]
    for _ in range(2):
        read_host_keys(client_id=system.client_id, system_id=system.pk)
        system.refresh_from_db()
        assert (system.connection, system.asked_work) == ("unreachable", "")
    onboarding.ask(system=system, work=HostWork.TEST_CONNECTION, actor=people.TESTER, now=people.now())
    for _ in range(2):
        test_connection(client_id=system.client_id, system_id=system.pk)
    system.refresh_from_db()
    assert [(proof["what"], proof["ok"]) for proof in system.connection_proofs] == [("Host key", False)]
    sweep_host_work()


@pytest.mark.django_db(transaction=True)
def test_a_scan_is_done_once_and_a_dead_workers_scan_is_taken_up():
    system = people.make_system(**NOWHERE)
    scan = scans.request(system=system, actor=people.TESTER, now=people.now())
    assert scans.request(system=system, actor=people.TESTER, now=people.now()).pk == scan.pk
    Scan.objects.update(claimed_until=people.now())
    scan_due()
    for _ in range(2):
        scan_system(client_id=scan.client_id, scan_id=scan.pk)
    scan.refresh_from_db()
    # no host key is confirmed: refused before anything was sent
    assert (scan.state, scan.error_code) == (ScanState.FAILED, "not_ready")


@pytest.mark.django_db(transaction=True)
def test_a_run_that_can_not_begin_fails_and_says_that_nothing_was_changed():
    system = people.make_system(**NOWHERE)
    run = UpdateRun.objects.create(client=system.client, system=system, created_at=people.now(), actor_label="x")
    assert runs.claim(run_id=run.pk, now=people.now())
    execute_run(client_id=run.client_id, run_id=run.pk)  # held by another worker: left alone
    run.refresh_from_db()
    assert run.state == RunState.QUEUED
    UpdateRun.objects.update(claimed_until=people.now())
    assert runs.sweep(now=people.now()) == 1
    sweep_runs()
    for _ in range(2):
        execute_run(client_id=run.client_id, run_id=run.pk)
        run.refresh_from_db()
        assert (run.state, run.verdict, run.findings[-1]) == (RunState.FINISHED, "failed", "Nothing was changed on the host.")
