"""Tasks: one call each."""

from celery import shared_task
from django.utils import timezone

from portal.accounts.scope import acting_for_all
from portal.accounts.sessions import SessionStore
from portal.signin.services import links


@shared_task(name="signin.send_mail", queue="default")
def send_mail(**_later: object) -> None:
    """Send invitations and password links that wait."""
    with acting_for_all():
        links.send_waiting(now=timezone.now())


@shared_task(name="signin.clear_sessions", queue="default")
def clear_sessions(**_later: object) -> None:
    """Remove sessions that are over."""
    SessionStore.clear_expired()
