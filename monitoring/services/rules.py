"""What a look at a system means: pure functions from a sample to observations. What the host did not say is unknown."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitoring.choices import THRESHOLDS, Kind, Level
from monitoring.parsers.sweep import DRILL_MOUNT, Sample, Space

# Thresholds of single checks, by kind and subject: warning and critical, None for those of the kind.
Own = Mapping[tuple[str, str], tuple[float | None, float | None]]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look says of one thing.

    Args:
        interval_s: in how many seconds it is looked at again, where that is not with the next look.
    """

    kind: Kind
    subject: str
    level: Level
    value: float | None
    words: str
    interval_s: int | None = None


# The unit that a drill lets fail.
DRILL_UNIT = "retainer-drill.service"


def observe(
    sample: Sample, *, counters: Mapping[str, Any], own: Own, asked_at: datetime, answered_at: datetime,
    services: Collection[str] = (), drills: Collection[Kind] = (),
) -> list[Observation]:  # fmt: skip
    """What a look says of each thing, in a fixed order.

    Args:
        counters: of the look before (`counters_of`); of another boot they say nothing.
        own: thresholds of single checks, by kind and subject.
        asked_at, answered_at: on the portal's clock; the host read its own in between.
        services: units that must run.
        drills: kinds for which a drill is under way: what it made is told as a thing of its own.
    """

    def judged(kind: Kind, value: float | None, words: str, subject: str = "") -> Observation:
        """`words` with {n} for the value."""
        if value is None:
            return Observation(kind, subject, Level.UNKNOWN, None, "The system did not say.")
        return Observation(kind, subject, level_of(kind, subject, value, own), round(value, 3), words.format(n=value))

    seen = [judged(Kind.REACH, (answered_at - asked_at).total_seconds(), "Answered within {n:.1f} s.")]
    if counters.get("boot") == sample.boot:
        # the first look after a boot has nothing to compare with
        seen.append(judged(Kind.CPU, _busy(sample, counters), "{n:.0f} % busy since the look before."))
    load = sample.load[1] / sample.cpus if sample.load and sample.cpus else None
    seen.append(judged(Kind.LOAD, load, f"{{n:.2f}} processes for each of {sample.cpus} processors, over 5 minutes."))
    seen.append(judged(Kind.MEMORY, _share(sample.memory_kib), f"{{n:.0f}} % of {_gib(sample.memory_kib)} in use."))
    if sample.swap_kib is None or sample.swap_kib[1]:
        seen.append(judged(Kind.SWAP, _share(sample.swap_kib), f"{{n:.0f}} % of {_gib(sample.swap_kib)} in use."))
    if sample.pressure:
        # kernels without it say nothing, and are not asked for it
        resource, share = max(sample.pressure.items(), key=lambda item: item[1])
        seen.append(judged(Kind.PRESSURE, share, f"Work waited for {resource} in {{n:.0f}} % of a minute."))
    for space in _real(sample.disks):
        seen.append(judged(Kind.DISK, space.percent, f"{{n:.0f}} % used, {space.free / 1024 / 1024:.1f} GiB free.", space.mount))
    for space in _real(sample.inodes):
        seen.append(judged(Kind.INODES, space.percent, f"{{n:.0f}} % used, {space.free} free.", space.mount))
    failed = None if sample.units is None else tuple(unit for unit in sample.units if unit != DRILL_UNIT)
    seen.append(_units(failed, judged))
    seen += [_service(unit, sample.services) for unit in sorted(services)]
    seen += _disks_at_work(sample, counters, judged)
    if sample.heat_c is not None:
        seen.append(judged(Kind.TEMPERATURE, sample.heat_c[0], f"{{n:.0f}} °C at {_escaped(sample.heat_c[1])}."))
    offset = _offset(sample.clock, asked_at, answered_at)
    seen.append(judged(Kind.CLOCK, offset, "{n:.1f} s off the portal's clock." if offset else "As the portal's clock."))
    restart = None if sample.restart is None else float(sample.restart)
    seen.append(judged(Kind.RESTART, restart, "An update waits for a restart." if restart else "None needed."))
    return [*seen, *_drilled(sample, drills, judged)]


