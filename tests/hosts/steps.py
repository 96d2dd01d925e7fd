"""What operators do, for tests: scan, decide, start."""

from maintenance.models import PendingUpdate, Scan, UpdateRun
from maintenance.services import execution, runs, scans
from maintenance.services.decisions import UpdateKey, decide
from tests import people


def scan_now(system) -> Scan:
    """Scan in this process."""
    scan = scans.request(system=system, actor=people.TESTER, now=people.now())
    scans.execute(scan_id=scan.pk, now=people.now())
    scan.refresh_from_db()
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
