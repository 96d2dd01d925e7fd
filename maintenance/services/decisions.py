"""Deciding about updates: apply, defer, reject. A decision is a new row each time; the newest one counts."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from maintenance.choices import DecisionKind
from maintenance.errors import NothingToApply, ReasonMissing
from maintenance.models import Decision, PendingUpdate
from maintenance.services import bulk
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError


@dataclass(frozen=True, slots=True)
class UpdateKey:
    """One row of the triage page: a source package and the version it would get, wherever it is pending."""

    source: str
    version: str

    @classmethod
    def parse(cls, text: str) -> "UpdateKey":
        """From `source|version`, as forms and the API send it.

        Raises:
            PortalError: not of that form.
        """
        source, sign, version = text.partition("|")
        if not (source and sign and version):
            raise PortalError(f"“{text}” does not name an update.", hint="Reload the page and choose again.")
        return cls(source, version)


@transaction.atomic
def decide(
    *, keys: Iterable[UpdateKey], kind: str, reason: str = "", defer_until: datetime | None = None,
    environment: str = "", client_id: int | None = None, actor: Actor, now: datetime,
) -> uuid.UUID:  # fmt: skip
    """Decide about all open occurrences of some updates, at once or not at all; returns the batch.

    Args:
        environment, client_id: narrow the decision to systems of an environment or a client.

    Locks the updates in the order of their ids.

    Raises:
        ReasonMissing: deferring or rejecting without a reason.
        PortalError: no date to defer to, or one that is past; an unknown kind.
        NothingToApply: none of these updates is pending any more.
    """
    actor.require(Permission.OPERATE)
    reason = reason.strip()
    if kind not in DecisionKind.values:
        raise PortalError("Choose apply, defer or reject.")
    if kind != DecisionKind.APPLY and not reason:
        raise ReasonMissing("Say why: deferring and rejecting need a reason, which the client may read.")
    if kind == DecisionKind.DEFER and (defer_until is None or defer_until <= now):
        raise PortalError("Name a date in the future to defer to.")
    wanted = Q(pk__in=[])
    for key in keys:
        wanted |= Q(source=key.source, candidate_version=key.version)
    rows = PendingUpdate.objects.visible_to(actor).filter(wanted, gone_at=None)
    if environment:
        rows = rows.filter(system__environment=environment)
    if client_id is not None:
        rows = rows.filter(client_id=client_id)
    updates = list(rows.select_for_update(of=("self",)).order_by("pk"))
    if not updates:
        raise NothingToApply("None of these updates is pending any more.", hint="Reload the page.")
    batch = uuid.uuid4()
    decisions = Decision.objects.bulk_create(
        Decision(
            client_id=update.client_id, update=update, batch=batch, kind=kind, reason=reason,
            defer_until=defer_until if kind == DecisionKind.DEFER else None, decided_at=now, decided_by_id=actor.user_id,
            actor_label=actor.label,
        )
        for update in updates
    )  # fmt: skip
    for update, decision in zip(updates, decisions, strict=True):
        update.decision = decision
    bulk.write(updates, ["decision"])
    # in the order of the clients: each one's chain is locked by its first event until we commit
    for update in sorted(updates, key=lambda update: (update.client_id, update.pk)):
        audit.record(
            action=f"update.{kind}", actor=actor, subject=update, client_id=update.client_id, now=now, batch=str(batch),
            reason=reason,
        )  # fmt: skip
    return batch
