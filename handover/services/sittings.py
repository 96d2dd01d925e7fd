"""A live terminal, for the worker that holds it: keys to the host, what it shows into rows, and the recording at the end.

A terminal is opened once. A worker that dies takes it along (the host ends it when the channel is gone); another one then keeps or
throws away what was recorded until then, and opens nothing.
"""

import codecs
import logging
import time
import uuid
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from clients.errors import NotReady
from clients.services import access
from handover.choices import OPEN_TERMINAL, PieceKind, TerminalState
from handover.models import LiveTerminal, TerminalPiece
from handover.parsers.casts import Cast, Event
from handover.services import documents, walkthroughs
from handover.services.pieces import Pieces, chapter_of
from portal.accounts.actor import Actor
from portal.audit import services as audit
from portal.errors import PortalError
from portal.queue import nudge
from portal.ssh.errors import CommandFailed, SSHError
from portal.ssh.terminal import COLUMNS, MISSING_STATUS, ROWS, Terminal

logger = logging.getLogger(__name__)

ACTOR = Actor.portal("handover")
LONGEST_S = 30 * 60
# Without a page that asks, nobody is there.
ALONE_FOR = timedelta(seconds=60)
UNTAKEN_FOR = timedelta(seconds=60)
LARGEST_SHOWN = 2 * 1024 * 1024
_READ_S, _BREATH_S, _LOOK_S = 0.08, 0.02, 2.0


class _Over(Exception):
    """Why it ended here, in words; empty where its person said so."""


def carry(*, terminal_id: int, now: datetime) -> None:
    """Worker: open the terminal and hold it until it is over. Delivered again, or taken by another worker: nothing is done."""
    token = uuid.uuid4()
    asked = LiveTerminal.objects.filter(pk=terminal_id, state=TerminalState.ASKED, claim=None)
    if not asked.update(claim=token, claimed_until=now + _lease()):
        return
    row = LiveTerminal.objects.select_related("system__client").get(pk=terminal_id)
    problem = ""
    try:
        with (
            access.open_shell(row.system, actor=_person(row), purpose=f"record a walkthrough: {row.title}") as shell,
            shell.terminal(limit_s=LONGEST_S + 60) as terminal,
        ):
            _Sitting(row, terminal).hold()
    except CommandFailed as error:
        problem = error.message
        if error.result.exit_status == MISSING_STATUS:
            problem = f"{problem} A live terminal needs script, setpriv and setsid there (util-linux 2.35 or later)."
    except (SSHError, NotReady, PortalError) as error:
        problem = f"{error}"
    except _Over as over:
        problem = str(over)
    except Exception as error:  # a fault of ours must not leave somebody before a dead screen
        logger.exception("terminal.failed", extra={"terminal": terminal_id})
        problem = f"{type(error).__name__} in the portal: its log says more."
    finish(terminal_id=terminal_id, claim=token, problem=problem)


class _Sitting:
    """One worker's hold of one terminal."""

    def __init__(self, row: LiveTerminal, terminal: Terminal) -> None:
        self._row, self._terminal, self._pieces = row, terminal, Pieces(row)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._began = self._looked = time.monotonic()
        self._size = 0

    def hold(self) -> None:
        """Until the shell ends there.

        Raises:
            _Over: it ends from here.
            SSHError: as `Terminal.read` and `Terminal.type`.
        """
        opened = False
        while (shown := self._terminal.read(wait_s=_READ_S)) is not None:
            if not opened and shown:
                opened = True
                self._note(state=TerminalState.OPEN, opened_at=datetime.now(UTC))
                self._began = time.monotonic()
            if shown:
                # what comes in one breath is one piece
                more = self._terminal.read(wait_s=_BREATH_S)
                self._keep(self._decoder.decode(shown + (more or b"")))
                if more is None:
                    return
            if typed := self._pieces.take_typed():
                self._terminal.type(typed.encode())
            if time.monotonic() - self._looked > _LOOK_S:
                self._look()

    def _keep(self, text: str) -> None:
        self._size += len(text)
        if self._size > LARGEST_SHOWN:
            raise _Over("More was shown than a recording may have (2 MiB).")
        if text:
            self._pieces.add(PieceKind.SHOWN, text, at_s=time.monotonic() - self._began)

    def _look(self) -> None:
        """Whether it is over, and that it is still held."""
        self._looked = time.monotonic()
        self._note()
        self._row.refresh_from_db(fields=["wish", "seen_at"])
        if self._row.wish:
            raise _Over
        if datetime.now(UTC) - self._row.seen_at > ALONE_FOR:
            raise _Over("Its page was closed.")
        if time.monotonic() - self._began > LONGEST_S:
            raise _Over(f"It was open for {LONGEST_S // 60} minutes.")

    def _note(self, **columns: object) -> None:
        held = LiveTerminal.objects.filter(pk=self._row.pk, claim=self._row.claim, state__in=OPEN_TERMINAL)
        if not held.update(claimed_until=datetime.now(UTC) + _lease(), **columns):
            raise _Over("Another worker ended it.")


