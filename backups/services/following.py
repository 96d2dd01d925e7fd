"""Work on a host that goes on by itself: claimed by one worker, followed to its end, taken up by another where that one died.

What is written before anything is sent, and what the host says of itself, are all that a worker needs to go on.
"""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db.models import Q, QuerySet

from backups.choices import OPEN_TEST_STATES, RestoreState
from backups.errors import LeaseLost
from backups.models.detached import DetachedWork
from clients.errors import NotReady
from clients.services.access import open_shell
from portal.accounts.actor import Actor
from portal.ssh import detached
from portal.ssh.detached import HostState, RunStatus
from portal.ssh.errors import CommandFailed, ConnectFailed, ConnectionLost, SSHError, TimedOut
from portal.ssh.pool import Shell
from portal.ssh.target import clean

logger = logging.getLogger(__name__)

POLL_S = 1.0
RETRY_S = 5
# Before anything was sent, an unreachable host soon ends it; afterwards we look for the truth far longer.
GIVE_UP_UNSENT = timedelta(minutes=2)
GIVE_UP_SENT = timedelta(hours=12)
BEGIN_WITHIN_S = 60
LOG_KEPT = 400_000

W = TypeVar("W", bound=DetachedWork)


@dataclass(frozen=True, slots=True)
class Steps(Generic[W]):
    """What differs between one kind of work and another.

    Args:
        words: what it is called, in logs and towards the host's audit.
        start: start it on the host, or find that it was started before.
        ended: it ended on the host, in any way; must finish the row.
        given_up: it never began, or can't be found any more; must finish the row with these sentences.
    """

    words: str
    start: Callable[[Shell, W], None]
    ended: Callable[[W, RunStatus], None]
    given_up: Callable[[W, tuple[str, ...]], None]


def claim(rows: QuerySet[W], *, pk: int, now: datetime) -> W | None:
    """Take a row that is open and held by nobody; None where another worker has it, or it is finished."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    token = uuid.uuid4()
    if not rows.filter(free, pk=pk, state__in=OPEN_TEST_STATES).update(claim=token, claimed_until=now + _lease()):
        return None
    return rows.get(pk=pk)


def unheld(rows: QuerySet[W], *, now: datetime) -> Iterator[tuple[int, int]]:
    """(id, client id) of open rows that nobody holds, the oldest first."""
    free = Q(claimed_until__lt=now) | Q(claimed_until=None, created_at__lt=now - timedelta(seconds=10))
    open_rows = rows.filter(free, state__in=OPEN_TEST_STATES).order_by("created_at", "pk")
    yield from open_rows.values_list("pk", "client_id").iterator()


def follow(work: W, steps: Steps[W], *, system: Any) -> None:
    """Carry claimed work as far as it goes. Returns when it is finished, another worker has it, or the host is away."""
    try:
        _with_host(work, steps, system)
    except LeaseLost:
        logger.info("detached.lease_lost", extra={"work": str(work)})


def _with_host(work: W, steps: Steps[W], system: Any) -> None:
    try:
        with open_shell(system, actor=Actor.portal(f"{steps.words} asked for by {work.actor_label}"), purpose=str(work)) as shell:
            try:
                _follow(work, steps, shell)
            except (ConnectionLost, TimedOut, ConnectFailed):
                shell.drop()  # a connection that failed once is not trusted again
                raise
    except (SSHError, NotReady, detached.UnexpectedStatus) as error:
        _away(work, steps, str(error))


def _follow(work: W, steps: Steps[W], shell: Shell) -> None:
    if work.state == RestoreState.QUEUED:
        hold(work, state=RestoreState.RUNNING)
    while True:
        status = detached.status(shell, run=work.uuid, offset=work.log_offset)
        log = (work.log + clean(status.log))[:LOG_KEPT] if status.log else work.log
        hold(work, unreachable_since=None, trouble="", log=log, log_offset=work.log_offset + len(status.log))
        if status.state is HostState.ABSENT:
            if work.seen_on_host_at is not None:
                steps.given_up(work, (f"The record of the {steps.words} is gone from the host.",))
                return
            if not _start(work, steps, shell):
                return
            continue
        if work.seen_on_host_at is None:
            hold(work, seen_on_host_at=utc())
        if status.state is HostState.STARTING and status.age_s > BEGIN_WITHIN_S:
            detached.abandon(shell, run=work.uuid)
            continue
        if status.state in {HostState.FINISHED, HostState.DIED, HostState.REBOOTED} and work.log_offset >= status.log_bytes:
            steps.ended(work, status)
            return
        threading.Event().wait(0 if work.log_offset < status.log_bytes else POLL_S)


def _start(work: W, steps: Steps[W], shell: Shell) -> bool:
    if work.start_sent_at is None:
        hold(work, start_sent_at=utc())
    try:
        steps.start(shell, work)
    except CommandFailed as error:
        steps.given_up(work, (f"The host did not begin: {error.message}",))
        return False
    return True


def _away(work: W, steps: Steps[W], message: str) -> None:
    """The host can't be worked on: come back soon, and give up after long."""
    now = utc()
    since = work.unreachable_since or now
    if now - since > (GIVE_UP_SENT if work.start_sent_at else GIVE_UP_UNSENT):
        steps.given_up(work, ("The host could not be worked on.", message))
        return
    hold(work, unreachable_since=since, trouble=message)
    _rows(work).update(claimed_until=now + timedelta(seconds=RETRY_S))


def hold(work: DetachedWork, **columns: Any) -> None:
    """Renew the lease and note columns.

    Raises:
        LeaseLost: another worker has taken over.
    """
    if _rows(work).filter(state=work.state).update(claimed_until=utc() + _lease(), **columns) != 1:
        raise LeaseLost
    for name, value in columns.items():
        setattr(work, name, value)


def evidence_of(status: RunStatus | None) -> dict[str, Any]:
    """The columns that keep what the host said at the end."""
    return {
        "facts": [list(row) for row in status.facts] if status else [],
        "commands": [[one.exit_status, one.command] for one in status.commands] if status else [],
        "exit_status": status.exit_status if status else None,
    }


def how_it_was_cut(status: RunStatus) -> str:
    """What ended work on the host from without, as the rest of a sentence."""
    return "was killed" if status.state is HostState.DIED else "was cut off by a reboot"


def utc() -> datetime:
    """The clock of a long-running worker."""
    return datetime.now(UTC)


def _rows(work: DetachedWork) -> QuerySet[Any]:
    return type(work)._default_manager.filter(pk=work.pk, claim=work.claim)  # noqa: SLF001  # Django's documented name


def _lease() -> timedelta:
    return timedelta(seconds=settings.CLAIM_LEASE_S)
