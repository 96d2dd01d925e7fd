"""Single checks, as operators set them: thresholds of their own, not looked at any more, looked at again."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from monitoring.choices import OPEN_ALERT_STATES, THRESHOLDS, AlertState, Kind, Level
from monitoring.models import Alert, Check
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError


def set_thresholds(*, check: Check, warning: float | None, critical: float | None, actor: Actor, now: datetime) -> None:
    """Give a check thresholds of its own; None for that of its kind. They count from the next look on.

    Raises:
        PortalError: its kind has none, or the warning would come after it is critical.
    """
    actor.require(Permission.OPERATE)
    default = THRESHOLDS[Kind(check.kind)]
    if default.warning is None and default.critical is None:
        raise PortalError("This check has no thresholds: it is in order or it is not.")
    first, then = (default.warning if warning is None else warning), (default.critical if critical is None else critical)
    if first is not None and then is not None and (first < then if default.low else first > then):
        raise PortalError("The warning has to come first.", hint="Choose a critical value that lies beyond it.")
    with transaction.atomic():
        before = {"warning": check.warning, "critical": check.critical}
        Check.objects.filter(pk=check.pk).update(warning=warning, critical=critical)
        audit.record(
            action="check.thresholds", actor=actor, subject=check, client_id=check.client_id, now=now, before=before,
            after={"warning": warning, "critical": critical},
        )  # fmt: skip


def end(*, check: Check, reason: str, actor: Actor, now: datetime) -> None:
    """Look at it no more: a disk that was taken out, an address that is gone. What it said stays; its alert closes.

    Raises:
        PortalError: no reason, or that the system is reached, which everything else stands on.
    """
    actor.require(Permission.OPERATE)
    if check.kind == Kind.REACH:
        raise PortalError("Everything else that is known of the system stands on this check.")
    if not reason.strip():
        raise PortalError("Say why nobody needs to know any more.")
    with transaction.atomic():
        if Check.objects.filter(pk=check.pk, ended_at=None).update(ended_at=now, ended_why=reason.strip()[:500]):
            Alert.objects.filter(check_row=check, state__in=OPEN_ALERT_STATES).update(state=AlertState.CLOSED, closed_at=now)
            audit.record(
                action="check.end", actor=actor, subject=check, client_id=check.client_id, now=now, reason=reason.strip()
            )  # fmt: skip


def again(*, check: Check, actor: Actor, now: datetime) -> None:
    """Look at it again. Until the next looks it is unknown."""
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        if begin_anew(Check.objects.filter(pk=check.pk), now=now):
            audit.record(action="check.again", actor=actor, subject=check, client_id=check.client_id, now=now)


def begin_anew(rows: QuerySet[Check], *, now: datetime) -> int:
    """Of these checks, have those that ended looked at again; returns how many. Until the next looks they are unknown."""
    ended = rows.filter(ended_at__isnull=False)
    return ended.update(ended_at=None, ended_why="", level=Level.UNKNOWN, last_level=Level.UNKNOWN, times=0, since=now, stale_at=now)
