"""What is typed and shown in a live terminal, sealed with a key of its own that goes with the end."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

from handover.choices import PieceKind
from handover.models import LiveTerminal, TerminalPiece
from portal.vault import crypto
from portal.vault import services as vault


def new_key() -> str:
    """A fresh key, sealed with the portal's own: what a row keeps."""
    return vault.seal_for_portal(base64.b64encode(crypto.new_key()).decode())


def chapter_text(title: str, words: str) -> str:
    """A chapter's title and narration, as its piece says them."""
    return json.dumps([title, words])


def chapter_of(text: str) -> tuple[str, str]:
    """A chapter's title and narration, from its piece."""
    title, words = json.loads(text)
    return title, words


@dataclass(frozen=True, slots=True)
class Piece:
    """Something typed, shown or said."""

    number: int
    kind: str
    at_s: float
    text: str


class Pieces:
    """The pieces of one live terminal, for whoever may have them.

    Raises:
        Unsealable: it ended, or another master key.
    """

    def __init__(self, terminal: LiveTerminal) -> None:
        self._terminal = terminal
        self._key = base64.b64decode(vault.unseal_for_portal(terminal.sealed_key))
        self._identity = f"live terminal {terminal.pk}"

    def add(self, kind: PieceKind, text: str, *, at_s: float) -> None:
        """Keep one."""
        sealed = crypto.seal(key=self._key, plain=text.encode(), identity=self._identity)
        TerminalPiece.objects.create(
            client_id=self._terminal.client_id, terminal=self._terminal, kind=kind, at_s=max(0.0, at_s), sealed=sealed
        )

    def after(self, number: int, *, kind: PieceKind, most: int) -> list[Piece]:
        """The next ones of a kind, in their order."""
        rows = TerminalPiece.objects.filter(terminal=self._terminal, kind=kind, pk__gt=number).order_by("pk")[:most]
        return [self._open(row) for row in rows]

    def take_typed(self) -> str:
        """What was typed since, once: it is nowhere afterwards."""
        taken = self.after(0, kind=PieceKind.TYPED, most=200)
        TerminalPiece.objects.filter(pk__in=[one.number for one in taken]).delete()
        return "".join(one.text for one in taken)

    def recorded(self) -> Iterator[Piece]:
        """Everything shown and every chapter, by its moment."""
        rows = TerminalPiece.objects.filter(terminal=self._terminal).exclude(kind=PieceKind.TYPED).order_by("at_s", "pk")
        for row in rows.iterator(chunk_size=500):
            yield self._open(row)

    def _open(self, row: TerminalPiece) -> Piece:
        text = crypto.unseal(key=self._key, sealed=bytes(row.sealed), identity=self._identity).decode()
        return Piece(row.pk, row.kind, row.at_s, text)
