"""What one look at a system said (monitoring/probes/sweep.sh)."""

import re
from dataclasses import dataclass

# File systems that hold nothing that fills up by itself, or can't be written at all.
_NOT_DISKS = {"tmpfs", "devtmpfs", "squashfs", "iso9660", "efivarfs", "udf", "ramfs", "fuse.snapfuse", "overlayfs"}
_WHOLE_DISK = re.compile(r"(sd|vd|xvd|hd)[a-z]+|nvme\d+n\d+|mmcblk\d+")
# What a drill fills (retainer-watch).
DRILL_MOUNT = "/run/retainer-drill/disk"


class UnreadableSample(ValueError):
    """The answer is not one of the probe, or was cut."""


@dataclass(frozen=True, slots=True)
class Space:
    """One file system: how much of it is used, of how much, in KiB or inodes."""

    mount: str
    used: int
    free: int

    @property
    def percent(self) -> float:
        """Used, of what those without root's privileges can use, as df counts it."""
        return 100 * self.used / (self.used + self.free) if self.used + self.free else 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A look. None: the host did not say.

    Args:
        clock: the host's, seconds since 1970.
        boot: the id of the running boot.
        cpu: jiffies busy and in all, of all processors together, since the boot.
        cpus: how many processors.
        load: averages over 1, 5 and 15 minutes.
        memory_kib, swap_kib: free (memory: available) and in all.
        pressure: share of the last 60 s in which something waited, by resource, in percent; for io and memory all of them.
        disks, inodes: by mount point.
        units: names of failed units.
        services: names of running services.
        busy_ms: time in which each whole disk had work since the boot, by its name.
        heat_c: the hottest sensor in degrees Celsius, with its name; not there on a virtual machine.
        restart: whether the host says that it wants to be restarted.
    """

    clock: float | None = None
    boot: str | None = None
    cpu: tuple[int, int] | None = None
    cpus: int | None = None
    load: tuple[float, float, float] | None = None
    memory_kib: tuple[int, int] | None = None
    swap_kib: tuple[int, int] | None = None
    pressure: dict[str, float] | None = None
    disks: tuple[Space, ...] | None = None
    inodes: tuple[Space, ...] | None = None
    units: tuple[str, ...] | None = None
    services: tuple[str, ...] | None = None
    busy_ms: dict[str, int] | None = None
    heat_c: tuple[float, str] | None = None
    restart: bool | None = None


def parse_sample(text: str) -> Sample:
    """Read a whole answer of the probe.

    Raises:
        UnreadableSample: it has no end, or a section is not of its form.
    """
    sections = _sections(text)
    try:
        return _sample(sections)
    except (ValueError, IndexError, KeyError, StopIteration) as error:
        raise UnreadableSample(f"a section is not of its form: {error}") from error


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    ended = False
    for line in text.splitlines():
        if line == "@end":
            ended = True
        elif line.startswith("@"):
            lines = sections.setdefault(line[1:], [])
        elif line:
            lines.append(line)
    if not ended:
        raise UnreadableSample("it has no end")
    return sections


def _sample(sections: dict[str, list[str]]) -> Sample:
    def one(name: str) -> str | None:
        return sections[name][0].strip() if sections.get(name) else None

    clock, load, restart = one("clock"), one("load"), one("restart")
    processor = sections.get("processor")
    memory = _meminfo(sections["memory"]) if "memory" in sections else {}
    return Sample(
        clock=float(clock) if clock else None, boot=one("boot"), cpu=_jiffies(processor) if processor else None,
        cpus=len(processor) - 1 if processor else None,
        load=_load(load) if load else None,
        memory_kib=(memory["MemAvailable"], memory["MemTotal"]) if "MemAvailable" in memory else None,
        swap_kib=(memory["SwapFree"], memory["SwapTotal"]) if "SwapTotal" in memory else None,
        pressure=_pressure(sections["pressure"]) if "pressure" in sections else None,
        disks=_spaces(sections["disk"]) if "disk" in sections else None,
        inodes=_spaces(sections["inodes"]) if "inodes" in sections else None,
        units=tuple(line.split()[0] for line in sections["units"]) if "units" in sections else None,
        services=tuple(line.split()[0] for line in sections["services"]) if "services" in sections else None,
        busy_ms=_busy_ms(sections["disks"]) if "disks" in sections else None,
        heat_c=_hottest(sections.get("heat", [])),
        restart={"yes": True, "no": False}[restart] if restart else None,
    )  # fmt: skip


def _jiffies(lines: list[str]) -> tuple[int, int]:
    """Busy and all jiffies. Guests are counted in user time already.

    Source: proc_stat(5): user nice system idle iowait irq softirq steal guest guest_nice.
    """
    whole = next(line.split() for line in lines if line.startswith("cpu "))
    jiffies = [int(word) for word in whole[1:9]]
    return sum(jiffies) - jiffies[3] - jiffies[4], sum(jiffies)


def _busy_ms(lines: list[str]) -> dict[str, int]:
    """Source: Documentation/admin-guide/iostats.rst of Linux: field 10 behind the name is the time with work, in ms.

    Whole disks only: a partition is part of one, and loop and RAM disks are files.
    """
    found = {}
    for line in lines:
        words = line.split()
        if len(words) >= 13 and _WHOLE_DISK.fullmatch(words[2]):
            found[words[2]] = int(words[12])
    return found


def _hottest(lines: list[str]) -> tuple[float, str] | None:
    """Thousandths of a degree and a name each; what is far from any temperature is a sensor that is not connected."""
    heats = [(int(value) / 1000, name) for value, name in (line.split(maxsplit=1) for line in lines)]
    return max((heat for heat in heats if 0 < heat[0] < 150), default=None)


def _load(line: str) -> tuple[float, float, float]:
    one, five, fifteen = line.split()[:3]
    return float(one), float(five), float(fifteen)


def _meminfo(lines: list[str]) -> dict[str, int]:
    """Source: proc_meminfo(5); kB there are KiB."""
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}


def _pressure(lines: list[str]) -> dict[str, float]:
    """`cpu some`, `memory full`, `io full`: avg60.

    Source: Documentation/accounting/psi.rst of Linux.
    """
    wanted = {("cpu", "some"), ("memory", "full"), ("io", "full")}
    found = {}
    for line in lines:
        resource, kind, *numbers = line.split()
        if (resource, kind) in wanted:
            found[resource] = float(next(word for word in numbers if word.startswith("avg60="))[6:])
    return found


def _spaces(lines: list[str]) -> tuple[Space, ...]:
    """df -P -T: name, type, blocks, used, available, percent, mount point (which may hold blanks). One device counts once.

    A file system that counts no inodes (btrfs) says 0 of 0, and is left out there.
    """
    found: dict[str, Space] = {}
    for line in lines[1:]:
        name, kind, _, used, free, _, mount = line.split(maxsplit=6)
        # a container's view of its host's files is not a disk of its own
        virtual = kind in _NOT_DISKS and mount != DRILL_MOUNT
        if virtual or mount.startswith("/run/host/") or "-" in {used, free} or int(used) + int(free) == 0:
            continue
        # the shortest path is where it is mounted, the others are bound there
        if name not in found or len(mount) < len(found[name].mount) or name in {"overlay", "none"}:
            found[name if name not in {"overlay", "none"} else mount] = Space(mount, int(used), int(free))
    return tuple(sorted(found.values(), key=lambda space: space.mount))
