"""The triage queue: one row per update across the fleet, made of the lines that each client has of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.postgres.aggregates import BoolOr
from django.db.models import Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum, TextField, Value
from django.db.models.functions import Concat

from clients.choices import Environment
from maintenance.choices import DecisionKind, Ended, Priority
from maintenance.models import PendingUpdate, TriageLine
from maintenance.queries.advisories import SEVERITY_OF_PLACE
from portal.accounts.actor import Actor

SORTS = {
    "due": ("due_at", "rank", "source"), "priority": ("rank", "due_at", "source"), "-priority": ("-rank", "-due_at", "source"),
    "-due": ("-due_at", "-rank", "source"), "package": ("source",), "-package": ("-source",),
    "age": ("pending_since", "source"), "-age": ("-pending_since", "source"), "systems": ("systems", "source"),
    "-systems": ("-systems", "source"),
    "security": ("security", "due_at", "source"), "-security": ("-security", "due_at", "source"),
    "severity": (
        F("exploited_since").asc(nulls_last=True), "severity_place", F("likelihood").desc(nulls_last=True), "due_at", "source",
    ),
    "-severity": ("-severity_place", F("likelihood").asc(nulls_first=True), "-due_at", "source"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TriageFilter:
    """What the triage page shows. Empty values do not narrow."""

    search: str = ""
    client_id: int | None = None
    environment: str = ""
    security: str = ""
    state: str = "open"
    since: str = ""
    sort: str = "due"


@dataclass(slots=True)
class TriageRow:
    """An update wherever it is pending: a source package and the version it would get, with what its lines amount to.

    Counts are of all that a decision on this row would cover, so a search finds rows and does not narrow them.
    """

    source: str
    candidate_version: str
    packages: set[str] = field(default_factory=set)
    installed: set[str] = field(default_factory=set)
    security: bool = False
    security_known: bool = False
    client_ids: set[int] = field(default_factory=set)
    on: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    due_at: datetime | None = None
    pending_since: datetime | None = None
    exploited_since: date | None = None
    severity_place: int = len(SEVERITY_OF_PLACE)
    likelihood: Decimal | None = None
    advisories_most: int = 0
    example_id: int = 0
    rank: int = Priority.LOW
    exposures: set[str] = field(default_factory=set)
    exposed_production: set[int] = field(default_factory=set)
    obstacles: set[str] = field(default_factory=set)
    decisions: set[str] = field(default_factory=set)
    undecided: bool = False
    deferred_until: datetime | None = None
    reasons: set[str] = field(default_factory=set)

    @property
    def key(self) -> str:
        """As forms send it."""
        return f"{self.source}|{self.candidate_version}"

    @property
    def versions(self) -> list[str]:
        """The installed versions; an empty one stands for new."""
        return sorted(self.installed)

    @property
    def other_packages(self) -> list[str]:
        """Binary packages, where they are not just the source by its name."""
        return sorted(self.packages) if self.packages != {self.source} else []

    @property
    def severity(self) -> str:
        """The worst; empty where no advisory is known."""
        return SEVERITY_OF_PLACE[self.severity_place] if self.severity_place < len(SEVERITY_OF_PLACE) else ""

    @property
    def staging(self) -> int:
        """On how many staging systems."""
        return len(self.on[Environment.STAGING])

    @property
    def production(self) -> int:
        """On how many production systems."""
        return len(self.on[Environment.PRODUCTION])


def triage_keys(actor: Actor, wanted: TriageFilter, *, now: datetime) -> QuerySet[TriageLine, Any]:
    """The rows of the queue in their order, as dicts of what they are sorted by; `triage_rows` has the rest of each."""
    grouped = _lines(actor, wanted, now=now).values("source", "candidate_version").annotate(
        security=BoolOr("is_security"), systems=Sum("systems_total"), rank=Min("priority"), due_at=Min("first_due_at"),
        pending_since=Min("waiting_since"), exploited_since=Min("known_exploited_since"), severity_place=Min("worst_place"),
        likelihood=Max("highest_likelihood"),
    )  # fmt: skip
    return grouped.order_by(*SORTS.get(wanted.sort, SORTS["due"]), "candidate_version")


def triage_rows(actor: Actor, wanted: TriageFilter, keys: Sequence[dict[str, Any]], *, now: datetime) -> list[TriageRow]:
    """The rows of one page in the order of their keys, in one query whatever their number."""
    rows = {row.key: row for row in (TriageRow(key["source"], key["candidate_version"]) for key in keys)}
    lines = _lines(actor, wanted, now=now).annotate(key=Concat("source", Value("|"), "candidate_version", output_field=TextField()))
    # the sources find the lines by an index, the keys leave out their other versions
    of_page = lines.filter(source__in={row.source for row in rows.values()}, key__in=list(rows)).order_by("pk")
    for key, *values in of_page.values_list("key", *_Line._fields):
        _add(rows[key], _Line(*values))
    return list(rows.values())


def _lines(actor: Actor, wanted: TriageFilter, *, now: datetime) -> QuerySet[TriageLine, TriageLine]:
    lines = TriageLine.objects.visible_to(actor).filter(_in_state(wanted.state, now))
    if wanted.client_id is not None:
        lines = lines.filter(client_id=wanted.client_id)
    if wanted.environment in Environment.values:
        lines = lines.filter(environment=wanted.environment)
    if wanted.security == "yes":
        lines = lines.exclude(is_security=False)
    elif wanted.security == "no":
        lines = lines.filter(is_security=False)
    if wanted.since == "yesterday":
        since = now - timedelta(days=1)
        lines = lines.filter(Q(newest_seen_at__gte=since) | Q(last_exploited_since__gte=since.date()))
    if wanted.search.strip():
        lines = lines.filter(_found_by(wanted.search.strip()))
    return lines


def _found_by(term: str) -> Q:
    """Lines of a package, a source, a client or a system of that name, or a part of it."""
    on_systems = PendingUpdate.objects.filter(
        gone_at=None, client_id=OuterRef("client_id"), source=OuterRef("source"), candidate_version=OuterRef("candidate_version"),
        system__environment=OuterRef("environment"), system__name__icontains=term,
    )  # fmt: skip
    named = Q(source__icontains=term) | Q(package_names__icontains=term) | Q(client__name__icontains=term)
    return named | Q(Exists(on_systems))


class _Line(NamedTuple):
    """What is read of a TriageLine, by its names: tuples, since a page is made of hundreds of lines."""

    client_id: int
    environment: str
    system_ids: list[int]
    packages: list[str]
    installed: list[str]
    is_security: bool | None
    first_due_at: datetime
    waiting_since: datetime
    known_exploited_since: date | None
    worst_place: int
    highest_likelihood: Decimal | None
    advisories_most: int
    example_id: int
    priority: int
    exposures: list[str]
    exposed_ids: list[int]
    obstacles: list[str]
    decision_kind: str
    defer_until: datetime | None
    reasons: list[str]


def _add(row: TriageRow, line: _Line) -> None:
    row.client_ids.add(line.client_id)
    row.on[line.environment].update(line.system_ids)
    row.packages.update(line.packages)
    row.installed.update(line.installed)
    row.security = row.security or line.is_security is True
    row.security_known = row.security_known or line.is_security is not None
    row.due_at = _least(row.due_at, line.first_due_at)
    row.pending_since = _least(row.pending_since, line.waiting_since)
    row.exploited_since = _least(row.exploited_since, line.known_exploited_since)
    row.severity_place = min(row.severity_place, line.worst_place)
    if line.highest_likelihood is not None:
        row.likelihood = max(row.likelihood or line.highest_likelihood, line.highest_likelihood)
    if not row.example_id or line.advisories_most > row.advisories_most:
        row.advisories_most, row.example_id = line.advisories_most, line.example_id
    row.rank = min(row.rank, line.priority)
    row.exposures.update(line.exposures)
    if line.environment == Environment.PRODUCTION:
        row.exposed_production.update(line.exposed_ids)
    row.obstacles.update(line.obstacles)
    row.reasons.update(line.reasons)
    if line.decision_kind:
        row.decisions.add(line.decision_kind)
    else:
        row.undecided = True
    if line.defer_until is not None:
        row.deferred_until = max(row.deferred_until or line.defer_until, line.defer_until)


def _least(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else min(one, other)


def _in_state(state: str, now: datetime) -> Q:
    """Open is what still needs a decision: none yet, or a deferral that has run out."""
    deferred = Q(decision_kind=DecisionKind.DEFER)
    if state == "open":
        return Q(decision_kind="") | deferred & Q(defer_until__lte=now)
    if state == DecisionKind.DEFER:
        return deferred & Q(defer_until__gt=now)
    if state in DecisionKind.values:
        return Q(decision_kind=state)
    return Q()


@dataclass(frozen=True, slots=True)
class SinceYesterday:
    """What became different within a day, in numbers."""

    new: int
    exploited: int
    effective: int
    withdrawn: int


def since_yesterday(actor: Actor, *, now: datetime) -> SinceYesterday:
    """What changed since yesterday, over all that somebody may see."""
    since = now - timedelta(days=1)
    rows = PendingUpdate.objects.visible_to(actor)
    # one count each: together in one query no index would serve them
    return SinceYesterday(
        new=rows.filter(gone_at=None, first_seen_at__gte=since).count(),
        exploited=rows.filter(gone_at=None, exploited_since__gte=since.date()).count(),
        effective=rows.filter(effective_at__gte=since).count(),
        withdrawn=rows.filter(ended=Ended.WITHDRAWN, gone_at__gte=since).count(),
    )
