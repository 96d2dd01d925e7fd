"""manage.py migrate, as the owner of the tables, with a limit on waiting for locks, and row-level security afterwards."""

from typing import Any

import dj_database_url
from django.core.management.commands import migrate
from django.db import connections

from portal import env
from portal.accounts.rowsecurity import secure
from portal.accounts.scope import acting_for_all

LOCK_TIMEOUT = "10s"


class Command(migrate.Command):
    """Django's own command between the two."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, then secure every table that carries a client."""
        connection = connections[options["database"]]
        app = dict(connection.settings_dict)
        # read here and nowhere else: the settings of the running portal do not hold it
        owner_url = env.secret("DATABASE_OWNER_URL", default="")
        if owner_url and not app.get("OWNER_AT_WORK"):
            owner = dj_database_url.parse(owner_url)
            owner["PASSWORD"] = env.secret("DATABASE_OWNER_PASSWORD", default="") or owner["PASSWORD"]
            connection.close()
            connection.settings_dict.update({key: owner[key] for key in ("USER", "PASSWORD", "HOST", "PORT")})
        connection.settings_dict["OWNER_AT_WORK"] = True
        with acting_for_all(), connection.cursor() as cursor:
            # a migration that can't get its lock gives up, rather than have every request queue behind it
            cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
            super().handle(*args, **options)
            if not options.get("plan") and not options.get("check_unapplied"):
                role = app.get("APP_ROLE") or app["USER"]
                secure(cursor, app_role=role, app_password=app.get("APP_PASSWORD") or app["PASSWORD"])
