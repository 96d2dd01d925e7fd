"""Live terminals, for the person at one: asked for, typed into, looked at, ended. A worker holds the host (sittings.py)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from clients.choices import Access
from clients.models import System
from handover.choices import OPEN_TERMINAL, PieceKind, TerminalState
from handover.errors import TerminalBusy
from handover.models import LiveTerminal, TerminalPiece
from handover.services.pieces import Pieces, chapter_text, new_key
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.queue import nudge
from portal.ssh import terminal as host

# What a page draws.
COLUMNS, ROWS = host.COLUMNS, host.ROWS
# At once, over all systems: each holds one of the workers that everything else on hosts needs as well.
MOST_AT_ONCE = 4
LONGEST_TYPED = 4096
# Typed and not taken yet: a host that takes nothing must not fill the database.
MOST_WAITING = 200
MOST_SHOWN = 200
# How often it is noted that somebody is there.
SEEN_EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a page is told: the state, what was shown since, and the number to ask after next."""

    state: str
    problem: str
    shown: str
    last: int


def ask(*, system: System, title: str, actor: Actor, now: datetime) -> LiveTerminal:
    """Ask for a terminal on a system, to record a walkthrough. It can't become root there.

    Raises:
        TerminalBusy: somebody is at this system (constraint one_live_terminal_per_system), or too many are open.
        PortalError: no title, or a system that we only look at.
    """
    actor.require(Permission.OPERATE)
    if actor.user_id is None:
        raise PortalError("A live terminal is for a person.")
    if not title.strip():
        raise PortalError("Give the recording a title.")
    if system.access != Access.MANAGE:
        raise PortalError("The portal only looks at this system: nobody types there through it.")
    if LiveTerminal.objects.filter(state__in=OPEN_TERMINAL).count() >= MOST_AT_ONCE:
        raise TerminalBusy("Other live terminals are open.", hint="Wait until one of them has ended.")
    try:
        with transaction.atomic():
            row = LiveTerminal.objects.create(
                client_id=system.client_id,
                system=system,
                title=title.strip()[:200],
                started_by_id=actor.user_id,
                actor_label=actor.label,
                asked_at=now,
                seen_at=now,
                sealed_key=new_key(),
            )
            audit.record(action="terminal.ask", actor=actor, subject=system, client_id=row.client_id, now=now, title=row.title)
            nudge("handover.carry_terminal", client_id=row.client_id, terminal_id=row.pk)
    except IntegrityError as error:
        if constraint_name(error) != "one_live_terminal_per_system":
            raise
        raise TerminalBusy(f"Somebody is at {system} already.", hint="Wait until it has ended.") from error
    return row


def exchange(*, terminal: LiveTerminal, typed: str, after: int, actor: Actor, now: datetime) -> Exchange:
    """Hand over what was typed, and take what was shown after a number. For its own person alone.

    Raises:
        NotAllowed: no operator any more.
        PortalError: another person's, or more was typed than can wait.
    """
    _demand_own(terminal, actor)
    if terminal.state not in OPEN_TERMINAL:
        return Exchange(terminal.state, terminal.problem, "", after)
    pieces = Pieces(terminal)
    if typed and terminal.state == TerminalState.OPEN:
        waiting = TerminalPiece.objects.filter(terminal=terminal, kind=PieceKind.TYPED).count()
        if len(typed) > LONGEST_TYPED or waiting >= MOST_WAITING:
            raise PortalError("That is more than can be typed at once.", hint="Nothing of it was sent.")
        _add(pieces, PieceKind.TYPED, typed, at_s=0)
    if now - terminal.seen_at > SEEN_EVERY:
        LiveTerminal.objects.filter(pk=terminal.pk, state__in=OPEN_TERMINAL).update(seen_at=now)
    shown = pieces.after(after, kind=PieceKind.SHOWN, most=MOST_SHOWN)
    return Exchange(terminal.state, "", "".join(one.text for one in shown), shown[-1].number if shown else after)


def begin_chapter(*, terminal: LiveTerminal, title: str, words: str, actor: Actor, now: datetime) -> None:
    """A chapter of the recording begins now, with its narration.

    Raises:
        PortalError: no title, another person's, or it is not open.
    """
    _demand_own(terminal, actor)
    if not title.strip():
        raise PortalError("Name the chapter.")
    if terminal.state != TerminalState.OPEN or terminal.opened_at is None:
        raise PortalError("The terminal is not open.")
    at_s = (now - terminal.opened_at).total_seconds()
    text = chapter_text(" ".join(title.split())[:100], " ".join(words.split())[:500])
    if not _add(Pieces(terminal), PieceKind.CHAPTER, text, at_s=at_s):
        raise PortalError("The terminal is not open.")


@transaction.atomic
def end(*, terminal: LiveTerminal, keep: bool, actor: Actor, now: datetime) -> None:
    """Say that it is over, and whether what was recorded is kept. The worker that holds it ends it; where none does, it ends here.

    Its own person, or an operator who throws away what somebody left open. Saying it twice is saying it once.

    Raises:
        PortalError: another person's, which only they can keep.
    """
    actor.require(Permission.OPERATE)
    if keep:
        _demand_own(terminal, actor)
    wish = TerminalState.KEPT if keep else TerminalState.DROPPED
    asked = LiveTerminal.objects.filter(pk=terminal.pk, wish="")
    if asked.filter(state=TerminalState.ASKED, claim=None).update(
        wish=TerminalState.DROPPED, state=TerminalState.DROPPED, ended_at=now, sealed_key=""
    ):
        TerminalPiece.objects.filter(terminal=terminal).delete()
    elif not asked.filter(state__in=OPEN_TERMINAL).update(wish=wish):
        return
    audit.record(
        action="terminal.end",
        actor=actor,
        subject=terminal.system,
        client_id=terminal.client_id,
        now=now,
        title=terminal.title,
        keep=keep,
    )


def _demand_own(terminal: LiveTerminal, actor: Actor) -> None:
    actor.require(Permission.OPERATE)
    if actor.user_id is None or actor.user_id != terminal.started_by_id:
        raise PortalError("This terminal is somebody else's.")


def _add(pieces: Pieces, kind: PieceKind, text: str, *, at_s: float) -> bool:
    """Add one; False where it ended meanwhile and nobody would take it."""
    try:
        with transaction.atomic():
            pieces.add(kind, text, at_s=at_s)
    except IntegrityError as error:
        if constraint_name(error) != "piece_of_an_open_terminal":
            raise
        return False
    return True
