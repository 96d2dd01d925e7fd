"""What is alike on all distributions: os-release, kernels, and the facts of retainer-host."""

import re
import shlex
from dataclasses import dataclass, field

from maintenance.parsers.values import UnexpectedOutput


@dataclass(frozen=True, slots=True)
class OsRelease:
    """Which system this is, as os-release(5) says."""

    os_id: str
    version: str
    name: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """The running kernel and boot."""

    release: str
    architecture: str
    boot_id: str
    uptime_s: int


@dataclass(frozen=True, slots=True)
class Container:
    """A running container.

    Args:
        image: the reference that it was started from, such as `nextcloud:31`.
        running: id of the image that it runs.
        tagged: id of the image that the reference names on the host now; `-` where it names none.
    """

    engine: str
    name: str
    image: str
    running: str
    tagged: str

    @property
    def is_outdated(self) -> bool:
        """Whether a newer image lies on the host under its name and it still runs the one before."""
        return self.tagged not in {"-", self.running}


@dataclass(frozen=True, slots=True)
class RootFacts:
    """What only root could see.

    Args:
        stale_services: units (or program names) that still run a deleted library.
        locks: lock file to the program that holds it.
        listening: `proto address program`, sorted.
        owners: a listening line's `address program` to the package that owns the program.
        stale_packages: packages of which a replaced file still runs; `-` stands for files that no package owns any more.
        errors: lines of the journal at priority err and worse within ten minutes; None where there is no journal.
        load: the load averages of 1, 5 and 15 minutes, as text.
        containers: the running ones.
        silent_engines: container engines that did not answer, or not for every container: what they run is not known.
        applications: (name, version or `-`, folder) of what no package manager knows.
        version: of retainer-host itself.
    """

    stale_services: tuple[str, ...]
    locks: dict[str, str]
    listening: tuple[str, ...]
    owners: dict[str, str] = field(default_factory=dict)
    stale_packages: tuple[str, ...] = ()
    errors: int | None = None
    load: str = ""
    containers: tuple[Container, ...] = ()
    silent_engines: tuple[str, ...] = ()
    applications: tuple[tuple[str, str, str], ...] = ()
    version: int = 0


def parse_os_release(text: str) -> OsRelease:
    """The three fields we show.

    Raises:
        UnexpectedOutput: no ID line, or a line's quoting is broken.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key, sign, value = line.strip().partition("=")
        if not sign or key.startswith("#"):
            continue
        try:
            values[key] = "".join(shlex.split(value))
        except ValueError as error:
            raise UnexpectedOutput("os-release", number, line) from error
    if not values.get("ID"):
        raise UnexpectedOutput("os-release", 0, "no ID line")
    return OsRelease(values["ID"], values.get("VERSION_ID", ""), values.get("PRETTY_NAME", values["ID"]))


def parse_kernel(text: str) -> Kernel:
    """Four lines: release, machine, boot id, uptime in seconds.

    Raises:
        UnexpectedOutput: fewer lines, or the uptime is no number.
    """
    lines = text.split("\n")
    try:
        release, machine, boot, uptime = (line.strip() for line in lines[:4])
        return Kernel(release, machine, boot, int(float(uptime)))
    except (ValueError, OverflowError) as error:
        raise UnexpectedOutput("uname", 1, text) from error


def parse_root_facts(text: str) -> RootFacts:  # noqa: C901, PLR0912  # one branch for each kind of line
    """The answer of `retainer-host facts`.

    Raises:
        UnexpectedOutput: it does not begin with its version, or a line is of no known kind.
    """
    lines = text.strip().splitlines()
    version = re.fullmatch(r"version (\d+)", lines[0]) if lines else None
    if version is None:
        raise UnexpectedOutput("retainer-host facts", 1, text[:80])
    stale: set[str] = set()
    locks: dict[str, str] = {}
    listening: set[str] = set()
    owners: dict[str, str] = {}
    stale_packages: set[str] = set()
    errors, load = None, ""
    containers: list[Container] = []
    silent: set[str] = set()
    applications: set[tuple[str, str, str]] = set()
    for number, line in enumerate(lines[1:], start=2):
        kind, *words = line.split() or [""]
        if kind == "stale" and len(words) >= 2:
            program = words[2] if len(words) > 2 else "?"
            stale.add(program.strip("_") if words[1] == "-" else words[1])
        elif kind == "lock" and len(words) >= 2:
            locks[words[0]] = words[2].strip("_") if len(words) > 2 else f"process {words[1]}"
        elif kind == "listen" and len(words) >= 3:
            listening.add(" ".join(words[:3]))
            if len(words) > 3 and words[3] != "-":
                owners[" ".join(words[1:3])] = words[3]
        elif kind == "deleted" and len(words) >= 2:
            stale_packages.add(words[0])
        elif kind == "errors" and words and words[0].isdecimal():
            errors = int(words[0])
        elif kind == "load":
            load = " ".join(words)
        elif kind == "container" and len(words) == 5:
            containers.append(Container(*words))
        elif kind == "engine" and len(words) == 2:
            if words[1] != "read":
                silent.add(words[0])
        elif kind == "application" and len(words) >= 3:
            applications.add((words[0], words[1], " ".join(words[2:])))
        elif kind == "needrestart":
            continue
        else:
            raise UnexpectedOutput("retainer-host facts", number, line)
    return RootFacts(
        tuple(sorted(stale)), locks, tuple(sorted(listening)), owners, tuple(sorted(stale_packages)), errors, load, tuple(containers),
        tuple(sorted(silent)), tuple(sorted(applications)), int(version[1]),
    )  # fmt: skip


def newer_kernel(*, running: str, installed: str) -> bool:
    """Whether a newer kernel of the running one's flavour is installed; compares numbers, not text.

    Args:
        running: `6.1.0-25-amd64`.
        installed: names below /boot, one a line, without `vmlinuz-`.
    """
    flavour = _flavour(running)
    same = [name for name in installed.split() if _flavour(name) == flavour]
    return any(_numbers(name) > _numbers(running) for name in same)


def _numbers(release: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", release.removesuffix(_flavour(release)))]


def _flavour(release: str) -> str:
    """`amd64` of `6.1.0-25-amd64`, `cloud-amd64` of `6.1.0-25-cloud-amd64`."""
    match = re.search(r"-([a-z][a-z0-9-]*)$", release)
    return match.group(1) if match else ""
