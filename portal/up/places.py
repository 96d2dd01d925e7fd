"""Where things stand on this machine, and how we speak on the terminal."""

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
VENV = CHECKOUT / ".venv"
VAR = Path(os.environ.get("PORTAL_VAR", CHECKOUT / "var"))


class UpError(Exception):
    """Start-up can't go on; the message is a sentence for the person at the terminal, saying what to do."""


def say(text: str) -> None:
    """Print one line at once, also into a pipe."""
    print(text, flush=True)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Announce a slow step before it starts and its time when it ended."""
    start = time.monotonic()
    sys.stdout.write(f"  {name} … ")
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(f"{time.monotonic() - start:.1f} s")


def socket_folder(var: Path = VAR) -> Path:
    """A folder for Unix sockets, mode 0700, whose paths stay under the kernel's 107 bytes.

    Inside `var` where that is short enough, else under the temporary folder under a name derived from `var`.

    Raises:
        UpError: somebody else owns that folder; trust authentication would hand them the database.
    """
    folder = var / "run"
    if len(str(folder)) > 70:
        name = hashlib.sha256(str(var).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"retainer-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UpError(f"{folder} belongs to somebody else. Remove it, or set PORTAL_VAR to a folder of your own.")
    folder.chmod(0o700)
    return folder


def private_file(path: Path, content: str) -> None:
    """Write a file that only we may read, never readable to others for a moment, and never half."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    fresh.rename(path)
