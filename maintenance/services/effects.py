"""Installed is not yet effective: what still runs the old, and on which addresses a package's programs listen."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clients.models import System
from maintenance.choices import Ended
from maintenance.models import PendingUpdate
from maintenance.parsers.host import RootFacts
from maintenance.parsers.values import Installed

# Whose updates take effect with the next boot, whatever the host's own mark says.
_KERNELS = ("linux-image", "linux-modules")


@dataclass(frozen=True, slots=True)
class Running:
    """What runs on a host, as far as it could be read.

    Args:
        stale_packages: packages of which a replaced file still runs; `-` is a file that no package owns any more. None: not read.
        stale_units: units, or programs without one, that run them.
        reboot_required: None is not known.
        reboot_packages: who asked for the reboot; empty where nobody said.
    """

    stale_packages: tuple[str, ...] | None
    stale_units: tuple[str, ...]
    reboot_required: bool | None
    reboot_packages: tuple[str, ...]


def held_up_by(update: PendingUpdate, running: Running) -> str:
    """Why an installed update is not effective yet; empty where it is. What could not be read holds it up too."""
    if running.stale_packages is None or running.reboot_required is None:
        return "What still runs the old version could not be read."
    if update.package.startswith(_KERNELS) and running.reboot_required:
        return "The host has not been rebooted since."
    if running.reboot_required and (not running.reboot_packages or {update.package, update.source} & set(running.reboot_packages)):
        return "The host has not been rebooted since, and asks for it."
    if update.package in running.stale_packages or "-" in running.stale_packages:
        return ("Still running the old: " + ", ".join(running.stale_units))[:300]
    return ""


def note(system: System, running: Running, *, now: datetime) -> int:
    """After a scan: mark what has become effective, and say of the rest what holds it up. Returns how many became effective."""
    rows = list(PendingUpdate.objects.filter(system=system, ended=Ended.INSTALLED, effective_at=None))
    for row in rows:
        row.held_up_by = held_up_by(row, running)
        row.effective_at = None if row.held_up_by else now
    PendingUpdate.objects.bulk_update(rows, ["held_up_by", "effective_at"], batch_size=500)
    return sum(row.effective_at is not None for row in rows)


def note_exposure(system: System, facts: RootFacts | None, packages: Sequence[Installed]) -> None:
    """After a scan: say of each open update whether a program of its source listens on an address that others reach."""
    sources = {package.name: package.source for package in packages}
    exposed = _exposed(facts.listening, facts.owners, sources) if facts is not None else {}
    rows = list(PendingUpdate.objects.filter(system=system, gone_at=None))
    for row in rows:
        row.exposure = exposed.get(row.source, "")[:200]
    PendingUpdate.objects.bulk_update(rows, ["exposure"], batch_size=500)


def _exposed(listening: Iterable[str], owners: Mapping[str, str], sources: Mapping[str, str]) -> dict[str, str]:
    """Source package to `program on address`, for sockets that are open to others."""
    found: dict[str, str] = {}
    for line in listening:
        _, address, program = line.split(" ", 2)
        package = owners.get(f"{address} {program}")
        if package is not None and _is_reachable(address):
            found.setdefault(sources.get(package, package), f"{program} on {address}")
    return found


def _is_reachable(socket: str) -> bool:
    """Whether `ss` names an address that is not the host's own loopback; `*` is every address."""
    host = socket.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True  # "*", or something we do not know: better shown than hidden
