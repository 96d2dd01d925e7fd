"""Looks as root: every five minutes, on systems that we manage. What runs there, how it does, and what changed.

As with looks (services/watching.py) the row is the queue, and a look that died leaves a claim that runs out.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from clients.choices import Access, Connection
from clients.errors import NotReady
from clients.models import System
from clients.services import access
from monitoring.choices import Kind, Level
from monitoring.models import Inventory
from monitoring.parsers.inventory import Inventory as Seen
from monitoring.parsers.inventory import UnreadableInventory, parse_inventory
from monitoring.services import coverage, security
from monitoring.services.claims import claim
from monitoring.services.inventory_rules import Counters, observe_inventory
from monitoring.services.recording import Look, record
from monitoring.services.rules import Observation
from monitoring.services.terms import terms_of
from portal.accounts.actor import Actor
from portal.audit import services as audit
from portal.ssh import programs
from portal.ssh.errors import CommandFailed, SSHError
from portal.ssh.target import Target
from portal.ssh.watching import root_look

logger = logging.getLogger(__name__)

SIDE_BY_SIDE = 16
HELD = timedelta(minutes=15)
SOON = timedelta(seconds=30)
ACTOR = "monitoring"
UNKNOWN_WORD = 64
WANTED = [Kind.RESTARTS, Kind.CERT_FILE, Kind.CONTAINER, Kind.DATABASE, Kind.RAID, Kind.ZFS, Kind.MOUNT]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a look; either what was seen or why nothing was."""

    at: datetime
    seconds: float
    full: bool
    seen: Seen | None = None
    problem: str = ""
    # the system was not reached, which the look of each minute tells
    away: bool = False


def begin_where_missing(*, now: datetime) -> None:
    """Look at every system that we manage and that was reached once; the first look is due at once."""
    rows = System.objects.filter(inventory=None, client__ended_at=None, connection=Connection.OK, access=Access.MANAGE)
    today = now.astimezone(UTC).date()
    Inventory.objects.bulk_create(
        [
            Inventory(client_id=client_id, system_id=pk, due_at=now, began_at=now, noted_on=today)
            for pk, client_id in rows.values_list("pk", "client_id")
        ],
        ignore_conflicts=True,
    )


def take_due(*, now: datetime) -> int:
    """Look at the systems that are due, the longest overdue first, 16 at most and side by side; returns how many."""
    begin_where_missing(now=now)
    rows = _claim(now)
    if not rows:
        return 0
    targets = access.targets_of([row.system for row in rows])
    with ThreadPoolExecutor(len(rows)) as pool:
        answers = list(pool.map(lambda row: _ask(row, targets[row.system_id], now), rows))
    for row, answer in zip(rows, answers, strict=True):
        _record(row.pk, answer)
    return len(rows)


def _claim(now: datetime) -> list[Inventory]:
    rows = Inventory.objects.filter(system__client__ended_at=None, system__access=Access.MANAGE).select_related("system")
    return claim(rows, now=now, held=HELD, most=SIDE_BY_SIDE)


def _ask(row: Inventory, target: Target | NotReady, now: datetime) -> Answer:
    """On a thread of its own, without the database. Whatever goes wrong is an answer that says so."""
    full = row.verified_at is None or row.verified_at < now - timedelta(seconds=security.VERIFIED_EVERY_S)
    began = timezone.now()

    def answer(*, seen: Seen | None = None, problem: str = "", away: bool = False) -> Answer:
        at = timezone.now()
        return Answer(at, (at - began).total_seconds(), full, seen, problem[:500], away)

    try:
        return answer(seen=_look(row, target, full=full))
    except CommandFailed as error:
        older = error.result.exit_status == UNKNOWN_WORD
        return answer(problem="retainer-host there is older than this portal: run the set-up script again." if older else error.message)
    except (SSHError, NotReady) as error:
        return answer(problem=str(error), away=True)
    except UnreadableInventory as error:
        return answer(problem=f"The answer can't be read: {error}.")
    except Exception as error:  # a fault of ours with one host must not keep the others from being looked at
        logger.exception("inventory.failed", extra={"inventory": row.pk})
        return answer(problem=f"{type(error).__name__} in the portal")


def _look(row: Inventory, target: Target | NotReady, *, full: bool) -> Seen:
    if isinstance(target, NotReady):
        raise target
    counters = Counters.of(row.counters)
    logs = {path: (inode, offset) for path, (inode, offset) in counters.logs.items()}
    with access.watch(target) as shell:
        return parse_inventory(root_look(shell, since=counters.clock, logs=logs, full=full))


@transaction.atomic
def _record(pk: int, answer: Answer) -> None:
    row = Inventory.objects.select_for_update().get(pk=pk)
    terms = terms_of([row.system_id], kinds=WANTED)[row.system_id]
    if answer.seen is None:
        observations = [] if answer.away else [Observation(Kind.INVENTORY, "", Level.UNKNOWN, None, answer.problem)]
    else:
        observations, counters = observe_inventory(
            answer.seen, before=Counters.of(row.counters), own=terms.own, wanted=terms.wanted, drills=terms.drills
        )
        words = f"Answered within {answer.seconds:.1f} s."
        observations.append(Observation(Kind.INVENTORY, "", Level.UP, round(answer.seconds, 3), words))
        observations += security.compare(inventory=row, seen=answer.seen, now=answer.at)
        row.counters, row.last_at = asdict(counters), answer.at
        if answer.full and "binaries" in answer.seen.read:
            row.verified_at = answer.at
        coverage.note_things(inventory=row, seen=answer.seen, now=answer.at)
    failing = record([Look(row.client_id, row.system_id, row.interval_s, answer.at, observations)])
    if failing:
        row.due_at = min(row.due_at, answer.at + SOON)
    row.problem, row.claimed_until = answer.problem, None
    row.looks = F("looks") + 1
    row.save()
    _note_day(row, now=answer.at)


def _note_day(row: Inventory, *, now: datetime) -> None:
    """Once a day and system, in the audit trail: how often the portal looked as root, and with which program."""
    today = now.astimezone(UTC).date()
    row.refresh_from_db(fields=["looks", "noted_on"])
    if row.noted_on == today:
        return
    audit.record(
        action="monitoring.inventories", actor=Actor.portal(ACTOR), subject=row.system, client_id=row.client_id, now=now,
        day=row.noted_on.isoformat(), looks=row.looks, program=programs.sha256(programs.WATCH_HELPER),
    )  # fmt: skip
    Inventory.objects.filter(pk=row.pk).update(noted_on=today, looks=0)
