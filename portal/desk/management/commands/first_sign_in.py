"""manage.py first_sign_in: make the first operator where there is none, and say how to sign in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.accounts.services import ensure_first_operator


class Command(BaseCommand):
    """Prints one line."""

    help = "Make the first operator where there is none, and print how to sign in (the password is shown once)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("--email", default="operator@retainer.example")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        made = ensure_first_operator(email=options["email"])
        if made is None:
            self.stdout.write("Sign in as before. Forgotten? make password EMAIL=address (manage.py set_password in production)")
            return
        user, password = made
        self.stdout.write(f"First sign-in: {user.email}  password: {password}  (shown this once: keep it)")
