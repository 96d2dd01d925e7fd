"""Update runs on a real host: what comes out, and what it looks like when it goes wrong."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.db import connections

from clients.services.access import open_shell
from maintenance.choices import DecisionKind
from maintenance.errors import NothingToApply, SystemBusy
from maintenance.models import PendingUpdate, UpdateRun
from maintenance.queries import system_lines
from maintenance.services import execution, runs, waiting
from maintenance.services.execution import log_text
from monitoring.models import PlannedWork
from portal.accounts.scope import acting_for_all
from portal.audit.chain import verify
from portal.audit.models import AuditEvent
from portal.ssh import detached
from tests import people
from tests.hosts.conftest import finished, set_up
from tests.hosts.steps import apply_now, decide_apply, scan_now, start, times_applied
from tests.lab import badly
from tests.lab.machine import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


def level(system):
    return system_lines(type(system).objects.filter(pk=system.pk), now=people.now())[0].health


def test_a_genuine_security_update_is_found_decided_applied_by_a_worker_and_verified(machine, workers):
    system = set_up(machine)
    scan_now(system)
    # drifts with the archive, so not named here: the first genuinely pending security update that stands alone
    pending = PendingUpdate.objects.filter(system=system, gone_at=None, is_security=True)
    assert pending.exists()
    names = set(pending.values_list("package", flat=True))
    decide_apply(system, *names)
    run = finished(runs.start_run(system=system, actor=people.TESTER, now=people.now()), seconds=240)
    assert (run.verdict, run.exit_status, run.audit) == ("verified", 0, ""), run.findings
    for row in run.packages.all():
        installed = machine.run(f"dpkg-query -W -f='${{Version}}' {row.package}")
        assert installed == row.to_version == row.after_version
    assert {command.exit_status for command in run.commands.all()} == {0}
    # the run asks for a scan by itself, and that scan no longer finds the updates
    wait_for("the scan after the run", lambda: not pending.all().exists(), seconds=60)


def test_automatic_packages_stay_automatic(machine):
    system = set_up(machine, packages=("lab-plain",))
    machine.run("apt-mark auto lab-plain")
    run = apply_now(system, "lab-plain")
    assert run.verdict == "verified"
    assert "lab-plain" in machine.run("apt-mark showauto")
    # monitoring was told of the work, and that it is over
    work = PlannedWork.objects.get(system=system)
    assert (work.reason, work.ends_at - run.finished_at < timedelta(minutes=3)) == (f"update run {run.pk}", True)


def test_what_the_administrator_changed_is_kept_and_no_question_is_put(machine):
    system = set_up(machine, packages=("lab-conffile", "lab-asks", "lab-reboot"))
    machine.run("echo 'setting = mine' >/etc/lab-conffile.conf")
    run = apply_now(system, "lab-conffile", "lab-asks", "lab-reboot")
    assert run.verdict == "verified", run.findings
    assert machine.run("cat /etc/lab-conffile.conf") == "setting = mine\n"
    assert run.reboot_required is True


def test_a_failing_postinst_names_dpkgs_state_and_configuring_is_a_run_of_its_own(machine):
    system = set_up(machine, packages=("lab-fails", "lab-plain"))
    run = apply_now(system, "lab-fails")
    assert (run.verdict, run.exit_status) == ("failed", 100)
    assert "lab-fails" in run.audit
    assert "this postinst fails on purpose" in log_text(run)[0]
    assert level(system).level == "bad"
    # mended on the host, the next step that the page offers puts it right
    machine.run("printf '#!/bin/sh\\nexit 0\\n' >/var/lib/dpkg/info/lab-fails.postinst")
    again = runs.start_configure(system=system, actor=people.TESTER, now=people.now())
    execution.execute(run_id=again.pk, now=people.now())
    again.refresh_from_db()
    assert (again.verdict, again.audit) == ("verified", ""), again.findings


@pytest.mark.parametrize("package", ["lab-breaks", "lab-flaps"])
def test_a_service_that_its_update_breaks_is_a_regression_though_apt_says_zero(machine, package):
    system = set_up(machine, packages=(package,))
    run = apply_now(system, package)
    assert (run.exit_status, run.verdict) == (0, "regressed")
    assert any(package in finding for finding in run.findings)
    assert level(system).level == "bad"


def test_a_candidate_that_moved_stops_the_run_before_anything_changes(machine, lab):
    system = set_up(machine, packages=("lab-plain",))
    scan_now(system)
    decide_apply(system, "lab-plain")
    moved = badly.build_package(lab, "lab-plain", "1.2")
    badly.index(lab)
    try:
        machine.run("apt-get update -q")
        run = runs.start_run(system=system, actor=people.TESTER, now=people.now())
        execution.execute(run_id=run.pk, now=people.now())
    finally:
        moved.unlink()
        badly.index(lab)
    run.refresh_from_db()
    assert (run.verdict, run.exit_status) == ("failed", 65)
    assert "candidate moved" in run.findings[0]
    assert machine.run("dpkg-query -W -f='${Version}' lab-plain") == "1.0"


def test_a_plan_that_would_change_more_than_was_decided_stops(machine):
    system = set_up(machine, packages=("lab-needs",))
    run = apply_now(system, "lab-needs")
    assert (run.verdict, run.exit_status) == ("failed", 67)
    assert "lab-new" in log_text(run)[0]
    assert machine.run("dpkg-query -W -f='${Version}' lab-needs") == "1.0"
    # the new package is an update of its own to decide about; then the plan is what was decided
    new = PendingUpdate.objects.get(system=system, package="lab-new", gone_at=None)
    assert (new.installed_version, new.candidate_version) == ("", "1.1")
    assert apply_now(system, "lab-needs", "lab-new").verdict == "verified"


def test_a_package_removed_since_the_decision_does_not_come_back(machine):
    system = set_up(machine, packages=("lab-plain",))
    scan_now(system)
    decide_apply(system, "lab-plain")
    machine.run("apt-get remove -y -q lab-plain")
    run = runs.start_run(system=system, actor=people.TESTER, now=people.now())
    execution.execute(run_id=run.pk, now=people.now())
    run.refresh_from_db()
    assert (run.verdict, run.exit_status) == ("failed", 68)
    assert "lab-plain" not in machine.run("dpkg-query -W -f='${db:Status-Status} ${Package}\\n' | grep ^installed")


def test_a_held_package_is_seen_as_held_and_not_forced(machine):
    system = set_up(machine, packages=("lab-plain",))
    machine.run("apt-mark hold lab-plain")
    run = apply_now(system, "lab-plain")
    assert PendingUpdate.objects.get(system=system, package="lab-plain", gone_at=None).obstacle == "held"
    assert run.verdict == "failed"
    assert times_applied(machine, "lab-plain") == 0


def test_a_pinned_package_is_pending_all_the_same_and_a_vanished_source_is_said(machine):
    system = set_up(machine, packages=("lab-plain",))
    machine.write("/etc/apt/preferences.d/lab", "Package: lab-plain\nPin: version 1.0\nPin-Priority: 1001\n")
    scan_now(system)
    update = PendingUpdate.objects.get(system=system, package="lab-plain", gone_at=None)
    assert (update.obstacle, update.installed_version, update.candidate_version) == ("pinned", "1.0", "1.1")
    assert waiting.reason_of(update, now=people.now()).why == "pinned"
    machine.run("rm /etc/apt/preferences.d/lab /etc/apt/sources.list.d/badly.list; apt-get update -q")
    scan = scan_now(system)
    update.refresh_from_db()
    assert (update.ended, update.installed_at) == ("withdrawn", None)
    assert waiting.reason_of(update, now=people.now()).why == "withdrawn"
    assert scan.sourceless == ["lab-plain"]
    assert any("No source offers" in problem for problem in scan.problems)


def test_what_is_installed_counts_as_effective_once_nothing_runs_the_old(machine):
    """A service keeps the program that its update replaced, until it is restarted."""
    system = set_up(machine, packages=("lab-plain",))
    machine.run("cp /bin/sleep /usr/local/bin/lab-sleep && systemd-run --unit=lab-old /usr/local/bin/lab-sleep infinity")
    machine.run("rm /usr/local/bin/lab-sleep")  # as an update does: the file is another one now, or gone
    apply_now(system, "lab-plain")
    scan = scan_now(system)
    update = PendingUpdate.objects.get(system=system, package="lab-plain", ended="installed")
    assert "lab-old.service" in scan.services_to_restart
    assert update.effective_at is None
    assert "lab-old.service" in update.held_up_by
    run = runs.start_restart(system=system, actor=people.TESTER, now=people.now())
    assert "lab-old.service" in run.units
    machine.run("systemctl stop lab-old")
    UpdateRun.objects.filter(pk=run.pk).update(state="finished", verdict="failed", finished_at=people.now())
    scan_now(system)
    update.refresh_from_db()
    assert update.effective_at is not None
    assert update.held_up_by == ""


def test_two_operators_pressing_apply_at_once_make_one_run(machine):
    system = set_up(machine, packages=("lab-plain",))
    scan_now(system)
    decide_apply(system, "lab-plain")
    barrier, outcomes = threading.Barrier(2), []

    def press():
        barrier.wait()
        try:
            with acting_for_all():
                outcomes.append(runs.start_run(system=system, actor=people.TESTER, now=people.now()))
        except SystemBusy as error:
            outcomes.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run = next(outcome for outcome in outcomes if isinstance(outcome, UpdateRun))
    assert sum(isinstance(outcome, SystemBusy) for outcome in outcomes) == 1
    execution.execute(run_id=run.pk, now=people.now())
    execution.execute(run_id=run.pk, now=people.now())
    run.refresh_from_db()
    assert run.verdict == "verified"
    assert times_applied(machine, "lab-plain") == 1


def test_the_host_itself_starts_a_run_once_however_often_it_is_asked(machine):
    system = set_up(machine, packages=("lab-plain",))
    machine.run("apt-get update -q")
    run = uuid.uuid4()
    with open_shell(system, actor=people.TESTER, purpose="test") as shell:

        def start() -> None:
            try:
                with acting_for_all():
                    detached.start(shell, run=run, kind="apt-apply", packages=("lab-plain=1.1",))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for("the end", lambda: detached.status(shell, run=run, offset=0).state is detached.HostState.FINISHED)
    assert times_applied(machine, "lab-plain") == 1


def test_nothing_decided_is_nothing_to_apply(machine):
    system = set_up(machine, packages=("lab-plain",))
    scan_now(system)
    with pytest.raises(NothingToApply):
        runs.start_run(system=system, actor=people.TESTER, now=people.now())
    assert not UpdateRun.objects.filter(system=system).exists()
    assert DecisionKind.APPLY not in PendingUpdate.objects.filter(system=system).values_list("decision__kind", flat=True)


def test_the_host_without_systemd_runs_detached_by_setsid(machine):
    system = set_up(machine, packages=("lab-plain",))
    # without this program the helper takes its other way, as where systemd is not PID 1
    machine.run("mv /usr/bin/systemd-run /usr/bin/systemd-run.away")
    run = apply_now(system, "lab-plain")
    assert run.verdict == "verified", run.findings
    assert times_applied(machine, "lab-plain") == 1
    assert start is not None


def test_the_client_reads_every_command_that_ran_on_their_host(machine):
    """Who, what for, each command with its exit status, the scripts in full; and none of it at another client's."""
    client = people.make_client()
    system = set_up(machine, client=client, packages=("lab-plain",))
    assert apply_now(system, "lab-plain").verdict == "verified"
    page = people.signed_in(people.make_owner(client)).get("/audit/").content.decode()
    for words in (
        "host.connect",
        "host.commands",
        "run.verified",
        "connection test",
        "update run",
        "retainer-host start",
        "apt-get",
        "scan ",
    ):
        assert words in page, words
    assert "Scripts that ran" in page
    assert "dpkg-query" in page  # the text of the scan's script
    for event in AuditEvent.objects.filter(client=client, action="host.commands"):
        assert all(isinstance(entry["exit_status"], int) for entry in event.details["commands"])
    assert "PRIVATE KEY" not in page
    stranger = people.signed_in(people.make_owner(people.make_client())).get("/audit/").content.decode()
    assert "retainer-host start" not in stranger
    assert verify()[1] == []
