"""What pages of this area read."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from clients.models import Client, System
from handover.models import Rehearsal, Runbook
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission


def client_of(actor: Actor, client_id: int, permission: Permission = Permission.SEE) -> Client:
    """A client that the actor may see; 404 for any other."""
    found: Client = get_object_or_404(Client.objects.visible_to(actor, permission), pk=client_id)
    return found


def system_of(actor: Actor, system_id: int) -> System:
    """A system that the actor may see; 404 for any other."""
    found: System = get_object_or_404(System.objects.visible_to(actor).select_related("client", "staging_twin"), pk=system_id)
    return found


def runbooks_of(client: Client) -> QuerySet[Runbook]:
    """A client's runbooks that are in use."""
    return (
        Runbook.objects.filter(client=client, ended_at=None)
        .select_related("system")
        .order_by("system__environment", "system__name", "slug")
    )


def rehearsals_of(runbook: Runbook) -> QuerySet[Rehearsal, Any]:
    """Rehearsals of the same steps, the newest first."""
    rows = Rehearsal.objects.filter(client=runbook.client_id, sha256=runbook.sha256).select_related("system")
    return rows.order_by("-created_at", "-pk")[:20]
