"""Tasks: one call each, for the client that they state; sweeps look at all clients."""

from celery import shared_task
from django.utils import timezone

from backups.services import looks, restore_tests, restores, schedule
from portal.accounts.scope import acting_for, acting_for_all


@shared_task(name="backups.execute_test", queue="hosts", acks_late=True)
def execute_test(*, client_id: int, test_id: int, **_later: object) -> None:
    """Carry a restore test."""
    with acting_for(client_id):
        restore_tests.execute(test_id=test_id, now=timezone.now())


@shared_task(name="backups.sweep_tests", queue="default")
def sweep_tests(**_later: object) -> None:
    """Take up restore tests and restores that nobody holds."""
    with acting_for_all():
        restore_tests.sweep(now=timezone.now())
        restores.sweep(now=timezone.now())


@shared_task(name="backups.test_due", queue="default")
def test_due(**_later: object) -> None:
    """Start the restore tests that are due."""
    with acting_for_all():
        schedule.request_due(now=timezone.now())


@shared_task(name="backups.look_at_system", queue="hosts", acks_late=True)
def look_at_system(*, client_id: int, system_id: int, **_later: object) -> None:
    """Survey a system, and read each of its backups."""
    with acting_for(client_id):
        looks.look(system_id=system_id, now=timezone.now())


@shared_task(name="backups.look_due", queue="default")
def look_due(**_later: object) -> None:
    """Ask for the looks that are due."""
    with acting_for_all():
        looks.request_due(now=timezone.now())


@shared_task(name="backups.execute_restore", queue="hosts", acks_late=True)
def execute_restore(*, client_id: int, restore_id: int, **_later: object) -> None:
    """Carry a restore."""
    with acting_for(client_id):
        restores.execute(restore_id=restore_id, now=timezone.now())
