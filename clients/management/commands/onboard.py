"""manage.py onboard: the steps of the onboarding page, from a terminal, through the same services."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from clients.choices import Access, Environment, HostWork, KeyState
from clients.models import Client, System
from clients.services import onboarding, registry
from portal.accounts.actor import Actor
from portal.accounts.scope import acting_for_all
from portal.errors import PortalError

ACTOR = Actor.portal("manage.py onboard")


class Command(BaseCommand):
    """One step per call, as on the page: add, keys, confirm, script, test."""

    help = "Onboard a system: add, keys (read and show), confirm FINGERPRINT, script, test."

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command a step."""
        steps = parser.add_subparsers(dest="step", required=True)
        add = steps.add_parser("add", help="add a system (and its client where it is new)")
        add.add_argument("client")
        add.add_argument("name")
        add.add_argument("address")
        add.add_argument("--port", type=int, default=22)
        add.add_argument("--login", default="retainer")
        add.add_argument("--environment", choices=Environment.values, required=True)
        add.add_argument("--access", choices=Access.values, default=Access.MANAGE)
        add.add_argument("--staging-twin", default="", help="name of the client's staging system")
        for name, text in (
            ("keys", "read the host's keys and show their fingerprints"),
            ("confirm", "pin the key with this fingerprint"),
            ("script", "print the set-up script for the host"),
            ("test", "test the connection, step by step"),
        ):
            step = steps.add_parser(name, help=text)
            step.add_argument("client")
            step.add_argument("name")
            if name == "confirm":
                step.add_argument("fingerprint")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one step; an error is a sentence."""
        try:
            with acting_for_all():
                getattr(self, f"_{options['step']}")(options)
        except PortalError as error:
            raise CommandError(str(error)) from error

    def _add(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        client = Client.objects.filter(name=options["client"]).first()
        if client is None:
            client = registry.add_client(name=options["client"], actor=ACTOR, now=now)
        twin = None
        if options["staging_twin"]:
            twin = self._find(options["client"], options["staging_twin"])
        system = registry.add_system(
            client=client, name=options["name"], address=options["address"], port=options["port"], login=options["login"],
            environment=options["environment"], access=options["access"], staging_twin=twin, actor=ACTOR, now=now,
        )  # fmt: skip
        self.stdout.write(f"Added {system} ({system.destination}). Next: onboard keys.")

    def _keys(self, options: dict[str, Any]) -> None:
        system = self._find(options["client"], options["name"])
        onboarding.ask(system=system, work=HostWork.READ_HOST_KEYS, actor=ACTOR, now=timezone.now())
        onboarding.read_host_keys(system_id=system.pk, now=timezone.now())
        keys = list(system.host_keys.exclude(state=KeyState.RETIRED).order_by("key_type"))
        if not keys:
            system.refresh_from_db()
            raise CommandError(system.connection_message or "The host showed no key.")
        for key in keys:
            self.stdout.write(f"{key.key_type} {key.fingerprint} {key.get_state_display()}")
        self.stdout.write("Compare with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then: onboard confirm.")

    def _confirm(self, options: dict[str, Any]) -> None:
        system = self._find(options["client"], options["name"])
        key = onboarding.confirm_host_key(system=system, fingerprint=options["fingerprint"], actor=ACTOR, now=timezone.now())
        self.stdout.write(f"Pinned {key}. Next: run the set-up script as root on the host (onboard script).")

    def _script(self, options: dict[str, Any]) -> None:
        self.stdout.write(onboarding.setup_script(self._find(options["client"], options["name"])), ending="")

    def _test(self, options: dict[str, Any]) -> None:
        system = self._find(options["client"], options["name"])
        onboarding.ask(system=system, work=HostWork.TEST_CONNECTION, actor=ACTOR, now=timezone.now())
        onboarding.test_connection(system_id=system.pk, now=timezone.now())
        system.refresh_from_db()
        for proof in system.connection_proofs:
            self.stdout.write(f"{'ok    ' if proof['ok'] else 'FAILED'}  {proof['what']}: {proof['message']}")
        if any(not proof["ok"] for proof in system.connection_proofs):
            raise CommandError("The connection is not proven yet.")

    def _find(self, client: str, name: str) -> System:
        found = System.objects.select_related("client").filter(client__name=client, name=name).first()
        if found is None:
            raise CommandError(f"There is no system {name} of a client {client}.")
        return found
