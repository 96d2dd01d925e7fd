"""Tasks: one call each."""

from celery import shared_task
from django.utils import timezone

from clients.services import onboarding


@shared_task(name="clients.read_host_keys", queue="hosts", acks_late=True)
def read_host_keys(*, system_id: int, **_later: object) -> None:
    """Read a system's host keys."""
    onboarding.read_host_keys(system_id=system_id, now=timezone.now())


@shared_task(name="clients.test_connection", queue="hosts", acks_late=True)
def test_connection(*, system_id: int, **_later: object) -> None:
    """Test a system's connection."""
    onboarding.test_connection(system_id=system_id, now=timezone.now())


@shared_task(name="clients.sweep_host_work", queue="default")
def sweep_host_work(**_later: object) -> None:
    """Take up work whose worker died."""
    onboarding.sweep(now=timezone.now())
