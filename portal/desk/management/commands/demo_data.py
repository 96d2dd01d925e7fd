"""manage.py demo_data: a sample client to look at; refuses where clients of yours are."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from portal.accounts.scope import acting_for_all
from portal.desk import demo
from portal.errors import PortalError


class Command(BaseCommand):
    """Run again, it finds everything there."""

    help = "Make a sample client with systems, advisories, pending updates and decisions. Not where real clients are."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        with acting_for_all():
            try:
                client = demo.fill(now=timezone.now())
            except PortalError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{client}: sample systems that were never connected, with what they would have pending")
