"""manage.py check_start: what every process of the portal checks before it takes work, as a command of its own."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from portal.vault import keys


class Command(BaseCommand):
    """Says nothing where all is well."""

    help = "Check the database role and the vault's master key; exit status 1 with a sentence where one is wrong."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        try:
            keys.check()
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
