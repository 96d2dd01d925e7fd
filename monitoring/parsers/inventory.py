"""What a look as root said (retainer-watch look)."""

from collections import defaultdict
from dataclasses import dataclass, field

DRILL_CERTIFICATE = "/run/retainer-drill/certificate.pem"


class UnreadableInventory(ValueError):
    """The answer is not one of retainer-watch, or was cut."""


@dataclass(frozen=True, slots=True)
class WebLog:
    """An access log: how far it was counted, and how many answers and failures of the server (5xx) came in since."""

    path: str
    inode: int
    offset: int
    answers: int
    failures: int


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody got in over SSH: who, how (publickey, password), from where, with which key."""

    user: str
    how: str
    source: str
    key: str


@dataclass(frozen=True, slots=True)
class Container:
    """A container as its engine has it: state (running, exited, restarting…), health (a dash where it has no test)."""

    engine: str
    name: str
    state: str
    health: str
    restarts: int
    policy: str


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk's own judgement, sectors or media errors, and percent of its life used where it says so."""

    name: str
    health: str
    errors: int
    used_percent: int | None


@dataclass(slots=True)
class Inventory:
    """A look as root. Only areas in `read` were read whole; of the others nothing is known.

    Args:
        clock: the host's, seconds since 1970.
        errors, refused: entries since the last look, real ones and those of drills.
        often: what stood most often in the journal, with how often.
        source: of most refused sign-ins.
        facts: fingerprint of each thing, by area.
        certificates: path to its end (seconds since 1970), None where it can't be read.
        databases: name to whether it accepts connections.
        fail2ban: jail to how many are banned; None where it is silent.
        zfs: pool to health and percent used.
        mounts: where, and the type of file system.
        raid: array to state and disks, as /proc/mdstat has them.
    """

    clock: float = 0
    read: set[str] = field(default_factory=set)
    errors: tuple[int, int] = (0, 0)
    often: list[str] = field(default_factory=list)
    refused: tuple[int, int] = (0, 0)
    source: str = ""
    webs: list[WebLog] = field(default_factory=list)
    sign_ins: list[SignIn] = field(default_factory=list)
    sudo: set[tuple[str, str]] = field(default_factory=set)
    sudo_refused: dict[str, int] = field(default_factory=dict)
    facts: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    services: list[str] = field(default_factory=list)
    restarts: dict[str, int] = field(default_factory=dict)
    engines: dict[str, str] = field(default_factory=dict)
    containers: list[Container] = field(default_factory=list)
    certificates: dict[str, int | None] = field(default_factory=dict)
    sites: list[str] = field(default_factory=list)
    mounts: dict[str, str] = field(default_factory=dict)
    databases: dict[str, bool] = field(default_factory=dict)
    fail2ban: dict[str, int | None] = field(default_factory=dict)
    disks: list[Disk] = field(default_factory=list)
    zfs: dict[str, tuple[str, int]] = field(default_factory=dict)
    raid: dict[str, list[str]] = field(default_factory=dict)


def parse_inventory(text: str) -> Inventory:
    """Read a whole answer.

    Raises:
        UnreadableInventory: it has no end, or a line is not of its form.
    """
    lines = text.splitlines()
    if not lines or lines[-1] != "end":
        raise UnreadableInventory("it has no end")
    found = Inventory()
    for line in lines[:-1]:
        name, *words = line.split("\t")
        try:
            _take(found, name, words)
        except (ValueError, IndexError, KeyError) as error:
            raise UnreadableInventory(f"the line {line[:80]!r} is not of its form") from error
    if not found.clock:
        raise UnreadableInventory("it has no clock")
    return found


def _take(found: Inventory, name: str, words: list[str]) -> None:  # noqa: C901, PLR0912  # one line a word of the program
    match name:
        case "clock":
            found.clock = float(words[0])
        case "read":
            found.read.add(words[0])
        case "errors":
            found.errors = (int(words[0]), int(words[1]))
        case "often":
            found.often.append(f"{words[0]} times {words[1]}")
        case "refused":
            found.refused, found.source = (int(words[0]), int(words[1])), words[2]
        case "web":
            found.webs.append(WebLog(words[0], *(int(word) for word in words[1:5])))
        case "signin":
            found.sign_ins.append(SignIn(*words[:4]))
        case "sudo":
            found.sudo.add((words[0], words[1]))
        case "sudo-refused":
            found.sudo_refused[words[0]] = int(words[1])
        case "fact":
            found.facts[words[0]][words[1]] = words[2]
        case "service":
            found.services.append(words[0])
        case "restarts":
            found.restarts[words[0]] = int(words[1])
        case "engine":
            found.engines[words[0]] = words[1]
        case "container":
            found.containers.append(Container(words[0], words[1], words[2], words[3], int(words[4]), words[5]))
        case "certificate":
            found.certificates[words[0]] = int(words[1]) if words[1] else None
        case "site":
            found.sites.append(words[0])
        case "mount":
            found.mounts[words[0]] = words[1]
        case "database":
            found.databases[words[0]] = {"accepts": True, "refuses": False}[words[1]]
        case "fail2ban":
            found.fail2ban[words[0]] = int(words[2]) if words[1] == "answers" and words[2].isdigit() else None
        case "smart":
            found.disks.append(Disk(words[0], words[1], int(words[2]), int(words[3]) if words[3] else None))
        case "zfs":
            found.zfs[words[0]] = (words[1], int(words[2]))
        case "raid":
            found.raid.setdefault(words[0], []).append(" ".join(words[1:]))
        case _:
            raise ValueError(name)
