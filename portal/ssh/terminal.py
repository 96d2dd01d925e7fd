"""A terminal on a host for a person: script(1) makes it there, because our key may have none of sshd's own.

What runs in it can't become root, not by sudo and not by any other program (`setpriv --no-new-privs`, prctl(2) PR_SET_NO_NEW_PRIVS):
the programs of ours that may be run as root are for the portal, which asks first whether something may be changed. An account that is
root already gets no terminal.
"""

import contextlib
import secrets
import time
from collections.abc import Iterator

import paramiko

from portal.ssh.errors import CommandFailed, ConnectionLost, TimedOut
from portal.ssh.target import CommandResult, clean

COLUMNS, ROWS = 100, 30
# With what a host ends that lacks what it takes.
MISSING_STATUS = 127
_NOISE_CAP_BYTES = 64 * 1024
# Whatever ends first ends all of it: the channel (`cat` has read all that was typed), the shell, or the time. `kill 0` is for its own
# session alone, which setsid makes.
_HOST = """
[ "$(id -u)" -ne 0 ] || { echo "a terminal is for an account that is not root" >&2; exit 77; }
for word in script setpriv setsid timeout; do command -v "$word" >/dev/null || { echo "$word is missing" >&2; exit 127; }; done
[ -x /bin/bash ] && RETAINER_SHELL=/bin/bash || RETAINER_SHELL=/bin/sh
TERM=xterm-256color LC_ALL=C.UTF-8 HISTFILE=/dev/null
export TERM LC_ALL HISTFILE RETAINER_SHELL
printf '\\n%s\\n' "$MARK"
unset MARK
exec setsid -w sh -c '{ cat; kill 0; } | { timeout --foreground -k 5 "$1" setpriv --no-new-privs script -q -E never \
-c "stty sane cols COLUMNS rows ROWS; cd; exec $RETAINER_SHELL -l" /dev/null; kill 0; }' sh LIMIT
"""


def script(*, limit_s: int, mark: str) -> str:
    """What makes a terminal on a host; `limit_s` is when it ends there by itself, whatever became of us."""
    text = _HOST.replace("COLUMNS", str(COLUMNS)).replace("ROWS", str(ROWS)).replace("LIMIT", str(limit_s))
    return f"MARK={mark}\n{text}"


class Terminal:
    """One terminal under way. Not for more than one thread."""

    def __init__(self, channel: paramiko.Channel, transport: paramiko.Transport, *, name: str, mark: str) -> None:
        self._channel, self._transport, self._name = channel, transport, name
        self._mark: bytes | None = f"\n{mark}\n".encode()
        self._noise = b""

    def read(self, *, wait_s: float) -> bytes | None:
        """What it showed since: empty where nothing came in this time, None when it ended on the host.

        Raises:
            CommandFailed: it never began: the host lacks what it takes, or the account is root.
            ConnectionLost: the connection ended, and not the terminal.
        """
        self._channel.settimeout(wait_s)
        try:
            shown = self._channel.recv(65536)
        except TimeoutError:
            return b""
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise _lost(self._name, error) from error
        if not shown:
            self._check_end()
            return None
        return shown if self._mark is None else self._after_mark(shown)

    def type(self, keys: bytes) -> None:
        """Hand keys over, as a terminal would send them.

        Raises:
            ConnectionLost: nobody takes them any more.
            TimedOut: the host took none for five seconds.
        """
        self._channel.settimeout(5)
        try:
            self._channel.sendall(keys)
        except TimeoutError as error:
            raise TimedOut(f"{self._name} takes no keys.") from error
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise _lost(self._name, error) from error

    def _after_mark(self, shown: bytes) -> bytes:
        """What comes before the mark is noise of a banner or profile."""
        self._noise += shown
        before, mark, after = self._noise.partition(self._mark or b"")
        if not mark:
            self._noise = before[-_NOISE_CAP_BYTES:]
            return b""
        self._mark, self._noise = None, b""
        return after

    def _check_end(self) -> None:
        deadline = time.monotonic() + 2
        while not self._channel.exit_status_ready() and self._transport.is_active() and time.monotonic() < deadline:
            self._channel.status_event.wait(0.05)
        if not self._channel.exit_status_ready() and not self._transport.is_active():
            raise ConnectionLost(f"{self._name}: the connection was lost.")
        if self._mark is not None:
            self._raise_unbegun()

    def _raise_unbegun(self) -> None:
        status = self._channel.recv_exit_status()
        said = b""
        while self._channel.recv_stderr_ready():
            said += self._channel.recv_stderr(4096)
        words = clean((self._noise + said)[-300:]).strip()
        result = CommandResult(exit_status=status, stdout="", stderr=clean(said), raw=b"", duration_s=0.0, mark="")
        raise CommandFailed(f"{self._name}: no terminal began (exit status {status}): {words}", result=result)


def _lost(name: str, error: Exception) -> ConnectionLost:
    return ConnectionLost(f"{name}: the connection was lost: {error or 'closed'}.")


@contextlib.contextmanager
def on_channel(channel: paramiko.Channel, transport: paramiko.Transport, *, boot: str, name: str, limit_s: int) -> Iterator[Terminal]:
    """A terminal on a channel that was opened for it; what runs in it is ended with the block.

    Raises:
        ConnectionLost: the connection ended before it began.
    """
    mark = secrets.token_hex(12)
    text = script(limit_s=limit_s, mark=mark).encode()
    with contextlib.closing(channel):
        try:
            channel.settimeout(10)
            channel.exec_command(boot)
            channel.sendall(f"{len(text)}\n".encode() + text)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise _lost(name, error) from error
        yield Terminal(channel, transport, name=name, mark=mark)
