"""`manage.py take_mail < mail`: for a mail server that hands mail over by a pipe."""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from clients.support.services import incoming
from portal.accounts.scope import acting_for_all


class Command(BaseCommand):
    """Keeps one mail; a worker puts it where it belongs."""

    help = "Keep a mail from standard input. Exit status 75 (try again) where it could not be kept."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        raw = sys.stdin.buffer.read()
        try:
            with acting_for_all():
                incoming.keep(raw, now=timezone.now())
        except Exception as error:
            # EX_TEMPFAIL (sysexits.h): the mail server keeps it and comes again
            self.stderr.write(f"Not kept: {type(error).__name__}")
            raise SystemExit(75) from error
