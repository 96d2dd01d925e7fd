"""Recordings of terminals: asciicast v2, read, written, and replayed on a terminal to see what its screens showed.

Source: asciicast v2, https://docs.asciinema.org/manual/asciicast/v2/ : a header, then lines of [seconds, kind, text]; o is output, m a
marker (a chapter).
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyte

WIDTH, HEIGHT = 100, 30
_TYPE_S, _READ_S, _LONGEST_PAUSE_S = 0.045, 1.2, 2.0
_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_].*?\x1b\\|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]", re.DOTALL)
_TITLES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)", re.DOTALL)
_ENDS = re.compile(r"\n?Script done on [^\n]*\n?\Z")


# Gives a text masked, and how much of it was.
Mask = Callable[[str], tuple[str, int]]


class UnreadableCast(Exception):
    """Not a recording, or cut."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something at a moment: kind `o` shows a text, `m` begins a chapter."""

    at: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Cast:
    """A recording."""

    width: int
    height: int
    title: str
    began_at: int
    events: tuple[Event, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.events[-1].at if self.events else 0.0

    @property
    def chapters(self) -> list[tuple[float, str]]:
        """When each chapter begins, and its name."""
        return [(event.at, event.text) for event in self.events if event.kind == "m"]


def parse_cast(text: str) -> Cast:
    """Read asciicast version 2. Input that somebody recorded (kind `i`) is left out.

    Raises:
        UnreadableCast: another version, a line that is no event, or time that goes back.
    """
    lines = text.split("\n")
    try:
        head = json.loads(lines[0])
        if head.get("version") != 2:
            raise UnreadableCast("Only asciicast version 2 is read (asciinema convert makes one of others).")
        width, height = int(head["width"]), int(head["height"])
        if not (1 <= width <= 1000 and 1 <= height <= 1000):
            raise UnreadableCast("The terminal's size is not one.")
        events, last = [], 0.0
        for line in lines[1:]:
            if not line.strip():
                continue
            at, kind, data = json.loads(line)
            if not isinstance(data, str) or not isinstance(kind, str) or float(at) < last - 1e-6:
                raise UnreadableCast("An event is not one.")
            last = float(at)
            if kind in {"o", "m"}:
                events.append(Event(last, kind, data))
        return Cast(width, height, str(head.get("title", ""))[:200], int(head.get("timestamp", 0)), tuple(events))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UnreadableCast(f"This is no asciicast: {str(error)[:100]}") from error


def write_cast(cast: Cast) -> str:
    """As asciicast version 2, without a command, an environment or titles: they tell more than what was shown."""
    head = {"version": 2, "width": cast.width, "height": cast.height, "timestamp": cast.began_at, "title": cast.title}
    lines = [json.dumps(head, ensure_ascii=False)]
    lines += [json.dumps([round(one.at, 3), one.kind, _TITLES.sub("", one.text)], ensure_ascii=False) for one in cast.events]
    return "\n".join(lines) + "\n"


def tour_of(answer: str, *, title: str) -> tuple[Cast, list[tuple[str, str]]]:
    """A recording of what `retainer-document tour` says, with a typed prompt before each command; its chapters with their narration.

    Raises:
        UnreadableCast: an unknown line, or no end.
    """
    tour = _Tour()
    for number, line in enumerate(answer.splitlines(), start=1):
        word, *words = line.split("\t")
        try:
            tour.take(word, words, number)
        except (IndexError, ValueError) as error:
            raise UnreadableCast(f"line {number}: {line[:80]!r}") from error
    if not tour.ended:
        raise UnreadableCast("the tour has no end")
    tour.put("", _READ_S)
    return Cast(WIDTH, HEIGHT, title, tour.began, tuple(tour.events)), tour.chapters


class _Tour:
    """The recording as it grows."""

    def __init__(self) -> None:
        self.began, self.ended = 0, False
        self.events: list[Event] = []
        self.chapters: list[tuple[str, str]] = []
        self._at, self._host = 0.0, "host"

    def put(self, text: str, wait: float) -> None:
        """Show something after a while."""
        self._at += wait
        self.events.append(Event(round(self._at, 3), "o", text))

    def take(self, word: str, words: list[str], number: int) -> None:
        """One line of the answer."""
        if not word:
            return
        if word == "clock":
            self.began = int(words[0])
        elif word == "host":
            self._host = words[0][:60]
        elif word == "chapter":
            self._chapter(words[0], words[1])
        elif word == "command":
            self._command(words[0])
        elif word == "output":
            for pause, piece in _pieces(words[0], words[1] if len(words) > 1 else "", number):
                self.put(piece, pause)
        elif word == "exit":
            # 141: a pipe's reader had enough
            self.put("" if words[0] in {"0", "141"} else f"\x1b[33m(exit status {words[0]})\x1b[0m\r\n", 0.05)
        elif word == "end":
            self.ended = True
        else:
            raise ValueError("unknown")

    def _chapter(self, title: str, words: str) -> None:
        self._at += _READ_S
        self.events.append(Event(round(self._at, 3), "m", title))
        self.chapters.append((title, words))
        self.put(f"\x1b[2J\x1b[H\x1b[1;36m# {title}\x1b[0m\r\n\x1b[36m# {words}\x1b[0m\r\n\r\n", 0.1)

    def _command(self, command: str) -> None:
        self.put(f"\x1b[1;32m{self._host}\x1b[0m # ", _READ_S)
        for sign in command:
            self.put(sign, _TYPE_S)
        self.put("\r\n", 0.3)


def _pieces(output: str, timing: str, number: int) -> Iterator[tuple[float, str]]:
    """What a command showed, piece by piece with the pause before each: as script(1) timed it (classic format), or at once."""
    try:
        raw, times = base64.b64decode(output, validate=True), base64.b64decode(timing, validate=True).decode("ascii", errors="replace")
    except binascii.Error as error:
        raise UnreadableCast(f"line {number}: not base64") from error
    moments = [line.split() for line in times.splitlines() if re.fullmatch(r"[0-9.]+ \d+", line)]
    if not moments:
        text = raw.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\n", "\r\n")
        if text:
            yield 0.1, text
        return
    raw = raw.partition(b"\n")[2]  # its own first line
    place, left = 0, b""
    for pause, size in moments:
        piece = left + raw[place : place + int(size)]
        place += int(size)
        whole, left = _whole(piece)
        if whole:
            yield min(float(pause), _LONGEST_PAUSE_S), whole
    if left:
        yield 0.0, left.decode("utf-8", errors="replace")


def _whole(piece: bytes) -> tuple[str, bytes]:
    """The part of some bytes that ends with a whole sign, and what is left for the next piece."""
    for cut in range(min(4, len(piece) + 1)):
        head = piece[: len(piece) - cut]
        try:
            return head.decode("utf-8"), piece[len(piece) - cut :]
        except UnicodeDecodeError:
            continue
    return piece.decode("utf-8", errors="replace"), b""


def plain_text(cast: Cast) -> str:
    """All that was shown, one after the other, without the signs that move a cursor or set a colour."""
    shown = "".join(event.text for event in cast.events if event.kind == "o")
    text = _ESCAPES.sub("", shown).replace("\r\n", "\n").replace("\r", "\n")
    while "\b" in text:
        shorter = re.sub(r"[^\x08\n]\x08", "", text)
        text = shorter if shorter != text else text.replace("\b", "")
    return _ENDS.sub("", text)


def transcript(cast: Cast) -> str:
    """The recording as a text to read, its chapters as headings."""
    parts = []
    for event in cast.events:
        parts.append(f"\n\n== {event.text} ==\n" if event.kind == "m" else event.text)
    text = _ESCAPES.sub("", "".join(parts)).replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def screens(cast: Cast) -> Iterator[str]:
    """What stood on the terminal after each event, its rows joined: a word that is broken over two rows, or written in
    five pieces out of order, stands together there."""
    screen = pyte.Screen(min(cast.width, 500), min(cast.height, 200))
    stream = pyte.Stream(screen)
    seen = ""
    for event in cast.events:
        if event.kind != "o":
            continue
        stream.feed(event.text)
        rows = screen.display
        now = "\n".join(row.rstrip() for row in rows) + "\n" + "".join(rows).replace(" " * 8, "\n")
        if now != seen:
            seen = now
            yield now


def masked(cast: Cast, mask: Mask) -> Cast:
    """The recording with its secrets masked.

    An event is masked in itself; where a secret only shows over several (it was typed), that line's output becomes one event; where
    even that is not enough, the whole chapter's, and its timing is lost.

    Args:
        mask: gives a text masked, and how much of it was.
    """
    events: list[Event] = []
    for chapter in _chapters(cast):
        shown = "".join(one.text for one in chapter if one.kind == "o")
        plain = plain_text(Cast(cast.width, cast.height, "", 0, tuple(chapter)))
        hidden, count = mask(plain)
        if count == 0:
            events += chapter
            continue
        finer = (way(chapter, mask) for way in (_each_masked, _lines_masked))
        clean = next((one for one in finer if mask(plain_text(Cast(cast.width, cast.height, "", 0, tuple(one))))[1] == 0), None)
        if clean is not None and shown:
            events += clean
            continue
        markers = [one for one in chapter if one.kind == "m"]
        last = chapter[-1].at
        events += markers
        events.append(Event(max(last, markers[-1].at if markers else 0), "o", "\x1b[2J\x1b[H" + hidden.replace("\n", "\r\n")))
    return Cast(cast.width, cast.height, cast.title, cast.began_at, tuple(events))


def _each_masked(events: list[Event], mask: Mask) -> list[Event]:
    return [Event(one.at, one.kind, mask(one.text)[0]) if one.kind == "o" else one for one in events]


def _lines_masked(events: list[Event], mask: Mask) -> list[Event]:
    """Of a line in which a secret shows, all that was shown as one event, at its last moment; other lines stay as they are."""
    lines: list[Event] = []
    for line in _lines(events):
        hidden, count = mask(plain_text(Cast(WIDTH, HEIGHT, "", 0, tuple(line))))
        lines += line if count == 0 else [Event(line[-1].at, "o", hidden.replace("\n", "\r\n"))]
    return lines


def _lines(events: list[Event]) -> Iterator[list[Event]]:
    """Events until one that ends a line; a chapter's beginning stands alone."""
    line: list[Event] = []
    for one in events:
        if one.kind != "o" and line:
            yield line
            line = []
        line.append(one)
        if one.kind != "o" or "\n" in one.text:
            yield line
            line = []
    if line:
        yield line


def _chapters(cast: Cast) -> list[list[Event]]:
    parts: list[list[Event]] = [[]]
    for event in cast.events:
        if event.kind == "m" and parts[-1]:
            parts.append([])
        parts[-1].append(event)
    return [part for part in parts if part]
