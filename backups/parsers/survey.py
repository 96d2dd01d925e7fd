"""What `retainer-host backup-survey` says: entries that make backups, and places that should be in one."""

import base64
import binascii
from dataclasses import dataclass


class UnreadableSurvey(Exception):
    """The answer is not the helper's, or was cut; the message names the line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A crontab, a timer with its service, a configuration or a script.

    Args:
        kind: cron, timer, configuration or script.
        state: as the host says: `on` or `off`, `enabled active`, `there`, `runs`.
        text: without its secrets, which are keyed hashes.
    """

    kind: str
    name: str
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """Something that should be in a backup: kind is database, volume, webroot, mount or folder; `where` its path, or for a
    database the server's kind (postgresql, mysql).
    """

    kind: str
    name: str
    where: str


@dataclass(frozen=True, slots=True)
class Survey:
    """All of a system, in the order in which it was found."""

    entries: tuple[Entry, ...]
    places: tuple[Place, ...]


# Debian's own upkeep, which is no backup of anything that a client would miss.
_HOUSEKEEPING = ("dpkg", "e2scrub", "apt-compat", "man-db", "logrotate", "mlocate", "popularity-contest", "dpkg-db-backup")


def parse_survey(text: str) -> Survey:
    """Read the answer.

    Raises:
        UnreadableSurvey: a line is not of its form, or the last one is missing.
    """
    entries: list[Entry] = []
    places: dict[tuple[str, str], Place] = {}
    lines = text.splitlines()
    if not lines or lines[-1] != "end=survey":
        raise UnreadableSurvey("the survey was cut before its end")
    for line in lines[:-1]:
        key, _, rest = line.partition("=")
        words = rest.split("\t")
        if key == "entry" and len(words) == 4:
            entries.append(Entry(words[0], words[1], words[2], _text(words[3])))
        elif key == "place" and len(words) == 3:
            places.setdefault((words[0], words[1]), Place(*words))
        else:
            raise UnreadableSurvey(f"unknown line {line[:100]!r}")
    kept = [entry for entry in entries if not entry.name.rsplit("/", 1)[-1].startswith(_HOUSEKEEPING)]
    return Survey(tuple(kept), tuple(places.values()))


def _text(packed: str) -> str:
    try:
        return base64.b64decode(packed, validate=True).decode("utf-8", "replace").replace("\0", "�")
    except binascii.Error as error:
        raise UnreadableSurvey(f"an entry can't be read: {error}") from error
