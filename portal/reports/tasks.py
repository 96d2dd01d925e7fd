"""Tasks: one call each."""

from celery import shared_task
from django.utils import timezone

from portal.reports import services


@shared_task(name="reports.make_due", queue="default")
def make_due(**_later: object) -> None:
    """Make the reports of last month where their day has come."""
    services.make_due(now=timezone.now())
