"""A portal of the benchmark's own: servers, schema, the portal's role with row-level security in force, as in production."""

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.up import servers
from portal.up.supervisor import Child, Supervisor


@contextmanager
def portal() -> Iterator[None]:
    """PostgreSQL and Valkey as `make up` runs them (with fsync), migrated; Django is set up on them within."""
    with tempfile.TemporaryDirectory(prefix="rt-bench-") as name:
        folder = Path(name)
        sockets = folder / "s"
        sockets.mkdir(mode=0o700)
        supervisor = Supervisor(log=folder / "servers.log", quiet=True)
        try:
            database = servers.postgres(data=folder / "pg", sockets=sockets)
            servers.wait_for_socket(database, supervisor.start(Child("postgres", database.argv, database.environment, stop_signal=2)))
            servers.create_database(database.url)
            broker = servers.valkey(data=folder / "valkey", sockets=sockets)
            servers.wait_for_socket(broker, supervisor.start(Child("valkey", broker.argv)))
            os.environ.update(
                DATABASE_OWNER_URL=database.url, DATABASE_URL=servers.url_of_role(database.url, servers.APP_ROLE), REDIS_URL=broker.url,
                SECRET_KEY=secrets.token_urlsafe(50), ALLOWED_HOSTS="*", PORTAL_HTTPS="false", PORTAL_VAR=str(folder / "var"),
                VAULT_MASTER_KEY="A" * 43 + "=", DJANGO_SETTINGS_MODULE="portal.settings", PORTAL_LOG_LEVEL="WARNING",
            )  # fmt: skip
            # of its own process: it works as the owner of the tables, and we must not
            for words in (["migrate", "--verbosity=0"], ["collectstatic", "--no-input", "--verbosity=0"]):
                subprocess.run([sys.executable, "manage.py", *words], check=True)
            import django

            django.setup()
            yield
        finally:
            supervisor.stop()


def analyze() -> None:
    """What autovacuum does after a while: statistics and visibility, as the owner of the tables."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
