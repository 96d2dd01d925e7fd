"""Looks as root at how a host does, drills and questions: `retainer-host watch`, `drill`, `calm`, `ask` (host/retainer-watch)."""

import shlex
from collections.abc import Mapping

from portal.ssh.connection import succeeded
from portal.ssh.pool import Shell
from portal.ssh.programs import HELPER
from portal.ssh.target import clean

LOOK_TIMEOUT_S = 120
# With the files of all packages verified.
FULL_TIMEOUT_S = 700
# The helper's own exit status for a drill that can't be made real on that host.
NOT_HERE = 69


def root_look(shell: Shell, *, since: float, logs: Mapping[str, tuple[int, int]], full: bool) -> str:
    """What `retainer-watch look` prints.

    Args:
        since: seconds since 1970 on the host's clock; log lines from then on are counted. 0: the last five minutes.
        logs: path to inode and offset up to which an access log was counted.
        full: verify the files of packages as well, which takes minutes.

    Raises:
        SSHError: as `Shell.check`.
    """
    lines = [f"since={since:.6f}" if since else "since=", f"full={'yes' if full else 'no'}"]
    lines += [f"log={path}\t{inode}\t{offset}" for path, (inode, offset) in logs.items() if "\n" not in path]
    timeout_s = FULL_TIMEOUT_S if full else LOOK_TIMEOUT_S
    return clean(shell.check(f"sudo -n {HELPER} watch", stdin="".join(f"{line}\n" for line in lines).encode(), timeout_s=timeout_s).raw)


def begin_drill(shell: Shell, *, kind: str) -> bool:
    """Make a condition real; False where this host can't. It is taken back after twenty minutes at the latest.

    Raises:
        SSHError: as `Shell.check`.
    """
    result = shell.run(f"sudo -n {HELPER} drill {shlex.quote(kind)}", timeout_s=60)
    if result.exit_status == NOT_HERE:
        return False
    succeeded(result, name=shell.target.name)
    return True


def ask(shell: Shell, *, kind: str, account: str, path: str) -> str:
    """What `retainer-watch ask` reads of an account or a path; nothing is changed.

    Args:
        kind: password, mail, permission or sharing.

    Raises:
        SSHError: as `Shell.check`.
    """
    stdin = "".join(f"{word.replace(chr(10), ' ')}\n" for word in (account, path)).encode()
    return clean(shell.check(f"sudo -n {HELPER} ask {shlex.quote(kind)}", stdin=stdin, timeout_s=30).raw)


def set_password(shell: Shell, *, account: str, password: str) -> None:
    """A new password for a person's account, to be changed at the next sign-in. It goes by standard input.

    Raises:
        SSHError: as `Shell.check`; ConnectionLost and TimedOut leave it unknown whether it is set.
    """
    lines = f"{account.replace(chr(10), ' ')}\n{password}\n".encode()
    shell.check(f"sudo -n {HELPER} set-password", stdin=lines, timeout_s=30)


def calm(shell: Shell) -> None:
    """Take back what drills made.

    Raises:
        SSHError: as `Shell.check`.
    """
    shell.check(f"sudo -n {HELPER} calm", timeout_s=60)
