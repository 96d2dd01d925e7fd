"""What monitoring would have of the sample client: a past, an incident that is over, and nothing that pretends to be known now."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from clients.models import Client, System
from monitoring.choices import EntryKind, IncidentState, Kind, ThingKind
from monitoring.models import Check, Incident, IncidentEntry, Inventory, Rollup, SecurityEvent, Thing
from monitoring.queries.status import DAY_S, DAYS
from monitoring.services import heartbeats, incidents, status
from portal.accounts.actor import Actor

# The day of the sample outage, and how long it was; days of which nothing is known.
OUTAGE_DAYS, OUTAGE_S = 12, 47 * 60
UNKNOWN_DAYS = {30, 31}


def fill(*, client: Client, systems: Sequence[System], actor: Actor, now: datetime) -> None:
    """Ninety days of bars, an incident with its timeline, gaps in coverage, a change that nobody explained, a heartbeat."""
    production = [system for system in systems if system.environment == "production"]
    for system in production:
        _past(system, down=system.name == "shop-1", now=now)
    shop = next(system for system in production if system.name == "shop-1")
    _incident(client, actor=actor, now=now)
    _things(shop, now=now)
    heartbeats.add(system=shop, name="nightly export", period_s=DAY_S, grace_s=3600, actor=actor, now=now)
    status.publish(client=client, slug="demo-bakery", title="Demo Bakery: our services", actor=actor, now=now)


def _past(system: System, *, down: bool, now: datetime) -> None:
    check = Check.objects.create(client_id=system.client_id, system=system, kind=Kind.REACH, since=now, stale_at=now)
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    # days are kept in a table for each year, and those of last year may not be there
    first = datetime((now - timedelta(days=2)).year, 1, 1, tzinfo=UTC)
    days = [days for days in range(1, DAYS) if days not in UNKNOWN_DAYS and today - timedelta(days=days) >= first]
    Rollup.objects.bulk_create(
        [
            Rollup(
                check_row=check, client_id=system.client_id, step=DAY_S, at=today - timedelta(days=number), values_n=1440,
                total=1440 * 0.1, low=0.05, high=0.4, up_s=DAY_S - (OUTAGE_S if down and number == OUTAGE_DAYS else 0),
                down_s=OUTAGE_S if down and number == OUTAGE_DAYS else 0,
            )
            for number in days
        ]
    )  # fmt: skip


def _incident(client: Client, *, actor: Actor, now: datetime) -> None:
    began = (now - timedelta(days=OUTAGE_DAYS)).replace(hour=9, minute=12)
    incident = Incident.objects.create(
        client=client, title="shop-1: Address https://shop.bakery.invalid/", opened_at=began,
        answer_due_at=incidents.answer_due(client, began), answered_at=began + timedelta(minutes=6), state=IncidentState.RESOLVED,
        resolved_at=began + timedelta(seconds=OUTAGE_S), post_mortem=incidents.POST_MORTEM,
    )  # fmt: skip
    lines = (
        (0, EntryKind.OPENED, "shop-1: Address https://shop.bakery.invalid/"),
        (6, EntryKind.TOLD, "The shop does not answer. We are on it."),
        (47, EntryKind.RESOLVED, "A certificate had not been renewed; it is, and its end is watched on the disk as well."),
    )
    for minutes, kind, words in lines:
        IncidentEntry.objects.create(
            client=client, incident=incident, at=began + timedelta(minutes=minutes), kind=kind, words=words, actor_label=actor.label
        )


def _things(shop: System, *, now: datetime) -> None:
    Inventory.objects.create(
        client_id=shop.client_id, system=shop, due_at=now, began_at=now - timedelta(days=DAYS), last_at=now - timedelta(days=1),
        noted_on=now.astimezone(UTC).date(), things=3, covered=1, problem="Sample data: nobody looks at this system.",
    )  # fmt: skip
    Check.objects.create(client_id=shop.client_id, system=shop, kind=Kind.SERVICE, subject="nginx.service", since=now, stale_at=now)
    for kind, name in ((ThingKind.SERVICE, "nginx.service"), (ThingKind.SERVICE, "search.service"), (ThingKind.PORT, "tcp 9200")):
        Thing.objects.create(client_id=shop.client_id, system=shop, kind=kind, name=name, first_at=now - timedelta(days=DAYS))
    SecurityEvent.objects.create(
        client_id=shop.client_id, system=shop, area="ports", thing="tcp 0.0.0.0:9200", now_is="java", seen_at=now - timedelta(days=1)
    )
