"""Reads for pages: which alerts were proven, when, and which count as broken."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.postgres.aggregates import ArrayAgg

from clients.models import System
from monitoring.choices import Kind, Outcome
from monitoring.models import Check, Drill, Proof
from portal.accounts.actor import Actor

# A rule that was proven longer ago counts as broken.
PROVEN_FOR = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule of a system: its newest proof that arrived, and the newest try of all."""

    kind: Kind
    proven: Proof | None
    last: Proof | None
    works: bool


def rules_of(system: System, *, now: datetime) -> list[RuleLine]:
    """Every rule that a system has checks of, broken ones first. Two queries."""
    kinds = sorted(set(Check.objects.filter(system=system, ended_at=None, drill=False).values_list("kind", flat=True)))
    last: dict[str, Proof] = {}
    proven: dict[str, Proof] = {}
    for proof in (
        Proof.objects.filter(drill__system=system)
        .exclude(outcome=Outcome.WAITING)
        .select_related("drill")
        .order_by("-drill__started_at")
    ):
        last.setdefault(proof.kind, proof)
        if proof.outcome == Outcome.PROVEN:
            proven.setdefault(proof.kind, proof)
    lines = [RuleLine(Kind(kind), proven.get(kind), last.get(kind), _works(proven.get(kind), last.get(kind), now)) for kind in kinds]
    return sorted(lines, key=lambda line: line.works)


def proof_of(check: Check, *, now: datetime) -> RuleLine:
    """What is proven of one check's rule."""
    rows = Proof.objects.filter(drill__system=check.system_id, kind=check.kind).exclude(outcome=Outcome.WAITING)
    newest = rows.select_related("drill").order_by("-drill__started_at")
    proven, last = newest.filter(outcome=Outcome.PROVEN).first(), newest.first()
    return RuleLine(Kind(check.kind), proven, last, _works(proven, last, now))


def _works(proven: Proof | None, last: Proof | None, now: datetime) -> bool:
    """Proven, not too long ago, and the newest try did not show the opposite."""
    return bool(proven and last == proven and proven.arrived_at and proven.arrived_at > now - PROVEN_FOR)


@dataclass(frozen=True, slots=True)
class SystemDrills:
    """A system with its newest drill, and how many of its rules work."""

    system: System
    drill: Drill | None
    works: int
    rules: int


def drills(actor: Actor, *, now: datetime) -> list[SystemDrills]:
    """Every system that one may see, those with the most broken rules first. Four queries."""
    scope = System.objects.visible_to(actor).filter(client__ended_at=None)
    systems = list(scope.select_related("client").only("name", "client__name").order_by("client__name", "name", "pk"))
    rules: dict[int, set[str]] = {system.pk: set() for system in systems}
    kinds = (
        Check.objects.filter(system__in=scope, ended_at=None, drill=False)
        .values("system")
        .annotate(kinds=ArrayAgg("kind", distinct=True))
    )
    rules |= {row["system"]: set(row["kinds"]) for row in kinds}
    newest: dict[int, Drill] = {}
    for drill in Drill.objects.filter(system__in=scope).order_by("system", "-started_at").distinct("system"):
        newest[drill.system_id] = drill
    judged: dict[tuple[int, str], bool] = {}
    rows = Proof.objects.filter(drill__system__in=scope).exclude(outcome=Outcome.WAITING).order_by("-drill__started_at")
    for system_id, kind, outcome, arrived_at in rows.values_list("drill__system", "kind", "outcome", "arrived_at"):
        fresh = outcome == Outcome.PROVEN and arrived_at is not None and arrived_at > now - PROVEN_FOR
        judged.setdefault((system_id, kind), fresh)
    lines = [
        SystemDrills(
            system, newest.get(system.pk), sum(judged.get((system.pk, kind), False) for kind in rules[system.pk]), len(rules[system.pk])
        )
        for system in systems
    ]
    return sorted(lines, key=lambda line: line.works - line.rules)
