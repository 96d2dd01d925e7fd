"""manage.py take_over FILE: read a handover's package back in, with a preview."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from handover.services import importing
from portal.accounts.actor import Actor
from portal.accounts.scope import acting_for_all
from portal.errors import PortalError


class Command(BaseCommand):
    """Bring a client in from another operator's package."""

    help = "Show what a package would bring in; with --yes bring it in."

    def add_arguments(self, parser: Any) -> None:
        """Which file, and whether for real."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--yes", action="store_true", help="bring it in")

    def handle(self, *args: Any, **options: Any) -> None:
        """Preview or take over."""
        with acting_for_all():
            try:
                values = importing.read_package(options["file"])
                found = importing.preview(values)
                self.stdout.write(
                    "\n".join(
                        [found.client, *(f"  {line}" for line in found.lines), *(f"  NOT POSSIBLE: {one}" for one in found.problems)]
                    )
                )
                if options["yes"]:
                    client = importing.take_over(values=values, actor=Actor.portal("take_over"), now=timezone.now())
                    self.stdout.write(f"{client} was brought in. Confirm the host keys of its systems next.")
            except PortalError as error:
                raise CommandError(f"{error.message} {error.hint}") from error
