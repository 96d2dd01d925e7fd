"""Reads for pages. What was not looked at in time is shown as unknown, whether or not anything said so yet."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q, QuerySet

from clients.models import System
from monitoring.choices import OPEN_ALERT_STATES, RANK, THRESHOLDS, DeliveryState, Kind, Level
from monitoring.models import Alert, Blindness, Channel, Check, Delivery, PlannedWork, Result, RolledUp, Rollup, Watch
from portal.accounts.actor import Actor

# Shown beside one tile.
NAMED = 4
# The finest that results are rolled up to, in seconds.
FIVE_MINUTES = 300
# How a level looks: the badges of all pages.
BADGE = {Level.UP: "ok", Level.WARNING: "warn", Level.CRITICAL: "bad", Level.UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check as pages show it.

    Args:
        level: confirmed, and unknown where the last look said nothing or is too old.
        turning: what the last look said where that is not confirmed yet; else empty.
    """

    check: Check
    level: Level
    turning: str

    @property
    def badge(self) -> str:
        """The class of its badge."""
        return BADGE[self.level]


@dataclass(frozen=True, slots=True)
class Tile:
    """A system on the wall: its worst, and what is not in order there, the worst first."""

    system: System
    level: Level
    words: str
    checks: int
    lines: list[CheckLine]
    looked_at: datetime | None

    @property
    def badge(self) -> str:
        """The class of its badge."""
        return BADGE[self.level]


@dataclass(frozen=True, slots=True)
class Wall:
    """All systems that somebody may see, the worst first."""

    tiles: list[Tile]
    counts: dict[str, int]


def line_of(check: Check, *, now: datetime) -> CheckLine:
    """A check as pages show it now."""
    stale = check.stale_at <= now or check.last_level == Level.UNKNOWN
    level = Level.UNKNOWN if stale else Level(check.level)
    turning = Level(check.last_level).label if not stale and check.last_level != check.level else ""
    return CheckLine(check, level, turning)


def wall(actor: Actor, *, now: datetime) -> Wall:
    """Every system with its worst check. Four queries whatever their number."""
    scope = System.objects.visible_to(actor).filter(client__ended_at=None)
    # a thousand of them: no more of each than a tile shows
    systems = list(scope.select_related("client").only("name", "client__name").order_by("client__name", "name", "pk"))
    in_use = Check.objects.filter(system__in=scope, ended_at=None, drill=False)
    counts = dict(in_use.values_list("system").annotate(number=Count("pk")).values_list("system", "number"))
    looked = dict(Watch.objects.filter(system__in=scope, ended_at=None).values_list("system", "last_at"))
    bad: dict[int, list[CheckLine]] = defaultdict(list)
    for check in in_use.filter(~Q(level=Level.UP) | ~Q(last_level=Level.UP) | Q(stale_at__lte=now)).order_by("kind", "subject", "pk"):
        line = line_of(check, now=now)
        if line.level != Level.UP or line.turning:
            bad[check.system_id].append(line)
    tiles = [_tile(system, counts.get(system.pk, 0), bad[system.pk], looked) for system in systems]
    tiles.sort(key=lambda tile: -RANK[tile.level])
    return Wall(tiles, {BADGE[level]: sum(tile.level == level for tile in tiles) for level in Level})


def _tile(system: System, count: int, lines: list[CheckLine], looked: dict[int, datetime | None]) -> Tile:
    lines.sort(key=lambda line: -RANK[line.level])
    if system.pk not in looked:
        return Tile(system, Level.UNKNOWN, "Not watched: it was never reached.", count, [], None)
    if not count:
        return Tile(system, Level.UNKNOWN, "Not looked at yet.", count, [], looked[system.pk])
    worst = lines[0] if lines else None
    level = worst.level if worst else Level.UP
    words = f"{worst.check}: {worst.check.words}" if worst and level != Level.UP else ""
    return Tile(system, level, words, count, lines[:NAMED], looked[system.pk])


def checks_of(system: System, *, now: datetime) -> list[CheckLine]:
    """All checks of a system, the worst first."""
    rows = system.checks.filter(ended_at=None, drill=False).order_by("kind", "subject", "pk")
    return sorted((line_of(check, now=now) for check in rows), key=lambda line: -RANK[line.level])


def alerts_for(actor: Actor) -> QuerySet[Alert]:
    """Alerts that one may see, with what they are about; those of drills have a page of their own."""
    return (
        Alert.objects.visible_to(actor)
        .filter(check_row__drill=False)
        .select_related("system__client", "check_row", "given_to", "incident")
    )


