"""Detached runs: changes that live on the host as a unit of their own, and how we look at them.

`host/retainer-host.sh` is the other half: it makes the run's folder atomically, so a run can't be started twice, and
tells the state of a run from what is on disk (exit file, process, boot id), never from a connection.
"""

import enum
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

from portal.ssh.pool import Shell
from portal.ssh.target import clean

HELPER = "/usr/local/sbin/retainer-host"
HELPER_VERSION = 1
HELPER_SOURCE = Path(__file__).with_name("host") / "retainer-host.sh"
_PACKAGE = re.compile(r"\+?[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?=[0-9A-Za-z][0-9A-Za-z.+~:-]*")


class HostState(enum.Enum):
    """What the host says of a run."""

    ABSENT = "absent"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    DIED = "died"
    REBOOTED = "rebooted"


class UnexpectedStatus(Exception):
    """The helper's answer can't be read; the text is in the message."""


@dataclass(frozen=True, slots=True)
class HostCommand:
    """A command that the run executed, with its exit status."""

    exit_status: int
    command: str


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run as its host sees it.

    Args:
        exit_status: set exactly when `state` is FINISHED.
        age_s: seconds since the run's folder was made.
        audit: what `dpkg --audit` prints; empty when the package system is whole.
        log: bytes of the log from the asked offset on, at most 256 KiB.
        log_bytes: length of the whole log.
    """

    state: HostState
    exit_status: int | None
    boot_id: str
    age_s: int
    commands: tuple[HostCommand, ...]
    audit: str
    log: bytes
    log_bytes: int


def start(shell: Shell, *, run: uuid.UUID, kind: str, packages: tuple[str, ...]) -> None:
    """Start a run on its host, or find that it was started before; both are fine.

    Args:
        kind: `apt-apply` or `dpkg-configure`.
        packages: `name=version` each; `+name=version` for one that the host does not have yet.

    Raises:
        ValueError: a package is not of that form.
        SudoRefused, CommandFailed: nothing was started.
        ConnectionLost, TimedOut: unknown; ask `status`.
    """
    for package in packages:
        if not _PACKAGE.fullmatch(package):
            raise ValueError(f"not a package and version: {package!r}")
    payload = "".join(f"{package}\n" for package in packages).encode()
    shell.check(f"sudo -n {HELPER} start {run} {kind}", stdin=payload, timeout_s=60)


def status(shell: Shell, *, run: uuid.UUID, offset: int) -> RunStatus:
    """Where a run stands, and its log from `offset` (bytes) on. Changes nothing.

    Raises:
        SSHError: as `Shell.check`.
        UnexpectedStatus: the answer is not the helper's.
    """
    return parse_status(shell.check(f"sudo -n {HELPER} status {run} {int(offset)}", timeout_s=60).raw)


def abandon(shell: Shell, *, run: uuid.UUID) -> bool:
    """Make sure that a run which never began never will; True when that succeeded, False when it had begun."""
    return shell.run(f"sudo -n {HELPER} abandon {run}", timeout_s=60).exit_status == 0


def parse_status(raw: bytes) -> RunStatus:
    """Read `retainer-host status`: `key=value` lines, a line `log:`, then the log's bytes.

    Raises:
        UnexpectedStatus: a line or a value is not what the helper writes.
    """
    head, sign, log = raw.partition(b"\nlog:\n")
    if not sign:
        raise UnexpectedStatus(f"no log line in {clean(raw[:200])!r}")
    values: dict[str, str] = {}
    commands: list[HostCommand] = []
    audit: list[str] = []
    try:
        for line in clean(head).splitlines():
            key, _, value = line.partition("=")
            if key == "command":
                code, _, command = value.partition("\t")
                commands.append(HostCommand(int(code), command))
            elif key == "audit":
                audit.append(value)
            else:
                values[key] = value
        state = HostState(values["state"])
        return RunStatus(
            state=state,
            exit_status=int(values["exit"]) if state is HostState.FINISHED else None,
            boot_id=values["boot_id"], age_s=int(values.get("age_s", "0")), commands=tuple(commands),
            audit="\n".join(audit), log=log, log_bytes=int(values.get("log_bytes", "0")),
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise UnexpectedStatus(f"{error} in {clean(head[:300])!r}") from error
