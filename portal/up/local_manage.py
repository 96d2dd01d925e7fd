"""manage.py with the settings of the portal that `make up` runs from this checkout."""

import os
import subprocess
import sys

from portal.up.places import CHECKOUT, socket_folder
from portal.up.portal_processes import settings_environment
from portal.up.servers import APP_ROLE, DATABASE, postgres_sockets


def main() -> int:
    """Run manage.py against the running portal's servers."""
    sockets = socket_folder()
    address = f"{str(postgres_sockets(sockets)).replace('/', '%2F')}/{DATABASE}"
    local = {
        "DATABASE_URL": f"postgres://{APP_ROLE}@{address}",
        "DATABASE_OWNER_URL": f"postgres://postgres@{address}",
        "REDIS_URL": f"redis+socket://{sockets / 'r.sock'}",
    }
    environment = {**local, **os.environ, **settings_environment()}
    return subprocess.run([sys.executable, "manage.py", *sys.argv[1:]], cwd=CHECKOUT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
