"""`manage.py watch`: watches the portal itself (docs/monitoring.md)."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from monitoring.services import watcher


class Command(BaseCommand):
    """Runs until it is told to stop."""

    help = "Watch workers, beat, broker, database and queues, from a process that needs none of them."
    requires_system_checks: list[str] = []  # noqa: RUF012  # as Django declares it

    def handle(self, *args: Any, **options: Any) -> None:
        """Look every twenty seconds."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        state = watcher.load()
        while not stop.is_set():
            state = watcher.step(state, now=timezone.now())
            stop.wait(watcher.EVERY_S)
