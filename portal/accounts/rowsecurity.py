"""Row-level security: every table that carries a client gives only rows of the clients that the connection states.

`manage.py migrate` runs this as the owner of the tables after its migrations, so that a new table can't be forgotten. The
portal's own processes use another role, which owns nothing and can't step around it; they refuse to start on one that could.
"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from psycopg import sql

# Who may see or write a row. The inner SELECTs make PostgreSQL ask once per query instead of once per row.
_OF_CLIENT = "(SELECT retainer_all_clients()) OR {column} = ANY ((SELECT retainer_clients())::bigint[])"
# A person may always find out where they belong, and read what was written for all clients.
_ALSO_SEEN = {
    "accounts_membership": " OR user_id = (SELECT retainer_user())",
    **dict.fromkeys(("support_article", "support_articletext", "support_articleimage"), " OR client_id IS NULL"),
}
# An event of nobody's client may be written by everybody.
_ALSO_WRITTEN = {"audit_auditevent": " OR client_id IS NULL"}
_POLICY = "of_stated_client"

_FUNCTIONS = """
CREATE OR REPLACE FUNCTION retainer_all_clients() RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT coalesce(current_setting('retainer.clients', true), '') = 'all' $$;
CREATE OR REPLACE FUNCTION retainer_clients() RETURNS bigint[] LANGUAGE sql STABLE AS
$$ SELECT CASE WHEN coalesce(current_setting('retainer.clients', true), '') IN ('', 'all') THEN '{}'::bigint[]
   ELSE string_to_array(current_setting('retainer.clients', true), ',')::bigint[] END $$;
CREATE OR REPLACE FUNCTION retainer_user() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT nullif(current_setting('retainer.user', true), '')::bigint $$;
"""


def tables_of_clients(cursor: Any) -> dict[str, str]:
    """Every table whose rows belong to a client, with the column that says whose."""
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped "
        # bigint: the client_id of single sign-on's own table is a word
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace "
        "AND a.attname = 'client_id' AND a.atttypid = 'int8'::regtype ORDER BY 1"
    )
    return {"clients_client": "id"} | {row[0]: "client_id" for row in cursor.fetchall()}


def secure(cursor: Any, *, app_role: str, app_password: str) -> None:
    """Put policies on all tables of clients, and give the portal's role what it needs and no more.

    Args:
        cursor: of the owner of the tables.
        app_role, app_password: the login of the portal's processes; made where it does not exist yet.

    Raises:
        ImproperlyConfigured: the role is missing and the owner may not make roles.
    """
    cursor.execute(_FUNCTIONS)
    cursor.execute("SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'")
    present = set(cursor.fetchall())
    for table, column in tables_of_clients(cursor).items():
        if (table, _POLICY) not in present:
            rule = _OF_CLIENT.format(column=column)
            cursor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
            cursor.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')  # the owner's own queries as well
            cursor.execute(
                f'CREATE POLICY {_POLICY} ON "{table}" USING ({rule}{_ALSO_SEEN.get(table, "")}) '
                f"WITH CHECK ({rule}{_ALSO_WRITTEN.get(table, '')})"
            )
    _let_searches_use_their_index(cursor)
    cursor.execute("SELECT current_user")
    if cursor.fetchone()[0] != app_role:
        _grant(cursor, app_role, app_password)


def _let_searches_use_their_index(cursor: Any) -> None:
    """Words may be looked up before a row's client is: the comparison tells nobody anything and fails on nothing.

    PostgreSQL takes an index for a condition on a table with row-level security only where its function is marked so (CREATE FUNCTION,
    LEAKPROOF), which takes a superuser. Where the owner is none, searches in a hundred thousand tickets are slower, and as right.
    """
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if cursor.fetchone()[0]:
        cursor.execute("ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF")


def refuse_to_bypass(*, connection: Any, **_: Any) -> None:
    """Signal receiver: the portal does not work on a role that could step around row-level security.

    Raises:
        ImproperlyConfigured: DATABASE_URL names a superuser, a role with BYPASSRLS, or the owner of the tables.
    """
    if connection.alias != "default" or is_owner_at_work(connection):
        return
    row = connection.connection.execute(
        "SELECT current_user, rolsuper OR rolbypassrls, EXISTS (SELECT FROM pg_class WHERE relname = 'clients_client' "
        "AND pg_has_role(relowner, 'MEMBER')) FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    role, bypasses, owns = row
    if bypasses or owns:
        raise ImproperlyConfigured(
            f"DATABASE_URL: the role {role} {'steps around row-level security' if bypasses else 'owns the tables'}, so the portal "
            "does not work as it. Put the owner's URL into DATABASE_OWNER_URL for `manage.py migrate` alone, name another role in "
            "DATABASE_URL, and run migrate: it makes that role and gives it what it needs (docs/settings.md)."
        )


def is_owner_at_work(connection: Any) -> bool:
    """Whether this connection is the owner's, for migrations."""
    return bool(connection.settings_dict.get("OWNER_AT_WORK"))


def _grant(cursor: Any, role: str, password: str) -> None:
    cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [role])
    found = cursor.fetchone()
    if found is None:
        _make_role(cursor, role, password)
    name = sql.Identifier(role).as_string(cursor.connection)
    cursor.execute(f"GRANT USAGE ON SCHEMA public TO {name}")
    cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}")
    cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}")
    # what only grows is closed by privilege too, not by its trigger alone; TRUNCATE is the owner's anyway
    cursor.execute(
        "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE p.proname = 'retainer_append_only' AND NOT t.tgisinternal"
    )
    for (table,) in cursor.fetchall():
        cursor.execute(f'REVOKE UPDATE, DELETE ON "{table}" FROM {name}')
    for table in ("django_migrations", "audit_auditchain"):
        cursor.execute("SELECT to_regclass(%s)", [table])
        if cursor.fetchone()[0] is not None:
            cursor.execute(f'REVOKE INSERT, UPDATE, DELETE ON "{table}" FROM {name}')


def _make_role(cursor: Any, role: str, password: str) -> None:
    cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    if not cursor.fetchone()[0]:
        raise ImproperlyConfigured(
            f"The role {role} of DATABASE_URL does not exist, and DATABASE_OWNER_URL's may not make it. As a superuser: "
            f"CREATE ROLE {role} LOGIN PASSWORD '…'; then run migrate again."
        )
    pgconn = cursor.connection.pgconn
    # hashed here: the statement, and a server that logs it, never hold the password itself
    secret = pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode() if password else None
    words = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}")
    cursor.execute(words.format(sql.Identifier(role), sql.Literal(secret)))
