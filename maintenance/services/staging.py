"""Whether versions may go to production: verified on the staging twin, or by the declared alternative. The database decides."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from clients.choices import Environment
from clients.models import System
from maintenance.choices import AlternativeKind
from maintenance.models import StagingAlternative
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

# Package, architecture, version.
Version = tuple[str, str, str]


def unverified(system: System, versions: Sequence[Version]) -> list[Version]:
    """The versions that the database would not let onto this production system, in the order given; none for a staging system."""
    if system.environment != Environment.PRODUCTION or not versions:
        return []
    names, architectures, wanted = (list(column) for column in zip(*versions, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p, a, v FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS w (p, a, v, place) "
            "WHERE NOT retainer_may_go(%s, p, a, v) ORDER BY place",
            [names, architectures, wanted, system.pk],
        )
        return [tuple(row) for row in cursor.fetchall()]


def alternatives_in_force(system: System, *, now: datetime) -> list[StagingAlternative]:
    """What stands in for staging on this system now."""
    rows = StagingAlternative.objects.filter(system=system, revoked_at=None, expires_at__gt=now)
    return list(rows.select_related("canary").order_by("pk"))


def declare(
    *, system: System, kind: str, reason: str, expires_at: datetime, canary: System | None = None, actor: Actor, now: datetime
) -> StagingAlternative:
    """Declare what stands in for staging on a production system, for a time. A lead does.

    Raises:
        NotAllowed: not a lead.
        PortalError: no reason, an end that is past or more than a year away, a canary that is no other system of this client.
    """
    actor.require(Permission.APPROVE)
    if system.environment != Environment.PRODUCTION:
        raise PortalError("Only a production system needs something in place of staging.")
    if not reason.strip():
        raise PortalError("Say why: the reason stands in the audit trail and with every run that it lets through.")
    if expires_at <= now:
        raise PortalError("Name an end in the future.")
    if (expires_at - now).days > 366:
        raise PortalError("An alternative holds for a year at most.", hint="Renew it then.")
    if kind == AlternativeKind.CANARY and (canary is None or canary.client_id != system.client_id or canary.pk == system.pk):
        raise PortalError("Choose another system of this client as the canary.")
    with transaction.atomic():
        row = StagingAlternative.objects.create(
            client_id=system.client_id, system=system, kind=kind, canary=canary if kind == AlternativeKind.CANARY else None,
            reason=reason.strip(), expires_at=expires_at, created_at=now, actor_label=actor.label,
        )  # fmt: skip
        audit.record(
            action="staging_alternative.declare", actor=actor, subject=row, client_id=system.client_id, now=now, system=system.name,
            kind=kind, canary=canary.name if canary else "", reason=reason.strip(), expires_at=expires_at,
        )  # fmt: skip
    return row


def revoke(*, alternative: StagingAlternative, actor: Actor, now: datetime) -> None:
    """End an alternative before its time."""
    actor.require(Permission.APPROVE)
    with transaction.atomic():
        if StagingAlternative.objects.filter(pk=alternative.pk, revoked_at=None).update(revoked_at=now):
            audit.record(
                action="staging_alternative.revoke", actor=actor, subject=alternative, client_id=alternative.client_id, now=now
            )
