"""How long systems worked, day by day; what clients and the public read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.utils.translation import gettext

from clients.choices import Environment
from clients.models import Client, System
from monitoring.choices import EntryKind, IncidentState, Kind, Level
from monitoring.models import Check, Incident, IncidentEntry, PlannedWork, Rollup, StatusPage
from monitoring.queries.checks import BADGE, line_of

DAYS = 90
DAY_S = 86_400
# What a person outside would miss; a system without any of these counts by whether it is reached.
SEEN_FROM_OUTSIDE = [Kind.HTTP, Kind.PAGE, Kind.TCP, Kind.SMTP, Kind.SUBMISSION, Kind.IMAP]
# Of a day of which less is known nobody can say that it was fine.
KNOWN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: ok, bad or unknown; how long it is known to have worked, and not to."""

    day: date
    level: str
    up_s: float
    down_s: float

    @property
    def words(self) -> str:
        """For whoever can't see the colour."""
        if self.level == "unknown" and not self.down_s:
            words = gettext("not known")
        elif self.down_s:
            words = gettext("did not work for %(minutes)d minutes") % {"minutes": round(self.down_s / 60)}
        else:
            words = gettext("no outage")
        return f"{self.day:%Y-%m-%d}: {words}"


@dataclass(frozen=True, slots=True)
class Availability:
    """A system over 90 days, and now."""

    system: System
    now: str
    bars: list[Bar]
    up_s: float
    down_s: float
    # Since when it is as it is now; None where nothing is looked at.
    since: datetime | None = None

    @property
    def percent(self) -> float | None:
        """Of the time that is known; None where nothing is. Never rounded up to a hundred."""
        known = self.up_s + self.down_s
        return 100 * self.up_s / known if known else None

    @property
    def percent_words(self) -> str:
        """Cut, not rounded: 99.99 stays so, and only a hundred is a hundred."""
        return gettext("not known") if self.percent is None else f"{int(self.percent * 100) / 100:.2f} %"

    @property
    def unknown_days(self) -> int:
        """Days of which too little is known."""
        return sum(bar.level == "unknown" for bar in self.bars)


def availability(systems: Sequence[System], *, now: datetime, since: date | None = None, days: int = DAYS) -> list[Availability]:
    """How long each system worked. Of several checks the worst counts; what nobody looked at is no uptime. Two queries.

    Args:
        since: the first day, in UTC; without it the last of so many days is today.
    """
    rows = Check.objects.filter(system__in=systems, ended_at=None, drill=False, kind__in=[Kind.REACH, *SEEN_FROM_OUTSIDE])
    checks: dict[int, list[Check]] = defaultdict(list)
    for check in rows.order_by("pk"):
        checks[check.system_id].append(check)
    counted = {system.pk: _counted(checks[system.pk]) for system in systems}
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = since or (today - timedelta(days=days - 1)).date()
    found: dict[int, dict[date, tuple[float, float]]] = defaultdict(dict)
    ids = [check.pk for those in counted.values() for check in those]
    for check_id, at, up_s, down_s in Rollup.objects.filter(
        step=DAY_S, at__gte=datetime(first.year, first.month, first.day, tzinfo=UTC), check_row__in=ids
    ).values_list("check_row_id", "at", "up_s", "down_s"):
        found[check_id][at.astimezone(UTC).date()] = (up_s, down_s)
    return [_availability(system, counted[system.pk], found, now=now, since=first, days=days) for system in systems]


def _counted(checks: Sequence[Check]) -> list[Check]:
    outside = [check for check in checks if check.kind in SEEN_FROM_OUTSIDE]
    return outside or list(checks)


def _availability(
    system: System, checks: Sequence[Check], found: dict[int, dict[date, tuple[float, float]]], *, now: datetime, since: date, days: int
) -> Availability:
    bars = [_bar(since + timedelta(days=number), [found[check.pk] for check in checks], now) for number in range(days)]
    levels = {line_of(check, now=now).level for check in checks}
    state = (
        "bad"
        if Level.CRITICAL in levels
        else "unknown"
        if not levels or Level.UNKNOWN in levels
        else "warn"
        if Level.WARNING in levels
        else "ok"
    )
    worst = [check.since for check in checks if BADGE[line_of(check, now=now).level] == state]
    return Availability(system, state, bars, sum(bar.up_s for bar in bars), sum(bar.down_s for bar in bars), min(worst, default=None))


def _bar(day: date, checks: Sequence[dict[date, tuple[float, float]]], now: datetime) -> Bar:
    found = [days.get(day, (0.0, 0.0)) for days in checks]
    up_s, down_s = min((up for up, _ in found), default=0.0), max((down for _, down in found), default=0.0)
    up_s = min(up_s, DAY_S - down_s)
    length = min(DAY_S, max((now - datetime(day.year, day.month, day.day, tzinfo=UTC)).total_seconds(), 1))
    level = "bad" if down_s >= 60 else "ok" if up_s + down_s >= KNOWN_SHARE * length else "unknown"
    return Bar(day, level, up_s, down_s)


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """What a client, or the public, reads: systems, what stands, what was, what is planned."""

    client: Client
    lines: list[Availability]
    incidents: list[tuple[Incident, list[IncidentEntry]]]
    planned: list[PlannedWork]

    @property
    def open(self) -> list[tuple[Incident, list[IncidentEntry]]]:
        """The incidents that are not over."""
        return [(incident, entries) for incident, entries in self.incidents if incident.state == IncidentState.OPEN]

    @property
    def state(self) -> str:
        """The worst of its systems: bad, unknown, warn or ok."""
        states = {line.now for line in self.lines}
        if self.open:
            states.add("warn")  # what is being worked on is not all well, though everything answers
        return next((one for one in ("bad", "unknown", "warn", "ok") if one in states), "unknown")


def status_of(client: Client, *, now: datetime, production_only: bool = False) -> ClientStatus:
    """A client's state, for people who are none of us."""
    systems = System.objects.filter(client=client).select_related("client").order_by("name", "pk")
    if production_only:
        systems = systems.filter(environment=Environment.PRODUCTION)
    recent = Incident.objects.filter(client=client).exclude(state=IncidentState.RESOLVED, resolved_at__lt=now - timedelta(days=30))
    entries: dict[int, list[IncidentEntry]] = defaultdict(list)
    told = IncidentEntry.objects.filter(incident__in=recent, kind__in=[EntryKind.TOLD, EntryKind.RESOLVED])
    for entry in told.order_by("-at", "-pk"):
        entries[entry.incident_id].append(entry)
    incidents = [(incident, entries[incident.pk]) for incident in recent.order_by("state", "-opened_at")]
    if production_only:
        # to strangers only what somebody wrote for them
        incidents = [(incident, lines) for incident, lines in incidents if lines]
    planned = PlannedWork.objects.filter(client=client, ends_at__gt=now).select_related("system").order_by("starts_at", "pk")
    return ClientStatus(client, availability(list(systems), now=now), incidents, list(planned))


def status_page(slug: str) -> StatusPage | None:
    """The public page of this name, while its client wants one."""
    return StatusPage.objects.filter(slug=slug, ended_at=None, client__ended_at=None).select_related("client").first()


def status_page_of(client: Client) -> StatusPage | None:
    """A client's public page."""
    return StatusPage.objects.filter(client=client, ended_at=None).first()
