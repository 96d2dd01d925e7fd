"""Planned work on a system: announced with an end, ended early, never without one."""

from datetime import datetime, timedelta

from django.db import transaction

from clients.models import System
from clients.support.services import announcing
from monitoring.models import PlannedWork
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

# After the last step services still come up.
SETTLES = timedelta(minutes=2)
# So long before it work can be announced.
AHEAD = timedelta(days=92)


def begin(
    *, system: System, until: datetime, reason: str, actor: Actor, now: datetime, starts_at: datetime | None = None
) -> PlannedWork:
    """Tell nobody of this system's alerts until then. What is still wrong then is told.

    The client's people are told of what a person announces, with an entry for their calendar.

    Args:
        starts_at: when it begins, where that is later.

    Raises:
        PortalError: no reason, no end within a week, or a beginning that is past or further away than a quarter.
    """
    start = starts_at or now
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say what is being done.")
    if not now <= start <= now + AHEAD:
        raise PortalError("Planned work begins in the future, and within a quarter.")
    if not start < until <= start + timedelta(days=7):
        raise PortalError("Planned work ends within a week: without an end nobody would be told of anything any more.")
    with transaction.atomic():
        work = PlannedWork.objects.create(
            client_id=system.client_id,
            system=system,
            starts_at=start,
            ends_at=until,
            reason=reason.strip()[:500],
            actor_label=actor.label,
        )
        audit.record(
            action="planned_work.begin", actor=actor, subject=system, client_id=system.client_id, now=now, until=until.isoformat(),
            reason=reason.strip(),
        )  # fmt: skip
        if actor.user_id is not None:
            announcing.tell_of_work(
                client=system.client,
                what=system.name,
                start=start,
                end=until,
                reason=reason.strip(),
                uid=f"work-{work.pk}@retainer",
                now=now,
            )
    return work


def end(*, system: System, reason: str, actor: Actor, now: datetime, settles: timedelta = SETTLES) -> None:
    """It is done: what is wrong a little later is told. Only ever earlier than announced."""
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        rows = PlannedWork.objects.filter(system=system, reason=reason, starts_at__lte=now, ends_at__gt=now + settles)
        if rows.update(ends_at=now + settles):
            audit.record(action="planned_work.end", actor=actor, subject=system, client_id=system.client_id, now=now, reason=reason)
