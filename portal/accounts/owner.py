"""The owner of the tables at work: for migrations, and for what the portal's own role must not be able to do."""

import contextlib
from collections.abc import Iterator
from typing import Any

import dj_database_url

from portal import env
from portal.accounts.scope import acting_for_all


@contextlib.contextmanager
def owner_at_work(connection: Any) -> Iterator[dict[str, Any]]:
    """From here on the connection is the owner's (DATABASE_OWNER_URL, where it is given); yields what the portal's own login was."""
    app = dict(connection.settings_dict)
    # read here and nowhere else: the settings of the running portal do not hold it
    owner_url = env.secret("DATABASE_OWNER_URL", default="")
    if owner_url and not app.get("OWNER_AT_WORK"):
        owner = dj_database_url.parse(owner_url)
        owner["PASSWORD"] = env.secret("DATABASE_OWNER_PASSWORD", default="") or owner["PASSWORD"]
        connection.close()
        connection.settings_dict.update({key: owner[key] for key in ("USER", "PASSWORD", "HOST", "PORT")})
    connection.settings_dict["OWNER_AT_WORK"] = True
    with acting_for_all():
        yield app