def open_alerts(actor: Actor) -> list[Alert]:
    """What is open, the worst and oldest first."""
    rows = alerts_for(actor).filter(state__in=OPEN_ALERT_STATES).order_by("opened_at", "pk")
    return sorted(rows, key=lambda alert: -RANK[Level(alert.level)])


def closed_alerts(actor: Actor, *, now: datetime, days: int = 7) -> list[Alert]:
    """What closed of late, the newest first; 200 at most."""
    return list(alerts_for(actor).filter(closed_at__gt=now - timedelta(days=days)).order_by("-closed_at", "-pk")[:200])


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """A channel, with its newest message that arrived and the newest that did not yet."""

    channel: Channel
    arrived: Delivery | None
    stuck: Delivery | None


def channel_lines() -> list[ChannelLine]:
    """The channels in use, by name."""
    channels = list(Channel.objects.filter(ended_at=None).select_related("next_channel", "person").order_by("name"))
    newest = Delivery.objects.filter(channel__in=channels).order_by("channel", "-created_at", "-pk").distinct("channel")
    arrived = {row.channel_id: row for row in newest.filter(state=DeliveryState.SENT)}
    stuck = {row.channel_id: row for row in newest.filter(state=DeliveryState.WAITING).exclude(trouble="")}
    return [ChannelLine(channel, arrived.get(channel.pk), stuck.get(channel.pk)) for channel in channels]


@dataclass(frozen=True, slots=True)
class Rolled:
    """Up to when points stand for a whole step of so many seconds, from its beginning; later ones are single results."""

    step: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """A check over time for an SVG of 600 by 80: stretches without a gap, and where its thresholds lie."""

    lines: list[str]
    low: float
    high: float
    marks: list[float]
    gaps: int
    # where planned work began, such as a run of updates, with its reason
    works: list[tuple[float, str]] = field(default_factory=list)


def picture_of(
    points: Sequence[tuple[datetime, float | None]], *, since: datetime, until: datetime, interval_s: int, thresholds: Sequence[float],
    rolled: Rolled | None = None,
) -> Picture | None:  # fmt: skip
    """Draw results. Where none came for more than twice the interval there is a gap: what was not measured is not drawn."""
    known = [(at, value) for at, value in points if value is not None]
    if not known:
        return None
    low, high = min(0.0, *(value for _, value in known)), max(value for _, value in known)
    # a threshold near what was measured is part of the picture, one that is far off would flatten it
    marks = [mark for mark in thresholds if mark <= high * 2 or mark <= 100]
    high = max([high, *marks]) or 1.0
    width = (until - since).total_seconds()

    def place(at: datetime, value: float) -> str:
        return f"{(at - since).total_seconds() / width * 596 + 2:.1f},{78 - (value - low) / (high - low or 1) * 74:.1f}"

    lines: list[list[str]] = [[]]
    before: datetime | None = None
    for at, value in points:
        step = rolled.step if rolled and before is not None and before < rolled.until else 0
        late = before is not None and (at - before).total_seconds() > 2 * interval_s + 10 + step
        if (late or value is None) and lines[-1]:
            lines.append([])
        if value is not None:
            lines[-1].append(place(at, value))
        before = at
    drawn = [" ".join(line) for line in lines if line]
    return Picture(drawn, low, high, [78 - (mark - low) / (high - low or 1) * 74 for mark in marks], len(drawn) - 1)


def pictures(system: System, *, since: datetime, now: datetime) -> list[tuple[CheckLine, Picture | None]]:
    """The checks of a system, the worst first, each with its picture, which begins with the first result. Six queries.

    Older than the last minutes it is drawn from five minutes rolled up, of which the worst value counts: an average would hide what an
    alert was opened for.
    """
    lines = checks_of(system, now=now)
    checks = [line.check for line in lines]
    points: dict[int, list[tuple[datetime, float | None]]] = defaultdict(list)
    rolled = _rolled(FIVE_MINUTES)
    if rolled:
        low = {check.pk for check in checks if THRESHOLDS[Kind(check.kind)].low}
        buckets = Rollup.objects.filter(check_row__in=checks, step=rolled.step, at__gte=since, at__lt=rolled.until, values_n__gt=0)
        for check_id, at, least, most in buckets.order_by("check_row", "at").values_list("check_row_id", "at", "low", "high"):
            points[check_id].append((at, least if check_id in low else most))
    rows = Result.objects.filter(check_row__in=checks, at__gte=max(since, rolled.until) if rolled else since).order_by(
        "check_row", "at"
    )
    for check_id, at, value in rows.values_list("check_row_id", "at", "value"):
        points[check_id].append((at, value))
    # a young system's hour is not a dot at the edge of a day
    since = max(since, min((values[0][0] for values in points.values()), default=since))
    works = _works(system, since=since, until=now)
    return [(line, _drawn(line.check, points[line.check.pk], since=since, until=now, works=works, rolled=rolled)) for line in lines]


