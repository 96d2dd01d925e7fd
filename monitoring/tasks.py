"""Tasks: one call each, over all clients. Looks have a queue of their own; who says that they did not come is on another."""

from celery import shared_task
from django.utils import timezone

from monitoring.services import alerts, drills, escalation, heartbeats, inventories, overdue, probes, rollups, sending, watching
from portal.accounts.scope import acting_for_all


@shared_task(name="monitoring.look", queue="looks")
def look(**_later: object) -> None:
    """Look at the systems that are due."""
    with acting_for_all():
        watching.look_while_due()


@shared_task(name="monitoring.take_inventories", queue="hosts")
def take_inventories(**_later: object) -> None:
    """Look as root at the systems where that is due."""
    with acting_for_all():
        while inventories.take_due(now=timezone.now()):
            pass


@shared_task(name="monitoring.ask", queue="looks")
def ask(**_later: object) -> None:
    """Ask from outside what is due."""
    with acting_for_all():
        probes.begin_tls_where_missing(now=timezone.now())
        while probes.ask_due(now=timezone.now()):
            pass


@shared_task(name="monitoring.advance_drills", queue="hosts")
def advance_drills(**_later: object) -> None:
    """Take drills that are under way as far as they go."""
    with acting_for_all():
        drills.advance(now=timezone.now())


@shared_task(name="monitoring.begin_drills", queue="default")
def begin_drills(**_later: object) -> None:
    """Begin the drills that are due."""
    with acting_for_all():
        drills.begin_due(now=timezone.now())


@shared_task(name="monitoring.roll_up", queue="default")
def roll_up(**_later: object) -> None:
    """Roll results up."""
    with acting_for_all():
        rollups.roll_up(now=timezone.now())


@shared_task(name="monitoring.mark_overdue", queue="default")
def mark_overdue(**_later: object) -> None:
    """Say of what was not looked at in time that it is unknown."""
    with acting_for_all():
        heartbeats.judge_due(now=timezone.now())
        overdue.mark(now=timezone.now())


@shared_task(name="monitoring.send_alerts", queue="default")
def send_alerts(**_later: object) -> None:
    """Write the messages of alerts, and send those that are due."""
    with acting_for_all():
        alerts.announce(now=timezone.now())
        escalation.escalate(now=timezone.now())
        sending.send_due(now=timezone.now())
