"""manage.py set_password ADDRESS: a new random password, printed once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.accounts.models import User
from portal.accounts.scope import acting_for_all
from portal.signin.services.first import give_new_password


class Command(BaseCommand):
    """Prints the new password; it never stands in an argument."""

    help = "Give a user a new random password and print it once; their sessions and tokens end."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        with acting_for_all():
            user = User.objects.filter(email__iexact=options["email"]).first()
            if user is None:
                raise CommandError(f"Nobody signs in as {options['email']}.")
            password = give_new_password(user=user, now=timezone.now())
        self.stdout.write(f"New password of {user.email}: {password}")
