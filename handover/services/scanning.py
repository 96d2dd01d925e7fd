"""Looking for secrets in all that goes into a package: as it is written, in each of their forms, inside of PDFs and archives, on the
screens of recordings. What is found outside the file of credentials blocks the package."""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ahocorasick_rs import BytesAhoCorasick

from handover.errors import LeaseLost
from handover.parsers import casts
from handover.parsers.secrets import forms_of, mask_text, pieces_of

# Members that are opened to look inside are held whole, this many bytes at most; larger ones are videos.
LARGEST_INSIDE = 64 * 1024 * 1024
UNPACKED_MOST = 256 * 1024 * 1024
_TAGS = re.compile(rb"<[^>]*>")
TEXTS = (".md", ".txt")


@dataclass(slots=True)
class Found:
    """What was found.

    Args:
        known: a secret's label to the members in which it stands.
        suspected: member to lines that look as if they held one, masked.
        unread: members into which nobody could look.
    """

    known: dict[str, set[str]] = field(default_factory=dict)
    suspected: dict[str, list[str]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


class Scanner:
    """Looks for these secrets."""

    def __init__(self, secrets: Sequence[tuple[str, str]], *, beat: Callable[[], None]) -> None:
        """A scanner.

        Args:
            secrets: label and value of each; those that are too short are named in `too_short`.
            beat: called while looking takes its time.
        """
        self.beat = beat
        self.found = Found()
        self.too_short = sorted({label for label, value in secrets if value.strip() and not pieces_of(value)})
        self._labels: list[str] = []
        needles: list[bytes] = []
        for label, value in secrets:
            forms = {form.encode() for form in forms_of(value)} | {piece.encode("utf-16-le") for piece in pieces_of(value)}
            for form in sorted(forms):
                needles.append(form)
                self._labels.append(label)
        self._search = BytesAhoCorasick(needles) if needles else None
        self._longest = max((len(needle) for needle in needles), default=1)

    def member(self, name: str) -> "Watched":
        """Watch a member go by."""
        return Watched(self, name)

    def look(self, name: str, content: bytes) -> None:
        """Note what stands in some bytes."""
        if self._search is None:
            return
        for index, _, _ in self._search.find_matches_as_indexes(content, overlapping=True):
            self.found.known.setdefault(self._labels[index], set()).add(name)

    @property
    def overlap(self) -> int:
        """How much of a piece is looked at again with the next."""
        return self._longest - 1


class Watched:
    """One member as it goes by. `close` looks inside of it."""

    def __init__(self, scanner: Scanner, name: str) -> None:
        self._scanner, self._name = scanner, name
        self._tail = b""
        self._inside: bytearray | None = bytearray() if _opened(name) else None

    def __call__(self, piece: bytes) -> None:
        """The next bytes."""
        seen = self._tail + piece
        self._scanner.look(self._name, seen)
        self._tail = seen[-self._scanner.overlap :] if self._scanner.overlap else b""
        if self._inside is not None:
            self._inside += piece
            if len(self._inside) > LARGEST_INSIDE:
                self._inside = None
                self._scanner.found.unread.append(self._name)

    def close(self) -> None:
        """Everything went by: look inside."""
        if self._inside is not None:
            self._look_inside(self._name, bytes(self._inside), depth=0)
            self._inside = None

    def _look_inside(self, name: str, content: bytes, *, depth: int) -> None:
        kind = name.rsplit(".", 1)[-1].lower()
        try:
            if kind == "cast":
                for text in texts_of_cast(content.decode()):
                    self._scanner.beat()
                    self._scanner.look(self._name, text.encode())
            elif kind == "html":
                self._scanner.look(self._name, _TAGS.sub(b"", content))
            elif content.startswith(b"%PDF"):
                self._scanner.look(self._name, text_of_pdf(content, beat=self._scanner.beat).encode())
            elif content.startswith(b"PK\x03\x04") and depth < 3:
                self._look_into_zip(content, depth=depth)
            elif content.startswith(b"\x1f\x8b"):
                self._scanner.look(self._name, zlib.decompressobj(31).decompress(content, UNPACKED_MOST))
            elif f".{kind}" in TEXTS:
                self._suspect(content.decode(errors="replace"))
        except LeaseLost:
            raise
        except Exception:  # noqa: BLE001  # whatever a file from outside makes its reader raise: it could not be looked into
            self._scanner.found.unread.append(self._name)

    def _look_into_zip(self, content: bytes, *, depth: int) -> None:
        left = UNPACKED_MOST
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                left -= info.file_size
                if left < 0:
                    raise ValueError("too much")
                inner = archive.read(info)
                self._scanner.look(self._name, info.filename.encode() + b"\n" + inner)
                self._look_inside(info.filename, inner, depth=depth + 1)

    def _suspect(self, text: str) -> None:
        for line in text.splitlines():
            hidden = mask_text(line, guess=False)
            if hidden.count:
                self._scanner.found.suspected.setdefault(self._name, []).append(hidden.text.strip()[:160])


def _opened(name: str) -> bool:
    return not name.lower().endswith((".webm", ".mp4", ".kdbx", ".age", ".css", ".js", ".sig"))


def texts_of_cast(text: str) -> Iterable[str]:
    """All that a recording shows: its words one after the other, and each of its screens."""
    cast = casts.parse_cast(text)
    plain = casts.plain_text(cast)
    yield plain
    yield plain.replace("\n", "")
    yield from casts.screens(cast)


def text_of_pdf(content: bytes, *, beat: Callable[[], None]) -> str:
    """The words of a PDF."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    parts = []
    for page in reader.pages:
        parts.append(page.extract_text())
        beat()
    parts += [str(value) for value in (reader.metadata or {}).values()]
    parts += [piece.decode(errors="replace") for pieces in reader.attachments.values() for piece in pieces]
    return "\n".join(parts) + "".join(parts).replace("\n", "")
