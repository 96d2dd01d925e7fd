"""Rules that decide routine updates by themselves. Each decision says which rule made it; production still takes a rollout."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from clients.models import Client
from maintenance.choices import DecisionKind
from maintenance.models import Decision, PendingUpdate, TriageRule
from maintenance.services import bulk, priorities
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name


def matches(rule: TriageRule) -> QuerySet[PendingUpdate]:
    """The open updates that nobody decided about and that the rule fits."""
    rows = PendingUpdate.objects.filter(priorities.condition(rule.condition), gone_at=None, decision=None)
    return rows if rule.for_client_id is None else rows.filter(client_id=rule.for_client_id)


def add(
    *, name: str, condition: Any, kind: str, reason: str, defer_days: int | None = None, client: Client | None = None, actor: Actor,
    now: datetime,
) -> TriageRule:  # fmt: skip
    """Put a rule in force; it decides at once about what it fits. A lead does, since it decides in nobody's presence.

    Raises:
        PortalError: no name or reason, a condition that asks nothing or can't be read, a name that is taken.
    """
    actor.require(Permission.APPROVE)
    rule = draft(name=name, condition=condition, kind=kind, reason=reason, defer_days=defer_days, client=client, actor=actor, now=now)
    try:
        with transaction.atomic():
            rule.save()
            audit.record(
                action="triage_rule.add", actor=actor, subject=rule, client_id=client.pk if client else None, now=now,
                condition=rule.condition, kind=kind, defer_days=rule.defer_days, reason=rule.reason,
            )  # fmt: skip
            decide_by_rules(now=now, rules=[rule])
    except IntegrityError as error:
        if constraint_name(error) == "one_triage_rule_per_name":
            raise PortalError(f"There is a rule named “{rule.name}” already.") from error
        raise
    return rule


def draft(
    *, name: str, condition: Any, kind: str, reason: str, defer_days: int | None = None, client: Client | None = None, actor: Actor,
    now: datetime,
) -> TriageRule:  # fmt: skip
    """A rule that is not kept yet, for a preview of what it fits.

    Raises:
        PortalError: as `add`.
    """
    if not name.strip() or not reason.strip():
        raise PortalError("A rule has a name and a reason: both stand on every decision that it makes.")
    if not isinstance(condition, dict) or not condition or "priority" in condition:
        raise PortalError("A condition asks for something.", hint='For example {"security": false, "origin": "Debian"}.')
    priorities.check_condition(condition, "The condition")
    if kind not in {DecisionKind.APPLY, DecisionKind.DEFER}:
        raise PortalError("A rule applies or defers; rejecting takes a person.")
    if (kind == DecisionKind.DEFER) != bool(defer_days):
        raise PortalError("Deferring takes a number of days, applying none.")
    return TriageRule(
        name=name.strip(), for_client=client, condition=condition, kind=kind, reason=reason.strip(),
        defer_days=defer_days if kind == DecisionKind.DEFER else None, created_at=now, actor_label=actor.label,
    )  # fmt: skip


def end(*, rule: TriageRule, actor: Actor, now: datetime) -> None:
    """Take a rule out of force; what it decided stands."""
    actor.require(Permission.APPROVE)
    with transaction.atomic():
        if TriageRule.objects.filter(pk=rule.pk, ended_at=None).update(ended_at=now):
            audit.record(action="triage_rule.end", actor=actor, subject=rule, client_id=rule.for_client_id, now=now)


def decide_by_rules(*, now: datetime, rules: Sequence[TriageRule] | None = None, updates: Q | None = None) -> int:
    """Let the rules decide about what nobody decided; returns how many updates that were. Done again, nothing is left to decide.

    Args:
        updates: narrows to these.
    """
    total = 0
    for rule in rules if rules is not None else TriageRule.objects.filter(ended_at=None).order_by("pk"):
        total += _decide(rule, updates or Q(), now)
    return total


@transaction.atomic
def _decide(rule: TriageRule, updates: Q, now: datetime) -> int:
    rows = list(matches(rule).filter(updates).select_for_update(of=("self",)).order_by("client_id", "pk"))
    if not rows:
        return 0
    actor = Actor.portal(f"rule “{rule.name}”")
    batch = uuid.uuid4()
    until = now + timedelta(days=rule.defer_days) if rule.defer_days else None
    decisions = Decision.objects.bulk_create(
        Decision(
            client_id=row.client_id, update=row, batch=batch, kind=rule.kind, reason=f"rule “{rule.name}”: {rule.reason}",
            defer_until=until, decided_at=now, actor_label=actor.label,
        )
        for row in rows
    )  # fmt: skip
    for row, decision in zip(rows, decisions, strict=True):
        row.decision = decision
    bulk.write(rows, ["decision"])
    for row in rows:
        audit.record(
            action=f"update.{rule.kind}", actor=actor, subject=row, client_id=row.client_id, now=now, batch=str(batch), rule=rule.name
        )
    return len(rows)
