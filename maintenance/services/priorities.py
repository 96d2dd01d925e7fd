"""Priority that explains itself: rules in order, the first that fits decides. One implementation, in SQL, for effect and preview.

A rule is a JSON object: `priority` (1 to 4) and any of `exploited`, `exposed` (booleans), `severity` (a list), `likelihood`
(at least, 0 to 1), `security` (boolean; unknown counts as yes), `environment`, `source` (a list of source packages),
`origin` (a part of where it comes from). What is not named does not matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from clients.choices import Environment
from maintenance.choices import Priority, Severity
from maintenance.models import PendingUpdate, PriorityRules
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

Rule = Mapping[str, Any]

DEFAULT: list[dict[str, Any]] = [
    {"priority": Priority.URGENT.value, "exploited": True},
    {"priority": Priority.URGENT.value, "severity": ["critical"], "exposed": True},
    {"priority": Priority.HIGH.value, "severity": ["critical"]},
    {"priority": Priority.HIGH.value, "likelihood": "0.1"},
    {"priority": Priority.HIGH.value, "severity": ["high"], "exposed": True},
    {"priority": Priority.NORMAL.value, "severity": ["high", "medium", "unknown"]},
    {"priority": Priority.NORMAL.value, "security": True},
    {"priority": Priority.LOW.value},
]
_KNOWN = {"priority", "exploited", "exposed", "severity", "likelihood", "security", "environment", "source", "origin"}


@dataclass(frozen=True, slots=True)
class Preview:
    """What an edit would change: (from, to, how many open updates), and the first of them."""

    moves: list[tuple[str, str, int]]
    examples: Sequence[PendingUpdate]


def rules_in_force() -> list[dict[str, Any]]:
    """The newest version, or the defaults."""
    row = PriorityRules.objects.order_by("-pk").first()
    return list(row.rules) if row else DEFAULT


def condition(rule: Rule) -> Q:
    """What a rule asks, over PendingUpdate."""
    found = Q()
    if "exploited" in rule:
        found &= Q(exploited_since__isnull=not rule["exploited"])
    if "exposed" in rule:
        found &= ~Q(exposure="") if rule["exposed"] else Q(exposure="")
    if rule.get("severity"):
        found &= Q(severity__in=rule["severity"])
    if rule.get("likelihood") is not None:
        found &= Q(likelihood__gte=Decimal(rule["likelihood"]))
    if "security" in rule:
        # what a package manager can't tell may be a security fix, so it counts as one
        found &= (Q(is_security=True) | Q(is_security=None)) if rule["security"] else Q(is_security=False)
    if rule.get("environment"):
        found &= Q(system__environment=rule["environment"])
    if rule.get("source"):
        found &= Q(source__in=rule["source"])
    if rule.get("origin"):
        found &= Q(origin__icontains=rule["origin"])
    return found


def checked(rules: Any) -> list[dict[str, Any]]:
    """Rules that somebody wrote, as they are kept.

    Raises:
        PortalError: not a list of rules, an unknown word or value, or a last rule that does not fit everything.
    """
    if not isinstance(rules, list) or not rules:
        raise PortalError("The rules are a list of objects.", hint="Take the ones in force as an example.")
    for number, rule in enumerate(rules, start=1):
        if not isinstance(rule, dict):
            raise PortalError(f"Rule {number} is no object.")
        check_condition(rule, f"Rule {number}")
        if rule.get("priority") not in Priority.values:
            raise PortalError(f"Rule {number} names no priority from 1 (urgent) to 4 (low).")
    if set(rules[-1]) != {"priority"}:
        raise PortalError("The last rule has to fit everything: only a priority, no condition.")
    return [dict(rule) for rule in rules]


def check_condition(rule: Rule, what: str) -> None:
    """Raises PortalError where a condition has an unknown word or a value that is none."""
    unknown = set(rule) - _KNOWN
    if unknown:
        words_known = ", ".join(sorted(_KNOWN))
        raise PortalError(f"{what} has a word that means nothing: {', '.join(sorted(unknown))}.", hint=f"Known: {words_known}.")
    if any(name in rule and not isinstance(rule[name], bool) for name in ("exploited", "exposed", "security")):
        raise PortalError(f"{what}: exploited, exposed and security are true or false.")
    severities, sources = rule.get("severity", []), rule.get("source", [])
    if not isinstance(severities, list) or not set(severities) <= set(Severity.values):
        raise PortalError(f"{what} names a severity that is none of {', '.join(Severity.values)}.")
    if not isinstance(sources, list) or not all(isinstance(name, str) for name in sources):
        raise PortalError(f"{what}: source is a list of source packages.")
    if rule.get("environment") not in {None, "", *Environment.values}:
        raise PortalError(f"{what} names an environment that is none of {', '.join(Environment.values)}.")
    if not isinstance(rule.get("origin", ""), str):
        raise PortalError(f"{what}: origin is a part of where the update comes from.")
    try:
        inside = 0 <= Decimal(str(rule.get("likelihood", 0))) <= 1
    except InvalidOperation:
        inside = False
    if not inside:
        raise PortalError(f"{what}: likelihood is a probability, 0 to 1.")


def expression(rules: Sequence[Rule]) -> Case:
    """The rules as one SQL expression."""
    # an empty condition can't stand in a When; the last rule is the default anyway
    cases = [When(condition(rule), then=Value(rule["priority"])) for rule in rules[:-1]]
    return Case(*cases, default=Value(rules[-1]["priority"]), output_field=IntegerField())


def apply(updates: QuerySet[PendingUpdate], rules: Sequence[Rule] | None = None) -> int:
    """Give updates the priority that the rules in force say; returns how many changed."""
    rated = updates.annotate(rated=expression(rules or rules_in_force()))
    changed = 0
    for priority in Priority.values:
        ids = rated.filter(rated=priority).exclude(priority=priority).values("pk")
        changed += PendingUpdate.objects.filter(pk__in=ids).update(priority=priority)
    return changed


def preview(rules: Any, *, actor: Actor) -> Preview:
    """What these rules would change among the open updates.

    Raises:
        PortalError: as `checked`.
    """
    actor.require(Permission.OPERATE)
    rated = PendingUpdate.objects.visible_to(actor).filter(gone_at=None).annotate(rated=expression(checked(rules)))
    moves = rated.values("priority", "rated").annotate(total=Count("pk")).order_by("priority", "rated")
    changed = Q(pk__in=[])
    lines = []
    for move in moves:
        if move["priority"] != move["rated"]:
            lines.append((str(Priority(move["priority"]).label), str(Priority(move["rated"]).label), int(move["total"])))
            changed |= Q(priority=move["priority"], rated=move["rated"])
    examples = list(rated.filter(changed).select_related("system", "client").order_by("rated", "source", "pk")[:50])
    for update in examples:
        update.would_be = str(Priority(update.rated).label)  # type: ignore[attr-defined]  # for the page
    return Preview(lines, examples)


@transaction.atomic
def change(*, rules: Any, note: str, actor: Actor, now: datetime) -> PriorityRules:
    """Put new rules in force, and rate every open update by them. A lead does: they are the same for all clients.

    Raises:
        PortalError: as `checked`.
    """
    actor.require(Permission.APPROVE)
    kept = checked(rules)
    before = rules_in_force()
    row = PriorityRules.objects.create(rules=kept, note=note.strip(), created_at=now, actor_label=actor.label)
    changed = apply(PendingUpdate.objects.filter(gone_at=None), kept)
    audit.record(
        action="priority_rules.change", actor=actor, subject=row, client_id=None, now=now, before={"rules": before},
        after={"rules": kept}, changed=changed, note=note.strip(),
    )  # fmt: skip
    return row


def words(*, exploited: bool, severity: str, likelihood: Decimal | None, exposures: Sequence[str], exposed_production: int) -> str:
    """Why an update has the priority that it has, as a person would say it."""
    parts = []
    if exploited:
        parts.append("exploited in the wild")
    if severity and severity != Severity.UNKNOWN:
        parts.append(f"{Severity(severity).label.lower()} severity")
    elif severity:
        parts.append("severity not known")
    if likelihood is not None and likelihood >= Decimal("0.01"):
        parts.append(f"exploitation {likelihood * 100:.0f} % likely")
    if exposures:
        where = (
            f" on {exposed_production} production system{'s' * (exposed_production > 1)}" if exposed_production else " on staging only"
        )
        program, _, address = exposures[0].partition(" on ")
        parts.append(f"{program} listens on {address}{where}")
    return "; ".join(parts) or "no advisory known, and nothing of it listens"
