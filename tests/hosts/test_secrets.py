"""The private key appears nowhere in logs, process lists, task arguments or the database in clear."""

from pathlib import Path

import pytest
from django.db import connection

from clients.services.access import client_ssh_key
from portal.vault.services import open_for_use
from tests import services
from tests.hosts.conftest import finished, logged, set_up
from tests.hosts.steps import start

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


def everything_in_the_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        texts = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts)


def test_the_private_key_is_nowhere_in_clear(machine, workers):
    system = set_up(machine, packages=("lab-slow",))
    run = start(system, "lab-slow")
    logged(run, "slow step 3")
    private = open_for_use(client_ssh_key(system.client_id)).decode()
    # a line of the key's body, and the same as bytea prints it
    needle = private.splitlines()[2]
    processes = b"\n".join(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()).decode(errors="replace")
    on_host = machine.run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; cat /var/log/* 2>/dev/null; journalctl --no-pager")
    finished(run)
    database = everything_in_the_database()
    folder = services.folder()
    broker = b"".join(path.read_bytes() for path in (folder / "valkey").rglob("*") if path.is_file()).decode(errors="replace")
    logs = workers.log.read_text() + (folder / "servers.log").read_text()
    for place, text in {"processes": processes, "host": on_host, "database": database, "broker": broker, "logs": logs}.items():
        assert needle not in text, place
        assert needle.encode().hex() not in text, place
        assert "PRIVATE KEY" not in text, place
    # what is looked for is really what opens the host, and the places were really read
    assert str(run.uuid) in database
    assert "maintenance.execute_run" in broker
    assert "retainer-host execute" in on_host