def finish(*, terminal_id: int, claim: uuid.UUID, problem: str) -> None:
    """Keep what was recorded as a walkthrough with its secrets masked, or throw it away. Once: who comes second finds it ended."""
    now = datetime.now(UTC)
    with transaction.atomic():
        row = (
            LiveTerminal.objects.select_for_update(of=("self",))
            .select_related("system__client")
            .filter(pk=terminal_id, claim=claim, state__in=OPEN_TERMINAL)
            .first()
        )
        if row is None:
            return
        changes: dict[str, object] = {"ended_at": now, "sealed_key": "", "claimed_until": None, "problem": problem[:500]}
        cast, words = _recorded(row)
        if row.opened_at is None:
            changes["state"] = TerminalState.DROPPED if row.wish else TerminalState.FAILED
        elif row.wish == TerminalState.DROPPED or not any(event.kind == "o" for event in cast.events):
            changes["state"] = TerminalState.DROPPED
        else:
            known = documents.known_secrets(row.client_id)
            kept = walkthroughs.keep_live(system=row.system, cast=cast, words=words, known=known, actor=_person(row), now=now)
            changes |= {"state": TerminalState.KEPT, "walkthrough": kept}
        LiveTerminal.objects.filter(pk=row.pk).update(**changes)
        TerminalPiece.objects.filter(terminal=row).delete()
        seconds = round((now - row.opened_at).total_seconds()) if row.opened_at else 0
        audit.record(
            action="terminal.ended", actor=_person(row), subject=row.system, client_id=row.client_id, now=now,
            title=row.title, state=str(changes["state"]), seconds=seconds, problem=problem[:200],
        )  # fmt: skip


def _recorded(row: LiveTerminal) -> tuple[Cast, dict[str, str]]:
    """The recording so far, and what is said in each chapter."""
    events: list[Event] = []
    words: dict[str, str] = {}
    for piece in Pieces(row).recorded():
        if piece.kind == PieceKind.CHAPTER:
            title, said = chapter_of(piece.text)
            events.append(Event(piece.at_s, "m", title))
            words[title] = said
        else:
            events.append(Event(piece.at_s, "o", piece.text))
    began = row.opened_at or row.asked_at
    return Cast(COLUMNS, ROWS, row.title, int(began.timestamp()), tuple(events)), words


def sweep(*, now: datetime) -> int:
    """Nudge what waits for a worker; end what waited too long, and what a dead worker held. Returns how many were nudged."""
    asked = LiveTerminal.objects.filter(state=TerminalState.ASKED, claim=None)
    waiting = list(asked.filter(asked_at__gt=now - UNTAKEN_FOR, asked_at__lt=now - timedelta(seconds=5)))
    for row in waiting:
        nudge("handover.carry_terminal", client_id=row.client_id, terminal_id=row.pk)
    left = Q(claimed_until__lt=now) | Q(claim=None, state=TerminalState.ASKED, asked_at__lte=now - UNTAKEN_FOR)
    for row in LiveTerminal.objects.filter(left, state__in=OPEN_TERMINAL):
        token = uuid.uuid4()
        problem = (
            "No worker took it up." if row.claim is None else "The worker that held it is gone: what it showed until then is here."
        )
        again = LiveTerminal.objects.filter(pk=row.pk, claim=row.claim, state__in=OPEN_TERMINAL)
        if again.update(claim=token, claimed_until=now + _lease()):
            finish(terminal_id=row.pk, claim=token, problem=problem)
    return len(waiting)


def _person(row: LiveTerminal) -> Actor:
    """Who sits there: what is done is theirs, with the rights of nobody."""
    return Actor(user_id=row.started_by_id, label=row.actor_label)


def _lease() -> timedelta:
    return timedelta(seconds=settings.CLAIM_LEASE_S)
