"""What a look as root means: pure functions from an inventory to observations. What was not read is unknown."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitoring.choices import Kind, Level
from monitoring.parsers.inventory import DRILL_CERTIFICATE, Container, Inventory
from monitoring.services.baselines import Ordinary
from monitoring.services.baselines import level_of as level_by_ordinary
from monitoring.services.rules import Observation, Own, level_of

# Below so many a minute nothing is unusual.
FLOOR = {Kind.ERRORS: 2.0, Kind.SIGN_INS: 5.0, Kind.WEB_ERRORS: 1.0}
DRILL = "drill"
# Where a thing that is gone would stand.
_AREAS = {
    Kind.CERT_FILE: "certificates", Kind.CONTAINER: "containers", Kind.DATABASE: "databases", Kind.RAID: "raid", Kind.ZFS: "zfs",
    Kind.MOUNT: "mounts",
}  # fmt: skip


@dataclass(slots=True)
class Counters:
    """What the next look is held against: how far each log was counted, restarts of each unit, and what is ordinary."""

    clock: float = 0
    logs: dict[str, list[int]] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    ordinary: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Counters":
        """As they were kept."""
        return cls(kept.get("clock", 0), dict(kept.get("logs", {})), dict(kept.get("restarts", {})), dict(kept.get("ordinary", {})))


def observe_inventory(
    inventory: Inventory, *, before: Counters, own: Own, wanted: Collection[tuple[Kind, str]], drills: Collection[Kind],
) -> tuple[list[Observation], Counters]:  # fmt: skip
    """What a look as root says, and what the next one is held against.

    Args:
        wanted: checks that there are already: one whose thing is gone is told so, instead of growing old.
        drills: kinds for which a drill is under way: what it made is told as a thing of its own.
    """
    after = Counters(inventory.clock, {log.path: [log.inode, log.offset] for log in inventory.webs}, dict(inventory.restarts), {})
    after.ordinary = dict(before.ordinary)
    minutes = max((inventory.clock - before.clock) / 60, 0.5) if before.clock else 5.0
    seen = [*_rates(inventory, before, after, minutes, drills)]
    seen += _things(inventory, own, wanted)
    seen += _restarts(inventory, before, own, wanted)
    if Kind.CERT_FILE in drills:
        seen.append(_drill_certificate(inventory, own))
    return seen, after


def _drill_certificate(inventory: Inventory, own: Own) -> Observation:
    if "certificates" not in inventory.read:
        return _plain(Kind.CERT_FILE, DRILL, Level.UNKNOWN, "The system did not say.")
    end = inventory.certificates.get(DRILL_CERTIFICATE)
    return _certificate(DRILL, end, inventory.clock, own) if end else _plain(Kind.CERT_FILE, DRILL, Level.UP, "Not there.")


def _rates(inventory: Inventory, before: Counters, after: Counters, minutes: float, drills: Collection[Kind]) -> Iterator[Observation]:
    def rate(kind: Kind, subject: str, count: int, words: str) -> Observation:
        key, value = f"{kind} {subject}", count / minutes
        ordinary = Ordinary(*_three(before.ordinary.get(key)))
        level = level_by_ordinary(value, ordinary, floor=FLOOR[kind])
        if level == Level.UP:
            learnt = ordinary.learn(value)
            after.ordinary[key] = [learnt.looks, learnt.mean, learnt.variance]
        usual = f"; ordinary is {ordinary.mean:.1f}" if ordinary.looks else ""
        return Observation(kind, subject, level, round(value, 3), f"{value:.1f} a minute{usual}.{words}")

    if "journal" in inventory.read:
        yield rate(Kind.ERRORS, "", inventory.errors[0], f" Most often: {'; '.join(inventory.often[:2])}." if inventory.often else "")
    if "signins" in inventory.read:
        yield rate(Kind.SIGN_INS, "", inventory.refused[0], f" Most of them from {inventory.source}." if inventory.source else "")
    if "web" in inventory.read:
        for log in inventory.webs:
            yield rate(Kind.WEB_ERRORS, log.path[:200], log.failures, f" {log.failures} of {log.answers} answers failed.")
    for kind, area, count in ((Kind.ERRORS, "journal", inventory.errors[1]), (Kind.SIGN_INS, "signins", inventory.refused[1])):
        if kind in drills:
            # by the floor alone: what is ordinary for a drill nobody learns
            level = Level.UNKNOWN if area not in inventory.read else Level.WARNING if count / minutes >= FLOOR[kind] else Level.UP
            yield Observation(kind, DRILL, level, round(count / minutes, 3), f"{count} of a drill.")


def _things(inventory: Inventory, own: Own, wanted: Collection[tuple[Kind, str]]) -> Iterator[Observation]:
    found = {
        (one.kind, one.subject): one for one in (*_software(inventory, own), *_mounts(inventory, wanted), *_hardware(inventory, own))
    }
    yield from found.values()
    # there was one, and the area was read: it is gone, which is not the same as fine
    for kind, subject in wanted:
        if _AREAS.get(kind) in inventory.read and (kind, subject) not in found and subject != DRILL:
            yield _plain(kind, subject, Level.CRITICAL, "It is not there any more.")


def _software(inventory: Inventory, own: Own) -> Iterator[Observation]:
    if "certificates" in inventory.read:
        for path, end in inventory.certificates.items():
            if path != DRILL_CERTIFICATE:
                yield _certificate(path[:200], end, inventory.clock, own)
    for container in inventory.containers:
        yield _container(container)
    for engine, state in inventory.engines.items():
        if state != "read":
            yield _plain(Kind.CONTAINER, engine, Level.UNKNOWN, "The engine does not answer.")
    for name, accepts in inventory.databases.items():
        words = "Accepts connections." if accepts else "Does not accept connections."
        yield _plain(Kind.DATABASE, name, Level.UP if accepts else Level.CRITICAL, words)
    for jail, banned in inventory.fail2ban.items():
        words = "It does not answer: nobody is banned." if banned is None else f"{banned} banned now."
        level = Level.CRITICAL if banned is None else Level.UP
        yield Observation(Kind.FAIL2BAN, "" if jail == "-" else jail, level, banned, words)


def _mounts(inventory: Inventory, wanted: Collection[tuple[Kind, str]]) -> Iterator[Observation]:
    """Only those that somebody wants to be there: local ones have a check of how full they are."""
    for kind, subject in wanted:
        if kind == Kind.MOUNT and subject in inventory.mounts:
            yield _plain(kind, subject, Level.UP, f"Mounted, {inventory.mounts[subject]}.")


def _hardware(inventory: Inventory, own: Own) -> Iterator[Observation]:
    for disk in inventory.disks:
        level = _disk_level(disk.health, disk.errors, disk.used_percent)
        life = "" if disk.used_percent is None else f", {disk.used_percent} % of its life used"
        yield Observation(Kind.SMART, disk.name, level, float(disk.errors), f"{disk.health}, {disk.errors} errors{life}.")
    for pool, (health, used) in inventory.zfs.items():
        level = level_of(Kind.ZFS, pool, used, own) if health == "ONLINE" else Level.CRITICAL
        yield Observation(Kind.ZFS, pool, level, float(used), f"{health}, {used} % used.")
    for array, states in inventory.raid.items():
        yield _plain(Kind.RAID, array, _raid_level(states), "; ".join(states))


def _restarts(inventory: Inventory, before: Counters, own: Own, wanted: Collection[tuple[Kind, str]]) -> Iterator[Observation]:
    if "restarts" not in inventory.read or not before.clock:
        return
    known = {subject for kind, subject in wanted if kind == Kind.RESTARTS}
    for unit in sorted(known | inventory.restarts.keys()):
        # started on purpose it counts from zero again
        number = max(0, inventory.restarts.get(unit, 0) - before.restarts.get(unit, 0))
        if unit in known or number:
            level, words = level_of(Kind.RESTARTS, unit, number, own), f"Started again by itself {number} times since the look before."
            yield Observation(Kind.RESTARTS, unit[:200], level, float(number), words)


def _certificate(subject: str, end: int | None, clock: float, own: Own) -> Observation:
    if end is None:
        return _plain(Kind.CERT_FILE, subject, Level.CRITICAL, "A program is told to show it, and it can't be read.")
    days = (end - clock) / 86_400
    level = level_of(Kind.CERT_FILE, subject, days, own)
    return Observation(Kind.CERT_FILE, subject, level, round(days, 2), f"Ends in {days:.0f} days.")


def _container(container: Container) -> Observation:
    meant_to_run = container.policy in {"always", "unless-stopped", "on-failure"}
    if container.health == "unhealthy" or container.state in {"restarting", "dead"}:
        level = Level.CRITICAL
    elif container.state == "running":
        level = Level.WARNING if container.health == "starting" else Level.UP
    else:
        level = Level.CRITICAL if meant_to_run else Level.UP
    health = "" if container.health == "-" else f", {container.health}"
    words = f"{container.state}{health}, started again {container.restarts} times ({container.engine}, restarts: {container.policy})."
    return Observation(Kind.CONTAINER, container.name[:200], level, float(container.restarts), words)


def _disk_level(health: str, errors: int, used_percent: int | None) -> Level:
    if health in {"PASSED", "OK"}:
        return Level.WARNING if errors or (used_percent or 0) >= 90 else Level.UP
    return Level.UNKNOWN if health == "-" else Level.CRITICAL


def _raid_level(states: list[str]) -> Level:
    if any("_" in state.split()[-1] for state in states if "[" in state) or not any(state.startswith("active") for state in states):
        return Level.CRITICAL
    return Level.WARNING if any(state.startswith("busy") for state in states) else Level.UP


def _plain(kind: Kind, subject: str, level: Level, words: str) -> Observation:
    return Observation(kind, subject, level, None, words[:500])


def _three(kept: list[float] | None) -> tuple[int, float, float]:
    looks, mean, variance = kept or (0, 0.0, 0.0)
    return int(looks), mean, variance