def _rolled(step: int) -> Rolled | None:
    until = RolledUp.objects.filter(step=step).values_list("until", flat=True).first()
    return Rolled(step, until) if until else None


def _drawn(
    check: Check, points: Sequence[tuple[datetime, float | None]], *, since: datetime, until: datetime, works: list[tuple[float, str]],
    rolled: Rolled | None = None,
) -> Picture | None:  # fmt: skip
    # how far apart two results may lie is what a check itself says: it goes stale after twice its interval and ten seconds
    interval_s = max(int((check.stale_at - check.last_at).total_seconds() - 10) // 2, 1) if check.last_at else 60
    picture = picture_of(points, since=since, until=until, interval_s=interval_s, thresholds=_thresholds(check), rolled=rolled)
    return replace(picture, works=works) if picture else None


def _works(system: System, *, since: datetime, until: datetime) -> list[tuple[float, str]]:
    """Where planned work began, as places on a picture."""
    width = (until - since).total_seconds() or 1
    rows = PlannedWork.objects.filter(system=system, starts_at__gte=since, starts_at__lte=until).order_by("starts_at")
    return [((row.starts_at - since).total_seconds() / width * 596 + 2, row.reason) for row in rows]


# How long a picture goes back, and of which step its points are; None: single results.
RANGES: dict[str, tuple[timedelta, int | None]] = {
    "day": (timedelta(days=1), None), "week": (timedelta(days=7), 300), "quarter": (timedelta(days=92), 3600),
    "years": (timedelta(days=1096), 86_400),
}  # fmt: skip


def long_picture(check: Check, span: str, *, now: datetime) -> Picture | None:
    """One check over a day, a week, a quarter or years."""
    length, step = RANGES[span]
    since = now - length
    if step is None:
        points = list(check.results.filter(at__gte=since).order_by("at").values_list("at", "value"))
    else:
        rows = Rollup.objects.filter(check_row=check, step=step, at__gte=since).order_by("at").values_list("at", "values_n", "total")
        points = [(at, total / number if number and total is not None else None) for at, number, total in rows]
    if not points:
        return None
    since = max(since, points[0][0])
    works = _works(check.system, since=since, until=now)
    if step is None:
        return _drawn(check, points, since=since, until=now, works=works)
    picture = picture_of(points, since=since, until=now, interval_s=step, thresholds=_thresholds(check))
    return replace(picture, works=works) if picture else None


def full_points(check: Check, *, now: datetime) -> list[tuple[datetime, float]]:
    """How full a disk was, hour by hour of two weeks."""
    rows = (
        Rollup.objects.filter(check_row=check, step=3600, at__gte=now - timedelta(days=14))
        .order_by("at")
        .values_list("at", "values_n", "total")
    )
    return [(at, total / number) for at, number, total in rows if number and total is not None]


def blindness(*, now: datetime) -> list[Blindness]:
    """Times of the last week in which the portal looked at nothing, the newest first."""
    return list(Blindness.objects.filter(ended_at__gt=now - timedelta(days=7)).order_by("-began_at")[:5])


def watcher_state() -> dict[str, Any] | None:
    """What the watcher said last (services/watcher.py); None: it is not running, or can't say so."""
    found = cache.get("watcher")
    return found if isinstance(found, dict) else None


def watch_of(system: System) -> Watch | None:
    """How a system is watched; None: it is not."""
    return Watch.objects.filter(system=system, ended_at=None).first()


def planned_work_of(system: System, *, now: datetime) -> list[PlannedWork]:
    """Work that is under way on a system, as it was announced."""
    return list(PlannedWork.objects.filter(system=system, starts_at__lte=now, ends_at__gt=now).order_by("ends_at", "pk"))


def somebody_is_told() -> bool:
    """Whether there is any channel at all."""
    return Channel.objects.filter(ended_at=None, first=True).exists()


def threshold_of(check: Check) -> tuple[float | None, float | None, str, bool]:
    """Warning and critical as they count now, their unit, and whether smaller is worse."""
    default = THRESHOLDS[Kind(check.kind)]
    warning = default.warning if check.warning is None else check.warning
    return warning, default.critical if check.critical is None else check.critical, default.unit, default.low


def _thresholds(check: Check) -> list[float]:
    return [number for number in threshold_of(check)[:2] if number is not None]
