"""manage.py rotate_keys: wrap all data keys with a new master key, or give clients new data keys. Killed, it is run again."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.accounts.scope import acting_for_all
from portal.vault.models import DataKey
from portal.vault.rotation import rotate_client_key, rotate_master_key

ACTOR = Actor.portal("manage.py rotate_keys")


class Command(BaseCommand):
    """Prints each step as it is committed."""

    help = "Rotate the vault's keys: --master after setting VAULT_MASTER_KEY and VAULT_MASTER_KEY_PREVIOUS, or --clients."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which keys."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--master", action="store_true", help="wrap every data key with the new VAULT_MASTER_KEY")
        which.add_argument("--clients", action="store_true", help="give every client a new data key")
        which.add_argument("--client", type=int, metavar="ID", help="give one client a new data key")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        try:
            with acting_for_all():
                if options["master"]:
                    for step in rotate_master_key(actor=ACTOR, now=timezone.now()):
                        self._say(step)
                    self._say("done: every data key is wrapped by VAULT_MASTER_KEY. Remove VAULT_MASTER_KEY_PREVIOUS now.")
                    return
                for client_id in self._clients(options["client"]):
                    for step in rotate_client_key(client_id=client_id, actor=ACTOR, now=timezone.now()):
                        self._say(step)
                self._say("done")
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error

    def _clients(self, only: int | None) -> list[int]:
        found = DataKey.objects.filter(client__isnull=False).order_by("client_id").values_list("client_id", flat=True).distinct()
        ids = [client_id for client_id in found if client_id is not None and (only is None or client_id == only)]
        if only is not None and not ids:
            raise CommandError(f"No client {only} has a data key.")
        return ids

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
