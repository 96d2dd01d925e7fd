"""What a process of the portal checks before it takes work."""

import sys

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError, connection

from portal.vault import keys


def check_or_stop() -> None:
    """End the process with a sentence where the database role or the master key is not the right one.

    A database that does not answer yet is no reason to end: the role is checked on each connection anyway.
    """
    try:
        keys.check()
    except (OperationalError, ProgrammingError):
        return  # no database, or not migrated yet: nothing is sealed that could be damaged
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(3) from error
    finally:
        connection.close()
