"""Links between tickets and what they are about, in areas that do not know each other."""

from datetime import datetime
from typing import Any

from django.db import transaction

from backups.models import Restore
from clients.support.choices import LinkKind
from clients.support.models import Link, Ticket
from maintenance.models import Rollout, UpdateRun
from monitoring.models import Incident
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

_MODELS: dict[str, Any] = {
    LinkKind.INCIDENT: Incident, LinkKind.RUN: UpdateRun, LinkKind.ROLLOUT: Rollout, LinkKind.RESTORE: Restore, LinkKind.TICKET: Ticket,
}  # fmt: skip


def link(*, ticket: Ticket, kind: str, number: str, actor: Actor, now: datetime) -> Link:
    """Link a ticket with something of the same client; twice is the same.

    Raises:
        PortalError: there is no such thing of that client.
    """
    actor.require(Permission.OPERATE)
    model, digits = _MODELS.get(kind), number.strip().lstrip("#")
    target = (
        model.objects.filter(client=ticket.client_id, pk=int(digits)).first()
        if model and digits.isdigit() and len(digits) < 18
        else None
    )
    if target is None:
        raise PortalError("This client has nothing of that kind with this number.")
    with transaction.atomic():
        found, made = Link.objects.get_or_create(
            ticket=ticket, kind=kind, target_id=target.pk, defaults={"client_id": ticket.client_id, "label": str(target)[:200]}
        )
        if made:
            audit.record(
                action="ticket.link", actor=actor, subject=ticket, client_id=ticket.client_id, now=now, kind=kind, target=target.pk
            )
    return found
