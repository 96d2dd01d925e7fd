"""Tasks: one call each, for the client that they state; sweeps look at all clients."""

from celery import shared_task
from django.utils import timezone

from clients.services import onboarding
from portal.accounts.scope import acting_for, acting_for_all


@shared_task(name="clients.read_host_keys", queue="hosts", acks_late=True)
def read_host_keys(*, client_id: int, system_id: int, **_later: object) -> None:
    """Read a system's host keys."""
    with acting_for(client_id):
        onboarding.read_host_keys(system_id=system_id, now=timezone.now())


@shared_task(name="clients.test_connection", queue="hosts", acks_late=True)
def test_connection(*, client_id: int, system_id: int, **_later: object) -> None:
    """Test a system's connection."""
    with acting_for(client_id):
        onboarding.test_connection(system_id=system_id, now=timezone.now())


@shared_task(name="clients.sweep_host_work", queue="default")
def sweep_host_work(**_later: object) -> None:
    """Take up work whose worker died."""
    with acting_for_all():
        onboarding.sweep(now=timezone.now())
