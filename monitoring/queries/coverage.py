"""Reads of what runs on systems and what is checked there; and of what changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db.models import Max, Min, Q

from clients.models import Client, ServiceCheck, System
from monitoring.choices import Kind, ThingKind
from monitoring.models import Check, Inventory, SecurityEvent, Thing
from monitoring.queries.checks import threshold_of
from portal.accounts.actor import Actor

AUTOMATIC = {ThingKind.CONTAINER: Kind.CONTAINER, ThingKind.DATABASE: Kind.DATABASE, ThingKind.CERTIFICATE: Kind.CERT_FILE}
_PORT_KINDS = {Kind.TCP, Kind.SMTP, Kind.IMAP, Kind.SUBMISSION, Kind.CERTIFICATE}


@dataclass(frozen=True, slots=True)
class Checked:
    """What is checked on one system.

    Args:
        checks: kinds and subjects in use.
        urls: addresses that must answer.
        ssh_port: where the portal itself gets in.
    """

    checks: frozenset[tuple[str, str]]
    urls: tuple[str, ...]
    ssh_port: int


def covered_by(kind: str, name: str, checked: Checked) -> str:
    """Which check would notice if this thing failed, in words; empty: none."""
    if kind in AUTOMATIC:
        return f"{AUTOMATIC[ThingKind(kind)].label} {name}" if (AUTOMATIC[ThingKind(kind)], name) in checked.checks else ""
    if kind == ThingKind.SERVICE:
        return f"Service {name}" if (Kind.SERVICE, name) in checked.checks else ""
    if kind == ThingKind.MOUNT:
        return next((f"{one.label} {name}" for one in (Kind.DISK, Kind.MOUNT) if (one, name) in checked.checks), "")
    if kind == ThingKind.SITE:
        return next((url for url in checked.urls if (urlsplit(url).hostname or "") == name), "")
    return _port_covered_by(int(name.split()[1]), checked)


def _port_covered_by(port: int, checked: Checked) -> str:
    if port == checked.ssh_port:
        return Kind.REACH.label
    for url in checked.urls:
        parts = urlsplit(url)
        if port == (parts.port or (443 if parts.scheme == "https" else 80)):
            return url
    return next(
        (
            f"{Kind(kind).label} {subject}"
            for kind, subject in sorted(checked.checks)
            if kind in _PORT_KINDS and subject.endswith(f":{port}")
        ),
        "",
    )


def checked_of(systems: Iterable[System]) -> dict[int, Checked]:
    """What is checked on these systems. Two queries."""
    ports = {system.pk: system.port for system in systems}
    checks: dict[int, set[tuple[str, str]]] = {pk: set() for pk in ports}
    for system_id, kind, subject in Check.objects.filter(system__in=ports, ended_at=None, drill=False).values_list(
        "system_id", "kind", "subject"
    ):
        checks[system_id].add((kind, subject))
    urls: dict[int, list[str]] = {pk: [] for pk in ports}
    for system_id, url in ServiceCheck.objects.filter(system__in=ports).order_by("pk").values_list("system_id", "url"):
        urls[system_id].append(url)
    return {pk: Checked(frozenset(checks[pk]), tuple(urls[pk]), port) for pk, port in ports.items()}


@dataclass(frozen=True, slots=True)
class ClientCoverage:
    """A client's systems with how much of what runs there is checked; None where nobody could look."""

    client: Client
    systems: list[tuple[System, Inventory | None]]

    @property
    def with_gaps(self) -> list[tuple[System, Inventory | None]]:
        """Systems where something is not checked, or not known."""
        return [
            (system, row)
            for system, row in self.systems
            if row is None or row.last_at is None or row.problem or row.covered < row.things
        ]

    @property
    def whole(self) -> int:
        """How many systems have a check for everything."""
        return len(self.systems) - len(self.with_gaps)

    @property
    def percent(self) -> int | None:
        """Of all that was seen; None where nothing was. Rounded down: 100 means all."""
        things = sum(inventory.things for _, inventory in self.systems if inventory)
        covered = sum(inventory.covered for _, inventory in self.systems if inventory)
        return 100 * covered // things if things else None

    @property
    def unseen(self) -> int:
        """Systems of which nobody knows what runs there."""
        return sum(inventory is None or inventory.last_at is None for _, inventory in self.systems)


