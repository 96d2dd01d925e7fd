"""For which clients this thread of work acts, stated on the database connection where row-level security reads it.

Python scopes its queries by `visible_to(actor)`; behind that PostgreSQL gives only rows of the stated clients, and nothing
where nothing was stated (portal/accounts/rowsecurity.py makes the policies). Requests state it in the middleware, tasks with
`acting_for`, management commands with `acting_for_all`.

The two settings belong to the connection's session. A rolled-back transaction takes a change made within it back by itself
(SET, PostgreSQL 18 documentation), so leaving a scope in a failed transaction has nothing to do.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import Error, connection
from psycopg.pq import TransactionStatus

from portal.accounts.actor import Actor


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows may be seen and written.

    Args:
        clients: their ids; None is all of them.
        user_id: the person, who may always see their own memberships.
    """

    clients: frozenset[int] | None
    user_id: int | None = None


NOTHING = Scope(frozenset())
EVERYTHING = Scope(None)
_current: ContextVar[Scope] = ContextVar("scope", default=NOTHING)


@contextlib.contextmanager
def acting(scope: Scope) -> Iterator[None]:
    """Act within this scope; afterwards the one before is in force again, whatever happened in between."""
    token = _current.set(scope)
    try:
        _state(connection, scope)
        yield
    finally:
        _current.reset(token)
        try:
            _state(connection, _current.get())
        except Error:
            connection.close()  # a connection that may still carry another scope is not used again


def acting_as(actor: Actor) -> contextlib.AbstractContextManager[None]:
    """Act within what an actor may see."""
    return acting(EVERYTHING if actor.sees_all_clients else Scope(actor.client_ids, actor.user_id))


def acting_for(client_id: int) -> contextlib.AbstractContextManager[None]:
    """Act for one client: what every task about one client's row does."""
    return acting(Scope(frozenset({client_id})))


def acting_for_all() -> contextlib.AbstractContextManager[None]:
    """Act for all clients: sweeps over the fleet, management commands."""
    return acting(EVERYTHING)


def state_on_new_connection(*, connection: Any, **_: Any) -> None:
    """Signal receiver: a connection made in the middle of a scope starts with it."""
    if connection.alias == "default":
        _state(connection, _current.get())


def _state(database: Any, scope: Scope) -> None:
    raw = database.connection
    if raw is None or raw.closed or raw.info.transaction_status == TransactionStatus.INERROR:
        return  # a new connection starts with the scope; a failed transaction takes it back by itself
    clients = "all" if scope.clients is None else ",".join(str(client) for client in sorted(scope.clients))
    # past Django's cursor: these statements are part of no request's query count
    raw.execute(
        "SELECT set_config('retainer.clients', %s, false), set_config('retainer.user', %s, false)", [clients, str(scope.user_id or "")]
    )
