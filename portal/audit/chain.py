"""Verifying the audit trail: each event carries the hash of itself and of the one before it, per client.

The hash is SHA-256 over a canonical text that PostgreSQL makes of the row (migration audit.0004). Who can rewrite the whole
table and the chain's end can make a new, sound chain: against that, keep the ends outside (`verify_audit --heads`) and compare
later (`--against`).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction

# The same expression as in the trigger, asked anew: what was changed behind the trigger's back shows as another hash.
_EVENTS = """
SELECT coalesce(client_id, 0), position, previous_hash, hash, id, audit_canonical(audit_auditevent)
FROM audit_auditevent ORDER BY coalesce(client_id, 0), position
"""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: client id (0: of no client), position of the newest event, its hash."""

    chain: int
    position: int
    hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first link of a chain that does not hold."""

    chain: int
    position: int
    event_id: int | None
    why: str


def verify(*, known: dict[int, Head] | None = None) -> tuple[list[Head], list[Broken]]:
    """Walk all chains. Returns their ends, and for each broken one its first broken link.

    Args:
        known: ends noted earlier, outside the database: each must still lie on its chain.
    """
    known = known or {}
    heads: dict[int, Head] = {}
    broken: dict[int, Broken] = {}
    for chain, position, previous, found, event_id, canonical in _events():
        if chain in broken:
            continue
        last = heads.get(chain, Head(chain, 0, ""))
        why = ""
        if position != last.position + 1:
            why = f"event {last.position + 1} is missing"
        elif previous != last.hash:
            why = "it does not follow the event before it"
        elif hashlib.sha256(canonical.encode()).hexdigest() != found:
            why = "its content is not what was recorded"
        elif chain in known and position == known[chain].position and found != known[chain].hash:
            why = "its hash is not the one noted outside"
        if why:
            broken[chain] = Broken(chain, position, event_id, why)
        else:
            heads[chain] = Head(chain, position, found)
    _compare_ends(heads, broken, known)
    return sorted(heads.values(), key=lambda head: head.chain), sorted(broken.values(), key=lambda link: link.chain)


def _compare_ends(heads: dict[int, Head], broken: dict[int, Broken], known: dict[int, Head]) -> None:
    """What was cut off at the end leaves a sound chain behind, but not its recorded end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT chain, position, hash FROM audit_auditchain")
        ends = {row[0]: Head(*row) for row in cursor.fetchall()}
    for chain in ends.keys() | heads.keys() | known.keys():
        head = heads.get(chain, Head(chain, 0, ""))
        if chain in broken:
            continue
        if ends.get(chain) != head:
            broken[chain] = Broken(chain, head.position + 1, None, "the chain ends here, but its recorded end is another")
        elif chain in known and known[chain].position > head.position:
            broken[chain] = Broken(chain, head.position + 1, None, "events that were noted outside are gone")


def _events() -> Iterator[tuple[int, int, str, str, int, str]]:
    """All events in the order of their chains, streamed by a server-side cursor."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_EVENTS)
        while rows := cursor.fetchmany(2000):
            yield from rows
