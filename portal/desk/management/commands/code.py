"""manage.py code ADDRESS: the code that somebody's authenticator app shows now; for sample accounts and for lost phones.

Who can run this has the vault's master key and the database, so it opens nothing that was closed to them; that it was asked
for stands in the audit trail.
"""

import time
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.scope import acting_for_all
from portal.audit import services as audit
from portal.vault.services import unseal_for_portal

PERIOD_S = 30


class Command(BaseCommand):
    """Prints the code."""

    help = "Print the code that somebody's authenticator app shows now."

    def add_arguments(self, parser: CommandParser) -> None:
        """Options."""
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        with acting_for_all():
            user = User.objects.filter(email__iexact=options["email"], is_active=True).first()
            factor = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first() if user else None
            if user is None or factor is None:
                raise CommandError(f"{options['email']} has no authenticator app.")
            audit.record(action="account.code", actor=Actor.portal("manage.py code"), subject=user, client_id=None, now=timezone.now())
            seed = unseal_for_portal(factor.data["secret"])
        self.stdout.write(format_hotp_value(hotp_value(seed, int(time.time()) // PERIOD_S)))