def coverage(actor: Actor) -> list[ClientCoverage]:
    """Every client that one may see, the least covered first. Two queries."""
    scope = System.objects.visible_to(actor).filter(client__ended_at=None)
    systems = scope.select_related("client").only("name", "client__name").order_by("client__name", "name", "pk")
    inventories = {row.system_id: row for row in Inventory.objects.filter(system__in=scope).defer("known", "counters")}
    by_client: dict[int, ClientCoverage] = {}
    for system in systems:
        by_client.setdefault(system.client_id, ClientCoverage(system.client, [])).systems.append((system, inventories.get(system.pk)))
    return sorted(by_client.values(), key=lambda one: -1 if one.percent is None else one.percent)


def inventory_of(system: System) -> Inventory | None:
    """When a system was looked at as root; None: never."""
    return Inventory.objects.filter(system=system).first()


@dataclass(frozen=True, slots=True)
class ThingLine:
    """Something that runs on a system: which check covers it (empty: none), and what is to be said of it."""

    thing: Thing
    covered_by: str

    @property
    def badge(self) -> str:
        """The class of its badge."""
        if self.thing.gone_at:
            return "unknown" if self.thing.excused_at is None else ""
        return "ok" if self.covered_by else "" if self.thing.excused_at else "bad"

    @property
    def state(self) -> str:
        """In words."""
        if self.thing.gone_at:
            return "Gone"
        return "Checked" if self.covered_by else "Excused" if self.thing.excused_at else "Not checked"


# How the list is ordered: what somebody has to decide about first.
_ORDER = {"Not checked": 0, "Gone": 1, "Excused": 3, "Checked": 2}


def thing_lines(system: System) -> list[ThingLine]:
    """What runs on a system, and what was there once and nobody excused. Three queries."""
    checked = checked_of([system])[system.pk]
    rows = Thing.objects.filter(system=system).exclude(gone_at__isnull=False, excused_at__isnull=False).order_by("kind", "name")
    lines = [ThingLine(thing, covered_by(thing.kind, thing.name, checked)) for thing in rows]
    # what was checked and is gone has an alert of its own
    return sorted(lines, key=lambda line: _ORDER[line.state])


# A threshold that lies so far beyond everything of a month can't be meant.
FAR_OFF = 4
_CAN_BE_FAR_OFF = {Kind.LOAD, Kind.SWAP, Kind.HTTP, Kind.PAGE, Kind.TCP, Kind.RESTARTS}


def far_off(system: System) -> list[tuple[Check, float]]:
    """Checks with thresholds of their own that nothing of the kept results came near to, with the worst that was measured."""
    found = []
    rows = system.checks.filter(ended_at=None, drill=False).filter(Q(warning__isnull=False) | Q(critical__isnull=False))
    for check in rows.order_by("kind", "subject"):
        warning, critical, _, low = threshold_of(check)
        mark = warning if warning is not None else critical
        extreme = check.results.aggregate(worst=Min("value") if low else Max("value"))["worst"]
        if mark is None or extreme is None or low:
            continue
        if extreme * FAR_OFF < mark and (check.kind in _CAN_BE_FAR_OFF or mark > 100):
            found.append((check, extreme))
    return found


def open_events(system: System) -> list[SecurityEvent]:
    """What changed and nobody said is meant, the oldest first."""
    return list(SecurityEvent.objects.filter(system=system).filter(accepted_at=None, reverted_at=None).order_by("seen_at", "pk"))


def past_events(system: System) -> list[SecurityEvent]:
    """What was said to be meant, or is as it was; 100 at most, the newest first."""
    rows = SecurityEvent.objects.filter(system=system).filter(Q(accepted_at__isnull=False) | Q(reverted_at__isnull=False))
    return list(rows.order_by("-seen_at", "-pk")[:100])
