"""The programs of ours that the set-up script installs on a host, root-owned, and nothing else that we bring along."""

import hashlib
from functools import cache
from pathlib import Path

_HOST = Path(__file__).with_name("host")
HELPER = "/usr/local/sbin/retainer-host"
RESTORE_HELPER = "/usr/local/sbin/retainer-restore"
WATCH_HELPER = "/usr/local/sbin/retainer-watch"
DOCUMENT_HELPER = "/usr/local/sbin/retainer-document"
_PARTS = {
    HELPER: [_HOST / "retainer-host.sh"],
    RESTORE_HELPER: sorted((_HOST / "retainer-restore").glob("*.sh")),
    WATCH_HELPER: sorted((_HOST / "retainer-watch").glob("*.sh")),
    DOCUMENT_HELPER: sorted((_HOST / "retainer-document").glob("*.sh")),
}
ALL = tuple(_PARTS)


@cache
def source(program: str) -> str:
    """The text of a program by its place on the host; what lies in several files is one program there."""
    return "".join(path.read_text(encoding="utf-8") for path in _PARTS[program])


@cache
def sha256(program: str) -> str:
    """As `sha256sum` on the host prints it for the program of this portal."""
    return hashlib.sha256(source(program).encode()).hexdigest()
