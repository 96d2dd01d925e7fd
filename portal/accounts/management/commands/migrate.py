"""manage.py migrate, as the owner of the tables, with a limit on waiting for locks, and row-level security afterwards."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from portal.accounts.owner import owner_at_work
from portal.accounts.rowsecurity import secure

LOCK_TIMEOUT = "10s"


class Command(migrate.Command):
    """Django's own command between the two."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then secure every table that carries a client."""
        connection = connections[options["database"]]
        with owner_at_work(connection) as app, connection.cursor() as cursor:
            # a migration that can't get its lock gives up, rather than have every request queue behind it
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
            super().handle(*args, **options)
            if not options.get("plan") and not options.get("check_unapplied"):
                role = app.get("APP_ROLE") or app["USER"]
                secure(cursor, app_role=role, app_password=app.get("APP_PASSWORD") or app["PASSWORD"])
