"""What a host's papers are made of, and how we leave it: `retainer-host document`, `tour` and `leave` (host/retainer-document)."""

from portal.ssh.pool import Shell
from portal.ssh.programs import HELPER
from portal.ssh.target import clean

DOCUMENT_TIMEOUT_S = 300
TOUR_TIMEOUT_S = 300
LEAVE_TIMEOUT_S = 120


def read_document(shell: Shell) -> str:
    """What `retainer-document read` prints: what the host is and how it is set up.

    Raises:
        SSHError: as `Shell.check`; CommandFailed too where the host's program is older than documents.
    """
    return clean(shell.check(f"sudo -n {HELPER} document", timeout_s=DOCUMENT_TIMEOUT_S, output_cap=32 * 1024 * 1024).raw)


def take_tour(shell: Shell) -> str:
    """What `retainer-document tour` prints: what was typed, what it showed, and when.

    Raises:
        SSHError: as `Shell.check`.
    """
    return clean(shell.check(f"sudo -n {HELPER} tour", timeout_s=TOUR_TIMEOUT_S, output_cap=8 * 1024 * 1024).raw)


def what_is_ours(shell: Shell) -> str:
    """What of ours is on the host, a line each: kind, tab, what. Changes nothing.

    Raises:
        SSHError: as `Shell.check`.
    """
    return clean(shell.check(f"sudo -n {HELPER} leave plan", timeout_s=LEAVE_TIMEOUT_S).raw)


def leave(shell: Shell, *, public_key: str) -> str:
    """Remove all of ours from the host: what it says of each thing, `gone` or `left`, a tab, what. There is no way back in.

    Args:
        public_key: the line of authorized_keys that let us in, without options.

    Raises:
        SSHError: as `Shell.check`; ConnectionLost and TimedOut leave it unknown how far it went.
    """
    return clean(shell.check(f"sudo -n {HELPER} leave now", stdin=f"{public_key}\n".encode(), timeout_s=LEAVE_TIMEOUT_S).raw)
