"""Early pytest plugin (`-p tests.services`): a PostgreSQL and a Valkey of this run's own, before Django reads its settings.

TEST_DATABASE_URL and TEST_REDIS_URL name servers to use instead. The servers die with this process, however it ends.
"""

import base64
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from portal.up import servers
from portal.up.supervisor import Child, Supervisor

_here: dict[str, object] = {}


def _start() -> None:
    """Start the servers and set the environment that settings read."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    sockets = folder / "s"
    sockets.mkdir(mode=0o700)
    supervisor = Supervisor(log=folder / "servers.log", quiet=True)
    _here.update(folder=folder, supervisor=supervisor)
    database, broker = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    if not database:
        server = servers.postgres(data=folder / "pg", sockets=sockets, fast_and_unsafe=True)
        servers.wait_for_socket(server, supervisor.start(Child("postgres", server.argv, server.environment, stop_signal=2)))
        servers.create_database(server.url)
        database = server.url
    if not broker:
        server = servers.valkey(data=folder / "valkey", sockets=sockets)
        servers.wait_for_socket(server, supervisor.start(Child("valkey", server.argv)))
        broker = server.url
    _here["DATABASE_URL"] = database
    os.environ.update(
        DATABASE_URL=database, REDIS_URL=broker, SECRET_KEY=secrets.token_urlsafe(50), ALLOWED_HOSTS="*", PORTAL_HTTPS="false",
        VAULT_MASTER_KEY=base64.b64encode(secrets.token_bytes(32)).decode(), PORTAL_VAR=str(folder / "var"),
        DJANGO_SETTINGS_MODULE="portal.settings", PORTAL_SETTLE_S="2", PORTAL_CLAIM_LEASE_S="6", PORTAL_SWEEP_S="2", PORTAL_READ_CHANGELOGS="false",
    )  # fmt: skip


def pytest_unconfigure() -> None:
    """Stop the servers and remove their data."""
    supervisor = _here.pop("supervisor", None)
    if isinstance(supervisor, Supervisor):
        supervisor.stop()
        shutil.rmtree(str(_here.pop("folder")), ignore_errors=True)


def supervisor() -> Supervisor:
    """The supervisor of this run's servers, for tests that stop or restart one."""
    found = _here["supervisor"]
    assert isinstance(found, Supervisor)
    return found


def folder() -> Path:
    """Where this run's servers keep their data and logs."""
    return Path(str(_here["folder"]))


# At import: pytest-django reads the settings before any hook of ours could run.
_start()