def _drilled(
    sample: Sample, drills: Collection[Kind], judged: Callable[[Kind, float | None, str, str], Observation]
) -> list[Observation]:
    """What drills made, told by the same rules as what is real."""
    seen = []
    if Kind.UNITS in drills:
        failed = None if sample.units is None else float(DRILL_UNIT in sample.units)
        seen.append(judged(Kind.UNITS, failed, f"Failed: {DRILL_UNIT}." if failed else "No unit failed.", "drill"))
    if Kind.DISK in drills:
        space = next((space for space in sample.disks or () if space.mount == DRILL_MOUNT), None)
        used = None if sample.disks is None else space.percent if space else 0.0
        seen.append(judged(Kind.DISK, used, "{n:.0f} % used.", "drill"))
    return seen


def _real(spaces: tuple[Space, ...] | None) -> list[Space]:
    return [space for space in spaces or () if space.mount != DRILL_MOUNT]


def _escaped(name: str) -> str:
    """A name may hold what a template takes for its own."""
    return name.replace("{", "{{").replace("}", "}}")


def _service(unit: str, running: tuple[str, ...] | None) -> Observation:
    if running is None:
        return Observation(Kind.SERVICE, unit, Level.UNKNOWN, None, "The system did not say.")
    runs = unit in running
    return Observation(Kind.SERVICE, unit, Level.UP if runs else Level.CRITICAL, None, "It runs." if runs else "It does not run.")


def _disks_at_work(
    sample: Sample, counters: Mapping[str, Any], judged: Callable[[Kind, float | None, str, str], Observation]
) -> list[Observation]:
    """How much of the time since the look before each disk had work; nothing after a boot, or without a clock."""
    if counters.get("boot") != sample.boot or not counters.get("clock") or sample.clock is None or not sample.busy_ms:
        return []
    since_ms, before = (sample.clock - counters["clock"]) * 1000, counters.get("disks", {})
    return [
        judged(Kind.IO, min(100.0, 100 * (busy - before[name]) / since_ms), "Had work for {n:.0f} % of the time.", name)
        for name, busy in sorted(sample.busy_ms.items())
        if name in before and since_ms > 0 and busy >= before[name]
    ]


def _units(units: tuple[str, ...] | None, judged: Callable[[Kind, float | None, str], Observation]) -> Observation:
    if units is None:
        return judged(Kind.UNITS, None, "")
    names = _escaped(", ".join(units[:5]))
    return judged(Kind.UNITS, float(len(units)), f"Failed: {names}." if units else "No unit failed.")


def level_of(kind: Kind, subject: str, value: float, own: Own) -> Level:
    """Where a value lies: by the thresholds of its kind, or those of its own."""
    default = THRESHOLDS[kind]
    warning, critical = own.get((kind, subject), (None, None))
    warning, critical = (default.warning if warning is None else warning), (default.critical if critical is None else critical)
    for level, mark in ((Level.CRITICAL, critical), (Level.WARNING, warning)):
        if mark is not None and (value <= mark if default.low else value >= mark):
            return level
    return Level.UP


def counters_of(sample: Sample) -> dict[str, Any]:
    """What the next look is held against."""
    if not sample.boot or not sample.cpu:
        return {}
    return {"boot": sample.boot, "cpu": list(sample.cpu), "clock": sample.clock, "disks": sample.busy_ms or {}}


def _busy(sample: Sample, counters: Mapping[str, Any]) -> float | None:
    if sample.cpu is None or not counters.get("cpu") or counters.get("boot") != sample.boot:
        return None
    busy, total = sample.cpu[0] - counters["cpu"][0], sample.cpu[1] - counters["cpu"][1]
    return 100 * busy / total if total > 0 else None


def _share(free_and_total: tuple[int, int] | None) -> float | None:
    if free_and_total is None or not free_and_total[1]:
        return None
    return 100 * (1 - free_and_total[0] / free_and_total[1])


def _gib(free_and_total: tuple[int, int] | None) -> str:
    return f"{(free_and_total or (0, 0))[1] / 1024 / 1024:.1f} GiB"


def _offset(clock: float | None, asked_at: datetime, answered_at: datetime) -> float | None:
    """How far the host's clock lies outside the time in which it was read; 0 within it."""
    if clock is None:
        return None
    return max(asked_at.timestamp() - clock, clock - answered_at.timestamp(), 0.0)
