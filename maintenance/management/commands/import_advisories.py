"""manage.py import_advisories FILE …: import advisory feeds from files, and match every open update with them."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from maintenance.services import feeds, matching
from portal.accounts.actor import Actor
from portal.accounts.scope import acting_for_all
from portal.errors import PortalError

ACTOR = Actor.portal("manage.py import_advisories")


class Command(BaseCommand):
    """Exit status 1 where a file was refused; the others are imported all the same."""

    help = "Import advisory feeds: debian.json, osv-….zip, kev.json, epss.csv.gz."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which files."""
        parser.add_argument("files", nargs="+", type=Path)
        parser.add_argument("--accept-shrunk", action="store_true", help="take a feed that lost more than a tenth of its entries")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        refused = []
        with acting_for_all():
            for path in options["files"]:
                try:
                    done = feeds.import_file(path=path, actor=ACTOR, now=timezone.now(), accept_shrunk=options["accept_shrunk"])
                except PortalError as error:
                    refused.append(str(error))
                    continue
                self.stdout.write(f"{done.feed}: {done.entries} entries{', unchanged' if done.unchanged else ''}")
            self.stdout.write(f"{matching.match_all()} open updates matched")
        if refused:
            raise CommandError(" ".join(refused))
