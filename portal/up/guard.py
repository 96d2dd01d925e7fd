"""Ends what a killed supervisor leaves behind.

Run as `python guard.py` with a pipe from the supervisor as standard input: each line names a process group (its leader's
pid) to add (`+123`) or to forget (`-123`). When the pipe closes, the supervisor is gone, however it went: what is left
gets SIGINT (PostgreSQL's fast shutdown), then SIGTERM, then SIGKILL. A parent-death signal would not do: entering a user
namespace clears it.
"""

import contextlib
import os
import signal
import sys
import time


def end_groups(groups: set[int], *, patience_s: float = 10) -> None:
    """Stop the process groups, politely first; returns when none is left or all were killed."""
    for number, wait in ((signal.SIGINT, patience_s), (signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0)):
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            if not any(alive(group) for group in groups):
                return
            time.sleep(0.05)


def alive(group: int) -> bool:
    """Whether any process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main() -> None:
    """Follow the supervisor's list until its end of the pipe closes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    end_groups(groups)


if __name__ == "__main__":
    main()
