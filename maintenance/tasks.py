"""Tasks: one call each, for the client that they state; sweeps look at all clients."""

from celery import shared_task
from django.utils import timezone

from maintenance.services import changelogs, execution, feeds, fetching, matching, promise, rollout_steps, runs, scans, updates_check
from portal.accounts.scope import acting_for, acting_for_all


@shared_task(name="maintenance.scan_system", queue="hosts", acks_late=True)
def scan_system(*, client_id: int, scan_id: int, **_later: object) -> None:
    """Scan a system."""
    with acting_for(client_id):
        scans.execute(scan_id=scan_id, now=timezone.now())


@shared_task(name="maintenance.read_changelogs", queue="hosts", acks_late=True)
def read_changelogs(*, client_id: int, system_id: int, **_later: object) -> None:
    """Read changelogs of a system's pending updates."""
    with acting_for(client_id):
        changelogs.read(system_id=system_id, now=timezone.now())


@shared_task(name="maintenance.execute_run", queue="hosts", acks_late=True)
def execute_run(*, client_id: int, run_id: int, **_later: object) -> None:
    """Carry an update run."""
    with acting_for(client_id):
        execution.execute(run_id=run_id, now=timezone.now())


@shared_task(name="maintenance.sweep_runs", queue="default")
def sweep_runs(**_later: object) -> None:
    """Take up runs that nobody holds."""
    with acting_for_all():
        runs.sweep(now=timezone.now())


@shared_task(name="maintenance.advance_rollout", queue="hosts", acks_late=True)
def advance_rollout(*, client_id: int, rollout_id: int, **_later: object) -> None:
    """Carry a rollout one look further."""
    with acting_for(client_id):
        rollout_steps.advance(rollout_id=rollout_id, now=timezone.now())


@shared_task(name="maintenance.sweep_rollouts", queue="default")
def sweep_rollouts(**_later: object) -> None:
    """Take up rollouts that have something to do."""
    with acting_for_all():
        rollout_steps.sweep(now=timezone.now())


@shared_task(name="maintenance.scan_due", queue="default")
def scan_due(**_later: object) -> None:
    """Queue the scans that are due."""
    with acting_for_all():
        scans.request_due(now=timezone.now())


@shared_task(name="maintenance.note_breaches", queue="default")
def note_breaches(**_later: object) -> None:
    """Write down what missed its window, and tell monitoring."""
    with acting_for_all():
        promise.note_breaches(now=timezone.now())
        updates_check.say(now=timezone.now())


@shared_task(name="maintenance.import_feeds", queue="default")
def import_feeds(**_later: object) -> None:
    """Fetch feeds that are due, import new files of the advisory folder, and match every open update with what is new."""
    with acting_for_all():
        fetching.fetch_due(now=timezone.now())
        feeds.import_folder(now=timezone.now())
        matching.match_new_feeds(now=timezone.now())
