"""Tasks: one call each."""

from celery import shared_task
from django.utils import timezone

from maintenance.services import execution, runs, scans


@shared_task(name="maintenance.scan_system", queue="hosts", acks_late=True)
def scan_system(*, scan_id: int, **_later: object) -> None:
    """Scan a system."""
    scans.execute(scan_id=scan_id, now=timezone.now())


@shared_task(name="maintenance.execute_run", queue="hosts", acks_late=True)
def execute_run(*, run_id: int, **_later: object) -> None:
    """Carry an update run."""
    execution.execute(run_id=run_id, now=timezone.now())


@shared_task(name="maintenance.sweep_runs", queue="default")
def sweep_runs(**_later: object) -> None:
    """Take up runs that nobody holds."""
    runs.sweep(now=timezone.now())


@shared_task(name="maintenance.scan_due", queue="default")
def scan_due(**_later: object) -> None:
    """Queue the scans that are due."""
    scans.request_due(now=timezone.now())
