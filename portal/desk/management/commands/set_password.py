"""manage.py set_password ADDRESS: a new random password, printed once."""

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User


class Command(BaseCommand):
    """Prints the new password; it never stands in an argument."""

    help = "Give a user a new random password and print it once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError(f"Nobody signs in as {options['email']}.")
        password = secrets.token_urlsafe(12)
        user.set_password(password)
        user.save(update_fields=["password"])
        self.stdout.write(f"New password of {user.email}: {password}")
