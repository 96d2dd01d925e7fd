"""Early pytest plugin (`-p tests.services`): a PostgreSQL and a Valkey of this run's own, before Django reads its settings.

TEST_DATABASE_URL and TEST_REDIS_URL name servers to use instead. The servers die with this process, however it ends.

Migrating takes half a minute. It is done once for each state of the migrations; every process of a run begins with a copy of that
server's data, and makes its test database out of the migrated one.
"""

import base64
import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from portal.up import servers
from portal.up.supervisor import Child, Supervisor

CHECKOUT = Path(__file__).resolve().parents[1]
# Of the migrated database, which test databases are made out of.
TEMPLATE = "retainer_template"
_here: dict[str, object] = {}


def _keep_migrated() -> Path:
    """The data of a server that holds the migrated template, of the migrations as they are now; made where it is missing."""
    texts = sorted(
        [*CHECKOUT.glob("*/migrations/*.py"), *CHECKOUT.glob("portal/*/migrations/*.py"), CHECKOUT / "requirements-dev.lock"]
    )
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in texts)).hexdigest()[:16]
    kept = CHECKOUT / "var" / "tests"
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (kept / digest).exists():
            for old in kept.glob("*/"):
                shutil.rmtree(old)
            _migrate_into(kept / digest)
    return kept / digest


def _migrate_into(data: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    sockets = folder / "s"
    sockets.mkdir(mode=0o700)
    supervisor = Supervisor(log=folder / "servers.log", quiet=True)
    server = servers.postgres(data=folder / "pg", sockets=sockets, fast_and_unsafe=True)
    servers.wait_for_socket(server, supervisor.start(Child("postgres", server.argv, server.environment, stop_signal=2)))
    servers.create_database(server.url, name=TEMPLATE)
    url = f"{server.url.rsplit('/', 1)[0]}/{TEMPLATE}"
    environment = {**os.environ, **_settings(folder), "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1"}
    try:
        subprocess.run([sys.executable, "-W", "ignore", "manage.py", "migrate", "-v", "0"], cwd=CHECKOUT, env=environment, check=True)
    finally:
        supervisor.stop()
    half = data.with_suffix(".half")
    subprocess.run(["cp", "-a", str(folder / "pg"), str(half)], check=True)
    half.rename(data)
    shutil.rmtree(folder)


def _settings(folder: Path) -> dict[str, str]:
    """What the settings read, beside the addresses of the servers."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50), "ALLOWED_HOSTS": "*", "PORTAL_HTTPS": "false",
        "VAULT_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(), "PORTAL_VAR": str(folder / "var"),
        "DJANGO_SETTINGS_MODULE": "portal.settings", "PORTAL_SETTLE_S": "2", "PORTAL_CLAIM_LEASE_S": "6", "PORTAL_SWEEP_S": "2",
        "PORTAL_READ_CHANGELOGS": "false",
    }  # fmt: skip


def _start() -> None:
    """Start the servers and set the environment that settings read."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    sockets = folder / "s"
    sockets.mkdir(mode=0o700)
    supervisor = Supervisor(log=folder / "servers.log", quiet=True)
    _here.update(folder=folder, supervisor=supervisor)
    database, broker = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    if not database:
        # owner and modes as they are: it may be nobody's
        subprocess.run(["cp", "-a", str(_keep_migrated()), str(folder / "pg")], check=True)
        _here["template"] = TEMPLATE
        server = servers.postgres(data=folder / "pg", sockets=sockets, fast_and_unsafe=True)
        servers.wait_for_socket(server, supervisor.start(Child("postgres", server.argv, server.environment, stop_signal=2)))
        servers.create_database(server.url)
        database = server.url
    if not broker:
        server = servers.valkey(data=folder / "valkey", sockets=sockets)
        servers.wait_for_socket(server, supervisor.start(Child("valkey", server.argv)))
        broker = server.url
    _here["DATABASE_URL"] = database
    os.environ.update(_settings(folder), DATABASE_URL=database, REDIS_URL=broker)


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


def template() -> str | None:
    """The database that test databases are made out of; None on servers that somebody named."""
    found = _here.get("template")
    return str(found) if found else None


def folder() -> Path:
    """Where this run's servers keep their data and logs."""
    return Path(str(_here["folder"]))


# At import: pytest-django reads the settings before any hook of ours could run.
_start()
