"""What `retainer-document read` prints, as plain values."""

import base64
import binascii
from dataclasses import dataclass, field

# Words at the beginning of a line, and the area that they belong to.
AREA = {
    "identity": "identity",
    "hardware": "hardware",
    "network": "network",
    "port": "ports",
    "peer": "peers",
    "service": "services",
    "source": "sources",
    "package": "packages",
    "packages": "packages",
    "user": "users",
    "key": "users",
    "sudo": "sudo",
    "cron": "cron",
    "timer": "timers",
    "container": "containers",
    "site": "sites",
    "certificate": "certificates",
    "database": "databases",
    "mount": "storage",
    "fstab": "storage",
    "volume": "storage",
    "rule": "firewall",
    "left-out": "configuration",
}
AREAS = (
    "identity",
    "hardware",
    "network",
    "ports",
    "peers",
    "services",
    "sources",
    "packages",
    "users",
    "sudo",
    "cron",
    "timers",
    "containers",
    "sites",
    "certificates",
    "databases",
    "storage",
    "firewall",
    "configuration",
)


class UnreadableDocument(Exception):
    """The answer is not what retainer-document writes, or it was cut."""


@dataclass(frozen=True, slots=True)
class HostFile:
    """A configuration file that somebody wrote or changed.

    Args:
        why: what it is to its package.
        default: the package's own text; empty where it is not at hand.
    """

    path: str
    why: str
    text: str
    default: str = ""


@dataclass(frozen=True, slots=True)
class HostDocument:
    """What a host said of itself.

    Args:
        at: seconds since 1970 on the host's clock.
        rows: for each area its rows, each with the word it began with first.
        read: the areas that were read whole; of the others nobody knows.
    """

    at: int
    rows: dict[str, list[list[str]]]
    files: tuple[HostFile, ...]
    read: frozenset[str] = field(default_factory=frozenset)


def parse_document(text: str) -> HostDocument:
    """Read the whole answer.

    Raises:
        UnreadableDocument: an unknown line, a file that is not base64, or no end.
    """
    at, ended = 0, False
    rows: dict[str, list[list[str]]] = {area: [] for area in AREAS}
    files: list[HostFile] = []
    read: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        word, *words = line.split("\t")
        if word == "clock" and len(words) == 1 and words[0].isdigit():
            at = int(words[0])
        elif word == "read" and len(words) == 1 and words[0] in AREAS:
            read.add(words[0])
        elif word == "file" and len(words) == 4:
            files.append(HostFile(words[0], words[1], _text(words[2], number), _text(words[3], number)))
        elif word in AREA and words:
            rows[AREA[word]].append([word, *(one.strip() for one in words)])
        elif word == "end":
            ended = True
        elif word:
            raise UnreadableDocument(f"line {number}: {line[:80]!r}")
    if not ended:
        raise UnreadableDocument("the answer has no end")
    return HostDocument(
        at, {area: sorted(lines) for area, lines in rows.items()}, tuple(sorted(files, key=lambda one: one.path)), frozenset(read)
    )


def _text(encoded: str, number: int) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8", errors="replace")
    except (binascii.Error, ValueError) as error:
        raise UnreadableDocument(f"line {number}: a file is not base64") from error
