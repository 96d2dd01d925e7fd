"""What operators do, for tests: scan, decide, start."""

from datetime import time

from maintenance.choices import ScanState
from maintenance.models import PendingUpdate, Rollout, Scan, UpdateRun
from maintenance.services import execution, maintenance_windows, rollouts, runs, scans
from maintenance.services.decisions import UpdateKey, decide
from tests import people
from tests.lab.machine import wait_for


def scan_now(system) -> Scan:
    """Scan in this process, unless a worker took the scan up first: then wait for what it finds."""
    scan = scans.request(system=system, actor=people.TESTER, now=people.now())
    scans.execute(scan_id=scan.pk, now=people.now())

    def ended() -> bool:
        scan.refresh_from_db()
        return scan.state != ScanState.QUEUED

    wait_for("the scan", ended, seconds=120)
    system.refresh_from_db()
    return scan


def decide_apply(system, *packages: str) -> list[PendingUpdate]:
    """Decide the named packages' updates (and what shares their source) as apply."""
    rows = list(PendingUpdate.objects.filter(system=system, gone_at=None, package__in=packages))
    assert {row.package for row in rows} == set(packages)
    keys = [UpdateKey(row.source, row.candidate_version) for row in rows]
    decide(keys=keys, kind="apply", client_id=system.client_id, actor=people.TESTER, now=people.now())
    return rows


def start(system, *packages: str) -> UpdateRun:
    """Scan, decide, start; a worker has to carry it."""
    scan_now(system)
    decide_apply(system, *packages)
    system.refresh_from_db()
    return runs.start_run(system=system, actor=people.TESTER, now=people.now())


def apply_now(system, *packages: str) -> UpdateRun:
    """Scan, decide and carry the run in this process."""
    run = start(system, *packages)
    execution.execute(run_id=run.pk, now=people.now())
    run.refresh_from_db()
    return run


def times_applied(machine, package: str, version: str = "1.1") -> int:
    """How often the host configured that version."""
    notes = machine.run("cat /var/log/lab-applied 2>/dev/null || true").splitlines()
    return notes.count(f"{package} {version} configure")


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


def approve(rollout: Rollout) -> None:
    rollouts.approve(rollout=rollout, plan_hash=rollout.plan_hash, actor=people.actor(people.make_staff("lead")), now=people.now())
