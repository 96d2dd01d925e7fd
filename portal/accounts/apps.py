"""App configuration: every new database connection is looked at, and told for whom it works."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class AccountsConfig(AppConfig):
    """Accounts."""

    name = "portal.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Connect what each new connection goes through."""
        from portal.accounts.rowsecurity import refuse_to_bypass
        from portal.accounts.scope import state_on_new_connection

        connection_created.connect(refuse_to_bypass, dispatch_uid="refuse_to_bypass")
        connection_created.connect(state_on_new_connection, dispatch_uid="state_on_new_connection")
