"""Runs, rollouts and upgrades, and the systems that are ready for one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery

from clients.choices import Access, Environment
from clients.models import Client, System
from maintenance.choices import OPEN_RUN_STATES, DecisionKind, RunKind, Verdict
from maintenance.models import (
    PendingUpdate,
    PlannedChange,
    Rollout,
    RolloutTarget,
    UpdateRun,
    UpgradeDocument,
    UpgradePlan,
)
from portal.accounts.actor import Actor


@dataclass(frozen=True, slots=True)
class ReadySystem:
    """A system with decided updates that nothing applies yet."""

    system: System
    updates: list[PendingUpdate]
    waits_for_twin: list[str]


def ready_systems(actor: Actor) -> QuerySet[System]:
    """Systems that have an update decided as apply and no change under way."""
    decided = PendingUpdate.objects.filter(system=OuterRef("pk"), gone_at=None, decision__kind=DecisionKind.APPLY)
    busy = UpdateRun.objects.filter(system=OuterRef("pk"), state__in=OPEN_RUN_STATES)
    rows = System.objects.visible_to(actor).filter(Exists(decided), ~Exists(busy)).select_related("client", "staging_twin")
    # staging before production: that is the order of work
    return rows.order_by("client__name", "-environment", "name", "pk")


def runs_for(actor: Actor) -> QuerySet[UpdateRun]:
    """Runs, open ones first, then the newest."""
    rows = UpdateRun.objects.visible_to(actor).select_related("system", "client")
    return rows.annotate(packages_total=Count("packages")).order_by(F("finished_at").desc(nulls_first=True), "-pk")


def updates_of(systems: Iterable[int]) -> QuerySet[PendingUpdate]:
    """The open updates of some systems."""
    rows = PendingUpdate.objects.filter(system_id__in=list(systems), gone_at=None)
    return rows.select_related("decision", "system", "client").order_by("-is_security", "source", "package", "pk")


def rollouts_for(actor: Actor) -> QuerySet[Rollout]:
    """Rollouts, open ones first, then the newest."""
    rows = Rollout.objects.visible_to(actor).select_related("client", "document")
    return rows.annotate(
        systems_total=Count("targets", distinct=True), changes_total=Count("targets__changes", distinct=True)
    ).order_by(F("finished_at").desc(nulls_first=True), "-pk")


def emergencies_since(actor: Actor, *, since: datetime) -> QuerySet[Rollout]:
    """Emergency rollouts that were asked for since then, with who approved them, the newest first."""
    rows = Rollout.objects.visible_to(actor).filter(emergency=True, created_at__gte=since).select_related("client")
    return rows.prefetch_related("approvals").order_by("-created_at", "-pk")


def clients_ready(actor: Actor) -> QuerySet[Client]:
    """Clients that have a decided update on a production system, with how many systems those are."""
    decided = Q(system__pending_updates__gone_at=None, system__pending_updates__decision__kind=DecisionKind.APPLY)
    production = Q(system__environment=Environment.PRODUCTION, system__access=Access.MANAGE)
    return (
        Client.objects.visible_to(actor)
        .filter(ended_at=None)
        .annotate(systems_ready=Count("system", filter=decided & production, distinct=True))
        .filter(systems_ready__gt=0)
        .order_by("name", "pk")
    )


def targets_of(rollout: Rollout) -> list[RolloutTarget]:
    """The systems of a rollout in their order, with changes and runs at hand."""
    rows = rollout.targets.select_related("system").order_by("wave", "position")
    changes = PlannedChange.objects.order_by("package", "architecture")
    return list(rows.prefetch_related(Prefetch("changes", changes), Prefetch("runs", UpdateRun.objects.order_by("pk"))))


def upgrade_plans() -> QuerySet[UpgradePlan]:
    """Plans by name, each with its newest document, and when staging last showed that very text."""
    newest = UpgradeDocument.objects.filter(plan=OuterRef("pk")).order_by("-number")
    shown = UpdateRun.objects.filter(
        kind=RunKind.UPGRADE,
        verdict=Verdict.VERIFIED,
        system__environment=Environment.STAGING,
        document__sha256=OuterRef("newest_hash"),
    )
    return (
        UpgradePlan.objects.filter(ended_at=None)
        .annotate(
            newest_title=Subquery(newest.values("title")[:1]), newest_number=Subquery(newest.values("number")[:1]),
            newest_by=Subquery(newest.values("actor_label")[:1]), newest_at=Subquery(newest.values("created_at")[:1]),
            newest_hash=Subquery(newest.values("sha256")[:1]),
        )
        .annotate(shown_at=Subquery(shown.order_by("-finished_at").values("finished_at")[:1]))
        .order_by("name")
    )  # fmt: skip
