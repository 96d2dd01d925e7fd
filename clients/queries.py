"""Reads for the pages of this area."""

from django.db.models import Count, F, Max, QuerySet

from clients.choices import Environment, KeyState
from clients.models import Client, HostKeyAlert, System, SystemHostKey
from portal.accounts.actor import Actor
from portal.vault.models import Credential


def clients_for(actor: Actor) -> QuerySet[Client]:
    """The clients an actor may see, with the number of their systems as `systems_total`."""
    return Client.objects.visible_to(actor).annotate(systems_total=Count("system")).order_by("name", "pk")


def staging_systems(client: Client) -> QuerySet[System]:
    """The systems of a client that can be a staging twin."""
    return System.objects.filter(client=client, environment=Environment.STAGING).order_by("name", "pk")


def credentials_of(client: Client) -> QuerySet[Credential]:
    """What the vault keeps for a client, with the newest version's number and moment, those in use first."""
    rows = Credential.objects.filter(client=client).select_related("system")
    return rows.annotate(newest=Max("versions__number"), changed_at=Max("versions__created_at")).order_by(
        F("archived_at").asc(nulls_first=True), "label", "pk"
    )


def keys_of(system: System) -> list[SystemHostKey]:
    """The system's host keys, pinned ones first; retired ones last."""
    order = {KeyState.PINNED: 0, KeyState.SEEN: 1, KeyState.RETIRED: 2}
    return sorted(system.host_keys.all(), key=lambda key: (order[KeyState(key.state)], key.key_type, key.pk))


def open_alerts(actor: Actor) -> QuerySet[HostKeyAlert]:
    """Refused host keys that nobody resolved yet."""
    rows = HostKeyAlert.objects.visible_to(actor).filter(resolved_at=None)
    return rows.select_related("system", "client").order_by("-last_seen_at", "pk")
