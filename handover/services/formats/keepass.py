"""KeePass, KDBX 4, written and read by a process of its own (keepass_process.py)."""

import base64
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from handover.services.formats.entries import Entry
from handover.services.formats.keepass_process import MISSING
from portal.apart import run_apart
from portal.errors import PortalError

LONGEST_S = 300


def write_kdbx(entries: Sequence[Entry], *, passphrase: str, title: str, now: datetime, beat: Callable[[], None]) -> bytes:
    """A KDBX 4 database.

    Raises:
        PortalError: this installation lacks pykeepass, or it could not be written.
    """
    told = {"entries": [asdict(entry) for entry in entries], "passphrase": passphrase, "title": title, "now": now.isoformat()}
    return _apart("write", told, "The KeePass file could not be written.", beat)


def read_kdbx(content: bytes, *, passphrase: str, beat: Callable[[], None]) -> list[tuple[str, str, str, str, str]]:
    """Open it again: (group, title, username, password, otp) of each entry, in its order.

    Raises:
        PortalError: it does not open.
    """
    told = {"content": base64.b64encode(content).decode(), "passphrase": passphrase}
    rows = json.loads(_apart("read", told, "The KeePass file does not open again.", beat))
    return [(group, title, username, password, otp) for group, title, username, password, otp in rows]


def _apart(what: str, told: dict[str, Any], trouble: str, beat: Callable[[], None]) -> bytes:
    argv = [sys.executable, "-m", "handover.services.formats.keepass_process", what]
    try:
        done = run_apart(argv, told=json.dumps(told).encode(), limit_s=LONGEST_S, beat=beat)
    except TimeoutError as error:
        raise PortalError(trouble) from error
    if done.returncode == MISSING:
        raise PortalError("KeePass files can't be made: pykeepass is not installed.", hint="Install the extra `keepass`.")
    if done.returncode != 0:
        raise PortalError(trouble)
    return done.stdout
