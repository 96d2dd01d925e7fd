"""Installed is not yet effective: what still runs the old, and on which addresses a package's programs listen."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from clients.models import System
from maintenance.choices import Ended
from maintenance.models import PendingUpdate
from maintenance.parsers.host import Container, RootFacts
from maintenance.parsers.values import Installed
from maintenance.services import bulk

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
        containers, silent_engines: as RootFacts has them.
    """

    stale_packages: tuple[str, ...] | None
    stale_units: tuple[str, ...]
    reboot_required: bool | None
    reboot_packages: tuple[str, ...]
    containers: tuple[Container, ...] = ()
    silent_engines: tuple[str, ...] = ()


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
    _note_containers(system, running, now=now)
    rows = list(PendingUpdate.objects.filter(system=system, ended=Ended.INSTALLED, effective_at=None))
    for row in rows:
        row.held_up_by = _container_holds_up(row, running) if row.of_image else held_up_by(row, running)
        row.effective_at = None if row.held_up_by else now
    bulk.write(rows, ["held_up_by", "effective_at"])
    return sum(row.effective_at is not None for row in rows)


def _note_containers(system: System, running: Running, *, now: datetime) -> None:
    """An image that was pulled and that its container does not run yet is an update, installed and not effective.

    One whose container went away is no longer owed by anybody.
    """
    if running.stale_packages is None:
        return  # root's facts were not read: nothing is known of containers
    owed = {
        (row.package, row.origin, row.candidate_version): row
        for row in PendingUpdate.objects.filter(system=system, of_image=True, ended=Ended.INSTALLED, effective_at=None)
    }
    now_running = {(one.name, one.engine): one for one in running.containers}
    fresh = [
        _image_update(system, one, now=now)
        for (name, engine), one in now_running.items()
        if one.is_outdated and (name, engine, one.tagged) not in owed
    ]
    newer = {(row.package, row.origin) for row in fresh}
    for row in owed.values():
        one = now_running.get((row.package, row.origin))
        if one is None and row.origin not in running.silent_engines:
            end = Ended.REMOVED
        elif (row.package, row.origin) in newer or (one is not None and not one.is_outdated and one.running != row.candidate_version):
            end = Ended.SUPERSEDED
        else:
            continue
        row.ended, row.installed_at, row.held_up_by = end, None, ""
        row.save(update_fields=["ended", "installed_at", "held_up_by"])
    PendingUpdate.objects.bulk_create(fresh)


def _image_update(system: System, one: Container, *, now: datetime) -> PendingUpdate:
    days = system.client.security_window_days  # what an image brings is not known: it counts as a security fix
    return PendingUpdate(
        client_id=system.client_id, system=system, package=one.name[:200], architecture="", source=one.image[:200],
        installed_version=one.running[:64], candidate_version=one.tagged[:64], origin=one.engine, of_image=True, is_security=None,
        first_seen_at=now, pending_since=now, due_at=now + timedelta(days=days), released_at=now, gone_at=now, ended=Ended.INSTALLED,
        installed_at=now, due_reason=f"container image: {days} days from when it was first seen on the host",
    )  # fmt: skip


def _container_holds_up(update: PendingUpdate, running: Running) -> str:
    if running.stale_packages is None or update.origin in running.silent_engines:
        return f"Which image the container {update.package} runs could not be read."
    for one in running.containers:
        if (one.name, one.engine) == (update.package, update.origin) and one.running != update.candidate_version:
            return f"The container {one.name} still runs the image before: make it anew from {one.image}."
    return ""


def note_exposure(system: System, facts: RootFacts | None, packages: Sequence[Installed]) -> None:
    """After a scan: say of each open update whether a program of its source listens on an address that others reach."""
    sources = {package.name: package.source for package in packages}
    exposed = _exposed(facts.listening, facts.owners, sources) if facts is not None else {}
    rows = [
        row for row in PendingUpdate.objects.filter(system=system, gone_at=None) if row.exposure != exposed.get(row.source, "")[:200]
    ]
    for row in rows:
        row.exposure = exposed.get(row.source, "")[:200]
    bulk.write(rows, ["exposure"])


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
