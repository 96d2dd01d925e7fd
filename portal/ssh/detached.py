"""Detached runs: changes that live on the host as a unit of their own, and how we look at them.

`host/retainer-host.sh` is the other half: it makes the run's folder atomically, so a run can't be started twice, and
tells the state of a run from what is on disk (exit file, process, boot id), never from a connection.
"""

import base64
import enum
import re
import shlex
import uuid
from dataclasses import dataclass

from portal.ssh.pool import Shell
from portal.ssh.programs import HELPER
from portal.ssh.target import clean

HELPER_VERSION = 10
READING_TIMEOUT_S = 300
# The helper's own exit status for a document that is not on the administrator's list.
NOT_ALLOWED = 77
# Fetching what a plan needs on a slow line.
PLAN_TIMEOUT_S = 900
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_.@\\-]*\.service")
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
        snapshot: btrfs, lvm or zfs, where the run took one before it changed anything.
        facts: of a restore test: what it found, as (name, value) in its order.
    """

    state: HostState
    exit_status: int | None
    boot_id: str
    age_s: int
    commands: tuple[HostCommand, ...]
    audit: str
    log: bytes
    log_bytes: int
    snapshot: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """A snapshot that a host keeps of a run. `lost`: recorded there, and not there or no longer whole."""

    run: uuid.UUID
    kind: str
    lost: bool


@dataclass(frozen=True, slots=True)
class HostSnapshots:
    """What a host says of snapshots of its root file system.

    Args:
        offer: btrfs, lvm or zfs; empty where none can be taken.
        reason: why none can be taken.
        kept: those that it keeps.
        trouble: sentences about those that are past their days and could not be removed.
    """

    offer: str
    reason: str
    kept: tuple[KeptSnapshot, ...]
    trouble: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostPlan:
    """What a host says that bringing packages to versions would do.

    Args:
        exit_status: of apt's simulation; 0 where there is a plan.
        fetched: whether the archives that it needs lie on the host now.
        kept: `name` to whether its present version is kept for a rollback; what comes in new is not in it.
        conflicts: (`name`, path) of configuration files that are changed on the host and by the new version.
        text: apt's simulation as it printed it.
    """

    exit_status: int
    fetched: bool
    kept: dict[str, bool]
    conflicts: tuple[tuple[str, str], ...]
    text: str


def plan(shell: Shell, *, packages: tuple[str, ...]) -> HostPlan:
    """Ask what bringing packages to versions would do, and have the host keep what a rollback needs. Installs nothing.

    Raises:
        ValueError: a package is not `name=version` or `+name=version`.
        SSHError: as `Shell.check`.
        UnexpectedStatus: the answer is not the helper's.
    """
    answer = shell.check(f"sudo -n {HELPER} plan", stdin=_lines(packages, _PACKAGE), timeout_s=PLAN_TIMEOUT_S)
    return parse_plan_answer(clean(answer.raw))


def parse_plan_answer(answer: str) -> HostPlan:
    """Read `retainer-host plan`: `key=value` lines, a line `plan:`, then apt's text.

    Raises:
        UnexpectedStatus: a line or a value is not what the helper writes.
    """
    head, sign, text = answer.partition("plan:\n")
    if not sign:
        raise UnexpectedStatus(f"no plan in {answer[:200]!r}")
    exit_status, fetched, kept, conflicts = None, False, {}, []
    try:
        for line in head.splitlines():
            key, _, value = line.partition("=")
            if key == "exit":
                exit_status = int(value)
            elif key == "fetched":
                fetched = value == "0"
            elif key == "keep":
                name, _, state = value.split("\t")
                kept[name.partition(":")[0]] = state == "kept"
            elif key == "conffile":
                name, path = value.split("\t")
                conflicts.append((name.partition(":")[0], path))
            else:
                raise UnexpectedStatus(f"unknown line {line[:200]!r}")
    except ValueError as error:
        raise UnexpectedStatus(f"{error} in {head[:300]!r}") from error
    if exit_status is None:
        raise UnexpectedStatus(f"no exit status in {head[:300]!r}")
    return HostPlan(exit_status, fetched, kept, tuple(conflicts), text)


def snapshots(shell: Shell, *, packages: tuple[str, ...]) -> HostSnapshots:
    """Whether a snapshot could be taken before these packages are changed (none named: anything at all). `kept` is not asked.

    Raises:
        ValueError: a package is not of the form that `plan` takes.
        SSHError: as `Shell.check`; CommandFailed too where the helper is older than snapshots.
        UnexpectedStatus: the answer is not the helper's.
    """
    answer = shell.check(f"sudo -n {HELPER} snapshots", stdin=_lines(packages, _PACKAGE), timeout_s=120)
    return parse_snapshots(clean(answer.raw))


def drop_snapshots(shell: Shell) -> HostSnapshots:
    """Have the host remove the snapshots that are past their days. `offer` and `reason` are not asked.

    Raises:
        SSHError, UnexpectedStatus: as `snapshots`.
    """
    return parse_snapshots(clean(shell.check(f"sudo -n {HELPER} drop-snapshots", timeout_s=600).raw))


def parse_snapshots(answer: str) -> HostSnapshots:
    """Read `retainer-host snapshots` or `drop-snapshots`: lines of words parted by tabs.

    Raises:
        UnexpectedStatus: a line is not what the helper writes.
    """
    offer, reason, kept, trouble = "", "", [], []
    for line in answer.splitlines():
        key, _, value = line.partition("=")
        words = value.split("\t")
        try:
            if key == "offer" and words[0] in {"btrfs", "lvm", "zfs", "none"}:
                offer, reason = ("", words[1]) if words[0] == "none" else (words[0], "")
            elif key == "kept":
                run, kind, _created, _days, state = words
                kept.append(KeptSnapshot(uuid.UUID(run), kind, state != "there"))
            elif key == "trouble":
                trouble.append(f"The snapshot of run {uuid.UUID(words[0])} is past its days and could not be removed: {words[1]}")
            else:
                raise UnexpectedStatus(f"unknown line {line[:200]!r}")
        except (ValueError, IndexError) as error:
            raise UnexpectedStatus(f"{error} in {line[:200]!r}") from error
    return HostSnapshots(offer, reason, tuple(kept), tuple(trouble))


def _lines(words: tuple[str, ...], shape: re.Pattern[str]) -> bytes:
    """One word a line; each has been looked at before it goes anywhere."""
    for word in words:
        if not shape.fullmatch(word):
            raise ValueError(f"not of the form that the host takes: {word!r}")
    return "".join(f"{word}\n" for word in words).encode()


def start(
    shell: Shell, *, run: uuid.UUID, kind: str, packages: tuple[str, ...] = (), units: tuple[str, ...] = (), document: str = "",
    undoes: uuid.UUID | None = None, snapshot: str = "", snapshot_days: int = 0,
) -> None:  # fmt: skip
    """Start a run on its host, or find that it was started before; both are fine.

    Args:
        kind: a word of the helper's: `apt-apply`, `apt-rollback`, `dpkg-configure`, `restart`, `reboot`,
            `upgrade`, `upgrade-undo`, `fs-rollback`.
        packages: `name=version` each; `+name=version` for one that the host does not have yet.
        units: of a restart.
        document: of an upgrade, as its hash was allowed on the host.
        undoes: of an upgrade that is taken back: the run that began it; of a file system that goes back: the run that took
            the snapshot.
        snapshot: `may` or `must`: take one before anything is changed, and keep it for `snapshot_days`.

    Raises:
        ValueError: a package or unit is not of that form.
        SudoRefused, CommandFailed: nothing was started.
        ConnectionLost, TimedOut: unknown; ask `status`.
    """
    if document:
        payload = document.encode()
    elif undoes:
        payload = f"{undoes}\n".encode()
    else:
        payload = _lines(units, _UNIT) if units else _lines(packages, _PACKAGE)
    wish = f" {shlex.quote(snapshot)} {int(snapshot_days)}" if snapshot else ""
    shell.check(f"sudo -n {HELPER} start {run} {kind}{wish}", stdin=payload, timeout_s=60)


def start_runbook(shell: Shell, *, run: uuid.UUID, document: str, values: dict[str, str]) -> None:
    """Start a rehearsal of a runbook on its host, or find that it was started before.

    Args:
        document: its steps, as their hash was allowed on the host.
        values: its parameters; names are small letters, values without quotes or line breaks.

    Raises:
        SudoRefused, CommandFailed: nothing was started (exit status 77: the host's administrator did not allow it).
        ConnectionLost, TimedOut: unknown; ask `status`.
    """
    head = "".join(f"{name}={value}\n" for name, value in sorted(values.items()))
    shell.check(f"sudo -n {HELPER} start {run} runbook", stdin=f"{head}\n{document}".encode(), timeout_s=60)


def start_restore(
    shell: Shell, *, run: uuid.UUID, kind: str = "restore-test", specification: dict[str, list[str]], secrets: dict[str, bytes],
) -> None:  # fmt: skip
    """Start a restore test, or a restore, on its host, or find that it was started before.

    Args:
        kind: `restore-test` or `restore`.
        specification: names to values, as retainer-restore reads them.
        secrets: keys by name (`1.key` is the first part's); they go by standard input, and lie on tmpfs over there for as long as
            the test.

    Raises:
        ValueError: a value holds a line break.
        SudoRefused, CommandFailed: nothing was started.
        ConnectionLost, TimedOut: unknown; ask `status`.
    """
    shell.check(f"sudo -n {HELPER} start {run} {kind}", stdin=_told(specification, secrets), timeout_s=60)


def backup_reading(shell: Shell, *, specification: dict[str, list[str]], secrets: dict[str, bytes]) -> str:
    """What a backup looks like from without; restores and changes nothing. Arguments as `start_restore`.

    Raises:
        ValueError: a value holds a line break.
        SSHError: as `Shell.check`.
    """
    answer = shell.check(f"sudo -n {HELPER} backup-reading", stdin=_told(specification, secrets), timeout_s=READING_TIMEOUT_S)
    return clean(answer.raw)


def backup_survey(shell: Shell) -> str:
    """What on this host makes backups and what should be in one, as `retainer-host backup-survey` prints it.

    Raises:
        SSHError: as `Shell.check`.
    """
    return clean(shell.check(f"sudo -n {HELPER} backup-survey", timeout_s=READING_TIMEOUT_S).raw)


def _told(specification: dict[str, list[str]], secrets: dict[str, bytes]) -> bytes:
    lines = [f"{name}={value}" for name, values in specification.items() for value in values]
    if any("\n" in line or "\r" in line or "\0" in line for line in lines):
        raise ValueError("a value of the specification holds a line break")
    packed = [f"{name}={base64.b64encode(secret).decode()}" for name, secret in secrets.items()]
    return "".join(f"{line}\n" for line in [*lines, "", *packed]).encode()


def allows(shell: Shell, *, sha256: str) -> bool:
    """Whether the host's administrator allowed an upgrade document by its hash (64 hexadecimal digits).

    Raises:
        SSHError: the host could not be asked.
        UnexpectedStatus: its helper is too old to know.
    """
    answer = shell.run(f"sudo -n {HELPER} allows {shlex.quote(sha256)}", timeout_s=60)
    if answer.exit_status not in {0, NOT_ALLOWED}:
        raise UnexpectedStatus(f"exit status {answer.exit_status}: {clean(answer.stderr.encode())[:300]}")
    return answer.exit_status == 0


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
    facts: list[tuple[str, str]] = []
    try:
        for line in clean(head).splitlines():
            key, _, value = line.partition("=")
            if key == "command":
                code, _, command = value.partition("\t")
                commands.append(HostCommand(int(code), command))
            elif key == "audit":
                audit.append(value)
            elif key == "fact":
                name, _, fact = value.partition("\t")
                facts.append((name, fact))
            else:
                values[key] = value
        state = HostState(values["state"])
        return RunStatus(
            state=state,
            exit_status=int(values["exit"]) if state is HostState.FINISHED else None,
            boot_id=values["boot_id"], age_s=int(values.get("age_s", "0")), commands=tuple(commands),
            audit="\n".join(audit), log=log, log_bytes=int(values.get("log_bytes", "0")), snapshot=values.get("snapshot", ""),
            facts=tuple(facts),
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise UnexpectedStatus(f"{error} in {clean(head[:300])!r}") from error
