"""After a handover: what the law asks for stays, everything else of a client goes, and what is left can be counted.

Done as the owner of the tables, in one statement: rows that nobody may change by themselves go together with what they belong to.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier

from clients.models import Client
from handover.choices import LettingState
from handover.errors import Blocked
from handover.models import LettingGo, Package, Walkthrough
from handover.services import packages, walkthroughs, zipping
from portal.accounts.actor import Actor
from portal.accounts.rowsecurity import tables_of_clients
from portal.audit import services as audit

# What is kept: who did what on their behalf (chained, so it can't be shortened), what was billed, and the name that both are of.
KEPT = {
    "clients_client": "the client's name",
    "audit_auditevent": "what was done on their behalf",
    "support_statement": "months of hours that were billed",
    "support_plan": "what was agreed on hours",
    "support_timeentry": "the hours themselves",
    "handover_handover": "the handover's final report",
}


def counts(client_id: int) -> dict[str, int]:
    """How many rows of a client each table holds, of those that hold any."""
    found: dict[str, int] = {}
    with connection.cursor() as cursor:
        for table, column in tables_of_clients(cursor).items():
            cursor.execute(SQL("SELECT count(*) FROM {} WHERE {} = %s").format(Identifier(table), Identifier(column)), [client_id])
            number = cursor.fetchone()[0]
            if number:
                found[table] = number
    return found


def left_of(client_id: int) -> dict[str, int]:
    """What is there that should be erased: rows by table."""
    return {table: number for table, number in counts(client_id).items() if table not in KEPT}


def files_of(client_id: int) -> list[Path]:
    """Files of a client outside of the database: packages and videos."""
    rows = [packages.path_of(one) for one in Package.objects.filter(client_id=client_id)]
    rows += [path.with_suffix(".journal") for path in rows]
    rows += [walkthroughs.path_of(one) for one in Walkthrough.objects.filter(client_id=client_id).exclude(file_name="")]
    return [path for path in rows if path.exists()]


def demand_let_go(client: Client) -> None:
    """Raises Blocked unless our access is gone and the retainer ended: until then nothing of a client's is erased."""
    if client.ended_at is None or not LettingGo.objects.filter(client=client, state=LettingState.DONE).exists():
        raise Blocked("This client was not let go of.", hint="Our access goes first; the handover's page shows what is left.")


def erase(*, client: Client, actor: Actor, now: datetime) -> Iterator[str]:
    """Erase everything that is not kept, told in words. The caller works as the owner of the tables (portal/accounts/owner.py).

    Killed midway it is run again: files go first, rows in one transaction.

    Raises:
        Blocked: the client was not let go of.
    """
    demand_let_go(client)
    for path in files_of(client.pk):
        if path.suffix == ".zip":
            zipping.forget(path)
        path.unlink(missing_ok=True)
        yield f"{path.name}: removed"
    with transaction.atomic(), connection.cursor() as cursor:
        tables = [table for table in left_of(client.pk) if _is_whole(cursor, table)]
        _lift_what_is_kept(cursor, client.pk)
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        # one statement: what refers to each other goes at once, and is looked at when all of it is gone
        parts = [
            SQL("{} AS (DELETE FROM {} WHERE client_id = %s)").format(Identifier(f"of_{table}"), Identifier(table)) for table in tables
        ]
        if parts:
            cursor.execute(SQL("WITH {} SELECT 1").format(SQL(", ").join(parts)), [client.pk] * len(tables))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
        audit.record(action="client.erase", actor=actor, subject=client, client_id=client.pk, now=now, tables=len(tables))
    yield from (f"{table}: emptied" for table in tables)


def _is_whole(cursor: Any, table: str) -> bool:
    """Not a partition: its rows go with its table's."""
    cursor.execute("SELECT relispartition FROM pg_class WHERE oid = %s::regclass", [table])
    return not cursor.fetchone()[0]


def _lift_what_is_kept(cursor: Any, client_id: int) -> None:
    """Hours that are kept let go of the ticket that they were spent on."""
    cursor.execute("ALTER TABLE support_timeentry DISABLE TRIGGER USER")
    cursor.execute("UPDATE support_timeentry SET ticket_id = NULL WHERE client_id = %s", [client_id])
    cursor.execute("ALTER TABLE support_timeentry ENABLE TRIGGER USER")
