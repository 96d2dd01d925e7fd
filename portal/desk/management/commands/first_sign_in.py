"""manage.py first_sign_in: make the first lead where there is none, and say how to sign in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from clients.support.services import knowledge
from portal.accounts.actor import Actor
from portal.accounts.scope import acting_for_all
from portal.signin.services.first import add_sample_approver, enrol_app, ensure_first_lead


class Command(BaseCommand):
    """Prints one line or two."""

    help = "Make the first lead where there is none, and print how to sign in (the password is shown once)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--email", default="operator@retainer.example")
        parser.add_argument("--demo", action="store_true", help="with a second factor whose codes `manage.py code` prints")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        with acting_for_all():
            knowledge.ship(actor=Actor.portal("shipped answers"), now=timezone.now())
            made = ensure_first_lead(email=options["email"], now=timezone.now())
            if made is None:
                self.stdout.write("Sign in as before. Forgotten? make password EMAIL=address (manage.py set_password in production)")
                return
            user, password = made
            if options["demo"]:
                enrol_app(user=user)
                approver = add_sample_approver(password=password, now=timezone.now())
        self.stdout.write(f"First sign-in: {user.email}  password: {password}  (shown this once: keep it)")
        if options["demo"]:
            self.stdout.write(f"Second factor: make code EMAIL={user.email} prints the code of this minute (of this sample account)")
            self.stdout.write(f"Whoever asks for a rollout does not approve it: {approver.email} does, same password, code likewise")
        else:
            self.stdout.write("The portal then asks you to set up a second factor: an authenticator app or a passkey.")
