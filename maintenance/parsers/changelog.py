"""Debian changelogs (deb-changelog(5)): which version came when, and what it says of itself."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from maintenance.parsers.values import UnexpectedOutput

_HEAD = re.compile(r"(?P<source>[A-Za-z0-9][A-Za-z0-9+.-]*) \((?P<version>[^()\s]+)\)[^;]*;.*")
_TRAILER = re.compile(r" -- .*? <[^>]*>  (?P<date>.+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One version's entry. `at`: when its packager closed it; None where the date can't be read."""

    source: str
    version: str
    at: datetime | None
    text: str


def parse_changelog(text: str) -> tuple[Entry, ...]:
    """The entries in the order of the file, newest first. One that is cut off at the end is left out.

    Old changelogs end in formats of former times: reading stops there, with what came before.

    Raises:
        UnexpectedOutput: it does not begin with an entry.
    """
    entries: list[Entry] = []
    head: re.Match[str] | None = None
    body: list[str] = []
    # a last line without its end may be cut off
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        if head is None:
            if not line.strip():
                continue
            head, body = _HEAD.fullmatch(line.rstrip()), []
            if head is None:
                if not entries:
                    raise UnexpectedOutput("changelog", number, line)
                break
        elif trailer := _TRAILER.fullmatch(line.rstrip()):
            entries.append(Entry(head["source"], head["version"], _date(trailer["date"]), "\n".join(body).strip("\n")))
            head = None
        else:
            body.append(line.rstrip())
    if not entries:
        raise UnexpectedOutput("changelog", 1, text[:80])
    return tuple(entries)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text.strip())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        # a date without its zone is the packager's own mistake; UTC is at most half a day off
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
