"""manage.py erase_client SLUG: after a handover, erase what is not kept; or only say what is there."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from clients.models import Client
from handover.services import erasing
from portal.accounts.actor import Actor
from portal.accounts.owner import owner_at_work
from portal.errors import PortalError


class Command(BaseCommand):
    """Erase a client that was let go of, or show what is left."""

    help = "Erase everything of a client that was let go of, except what is kept by law. Without --yes it only says what is there."

    def add_arguments(self, parser: Any) -> None:
        """Which client, and whether for real."""
        parser.add_argument("slug")
        parser.add_argument("--yes", action="store_true", help="erase; it can't be undone")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, or say what is there. Exit status 1 where something is left."""
        with owner_at_work(connection):
            client = Client.objects.filter(slug=options["slug"]).first()
            if client is None:
                raise CommandError(f"There is no client {options['slug']}.")
            if options["yes"]:
                try:
                    for words in erasing.erase(client=client, actor=Actor.portal("erase_client"), now=timezone.now()):
                        self.stdout.write(words)
                except PortalError as error:
                    raise CommandError(f"{error.message} {error.hint}") from error
            left, files = erasing.left_of(client.pk), erasing.files_of(client.pk)
            for table, number in left.items():
                self.stdout.write(f"{table}: {number} rows")
            for path in files:
                self.stdout.write(f"{path.name}: a file")
            for table, number in erasing.counts(client.pk).items():
                if table in erasing.KEPT:
                    self.stdout.write(f"kept: {number} rows of {table} ({erasing.KEPT[table]})")
            if left or files:
                raise CommandError("This is left." if options["yes"] else "This would be erased; run it with --yes.")
            self.stdout.write("Nothing else of this client is left.")
