"""Tasks: one call each."""

from celery import shared_task
from django.utils import timezone

from clients.support.services import diagnosis, guided, incoming, mailbox, sending, watching


@shared_task(name="support.fetch_mail", queue="default")
def fetch_mail(**_later: object) -> None:
    """Fetch mail of the support mailbox."""
    mailbox.fetch_quietly(now=timezone.now())


@shared_task(name="support.take_mail", queue="default")
def take_mail(**_later: object) -> None:
    """Put mail that came in where it belongs."""
    incoming.take_waiting(now=timezone.now())


@shared_task(name="support.send_mail", queue="default")
def send_mail(**_later: object) -> None:
    """Send mail that waits."""
    sending.send_due(now=timezone.now())


@shared_task(name="support.watch_promises", queue="default")
def watch_promises(**_later: object) -> None:
    """Warn of promises before they break."""
    watching.watch_promises(now=timezone.now())


@shared_task(name="support.send_digests", queue="default")
def send_digests(**_later: object) -> None:
    """Send what waited for its day."""
    watching.send_digests(now=timezone.now())


@shared_task(name="support.diagnose", queue="hosts")
def diagnose(**_later: object) -> None:
    """Look into tickets on their systems, before a human reads them."""
    diagnosis.diagnose_due(now=timezone.now())


@shared_task(name="support.act", queue="hosts")
def act(**_later: object) -> None:
    """Do what operators asked for on systems, for tickets."""
    guided.act_on_due(now=timezone.now())
