"""manage.py verify_audit: does every event follow the one before it, unchanged? Names the first broken link of each chain."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.scope import acting_for_all
from portal.audit.chain import Head, verify


class Command(BaseCommand):
    """Exit status 1 where a chain is broken."""

    help = "Verify the audit trail's hash chains and name the first broken link of each."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--heads", action="store_true", help="print where each chain ends, to be kept outside the database")
        parser.add_argument("--against", type=Path, metavar="FILE", help="also compare with ends printed earlier by --heads")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        known = _read(options["against"]) if options["against"] else {}
        with acting_for_all():
            heads, broken = verify(known=known)
        if options["heads"]:
            for head in heads:
                self.stdout.write(f"{head.chain} {head.position} {head.hash}")
        for link in broken:
            whose = f"client {link.chain}" if link.chain else "no client"
            event = f"event {link.event_id}" if link.event_id else "no event"
            self.stderr.write(f"BROKEN: chain of {whose}, position {link.position} ({event}): {link.why}")
        if broken:
            raise CommandError(f"{len(broken)} of the audit trail's chains do not hold.")
        if not options["heads"]:
            self.stdout.write(f"{len(heads)} chains, {sum(head.position for head in heads)} events: every link holds.")


def _read(path: Path) -> dict[int, Head]:
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return {int(chain): Head(int(chain), int(position), digest) for chain, position, digest in lines}
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} can't be read as the output of verify_audit --heads: {error}") from error
