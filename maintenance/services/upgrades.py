"""Upgrade plans as people use them: documents written and kept, and an upgrade sent on its way.

The way is a rollout's: staging, soak, approval by somebody else, production in its window. What runs is the document itself.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from backups.models import BackupJob
from clients.choices import Access, Environment
from clients.models import Client, System
from maintenance.choices import RunKind, Verdict
from maintenance.errors import CanNotChange, NothingToApply, NotVerified
from maintenance.models import Rollout, UpdateRun, UpgradeDocument, UpgradePlan
from maintenance.parsers.upgrades import Document, parse_document
from maintenance.parsers.values import UnexpectedOutput
from maintenance.services import rollouts, staging
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name

_SHIPPED = Path(__file__).resolve().parents[1] / "shipped"


def shipped() -> dict[str, str]:
    """The plans that come with the portal, by name: to be read, adapted and kept as one's own."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(_SHIPPED.glob("*.txt"))}


def add_plan(*, name: str, text: str, note: str = "", actor: Actor, now: datetime) -> UpgradeDocument:
    """Keep a new plan with its first document.

    Raises:
        PortalError: no name or one that is taken, or a document that can't be read; the message names the line.
    """
    actor.require(Permission.OPERATE)
    if not name.strip():
        raise PortalError("Name the plan.")
    try:
        with transaction.atomic():
            plan = UpgradePlan.objects.create(name=name.strip(), created_at=now)
            return _keep(plan, text, note, actor=actor, now=now)
    except IntegrityError as error:
        if not constraint_name(error).startswith("maintenance_upgradeplan_name"):
            raise
        raise PortalError(f"There is a plan “{name.strip()}” already.", hint="Write its next version there.") from error


@transaction.atomic
def add_document(*, plan: UpgradePlan, text: str, note: str = "", actor: Actor, now: datetime) -> UpgradeDocument:
    """Keep the next version of a plan; what staging showed of an earlier one says nothing of it.

    Raises:
        PortalError: it can't be read (the message names the line), or it is the newest version unchanged.
    """
    actor.require(Permission.OPERATE)
    return _keep(UpgradePlan.objects.select_for_update().get(pk=plan.pk), text, note, actor=actor, now=now)


def start(
    *, client: Client, document: UpgradeDocument, systems: Iterable[System], emergency: bool = False, reason: str = "",
    restart: bool = True, share_percent: int = 25, waived: str = "", actor: Actor, now: datetime,
) -> Rollout:  # fmt: skip
    """Send an upgrade on its way: the staging twins of the chosen systems first, unless they verified this very text before.

    Args:
        waived: why it goes on without what the document needs beforehand; whoever approves signs that too.

    Raises:
        NothingToApply: no system was chosen.
        CanNotChange: a system is only read.
        NotVerified: a production system has no twin, and nothing is declared in its place.
        PortalError: what the document needs beforehand is not there, and nobody says why it may be.
        SystemBusy, ClientEnded, NotAllowed: as `rollouts.make`.
    """
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        chosen = list(
            System.objects.filter(client=client, pk__in=[system.pk for system in systems]).select_related("client", "staging_twin")
        )
        if not chosen:
            raise NothingToApply("Choose at least one system.")
        drafts = _drafts(chosen, document)
        for draft in drafts.values():
            if draft.system.access != Access.MANAGE or draft.system.package_manager not in {"", "apt"}:
                raise CanNotChange(f"{draft.system} is only read by the portal: nothing is changed there.")
        _require_testable(drafts, document, now=now)
        missing = [line for draft in drafts.values() for line in unmet(document, draft.system, now=now)]
        if missing and not waived.strip():
            raise PortalError(" ".join(missing), hint="Have it done first, or say why it may go without: whoever approves signs that.")
        return rollouts.make(
            client=client, drafts=drafts, emergency=emergency, reason=reason, restart=restart, share_percent=share_percent,
            actor=actor, now=now, document=document, waived=waived if missing else "",
        )  # fmt: skip


def unmet(document: UpgradeDocument, system: System, *, now: datetime) -> list[str]:
    """What the document needs beforehand and a production system does not have, as sentences."""
    days = read(document).restore_test_days
    if days is None or system.environment != Environment.PRODUCTION:
        return []
    newest = newest_restore_test(system)
    if newest is None:
        return [f"No restore test of {system} is on record; this document needs one not older than {days} days."]
    if now - newest > timedelta(days=days):
        return [f"The newest restore test of {system} is of {newest:%Y-%m-%d}; this document needs one not older than {days} days."]
    return []


def newest_restore_test(system: System) -> datetime | None:
    """Since when each backup of this system is proven by a restore: the oldest proof. None where one lacks it, or there is none."""
    proofs = BackupJob.objects.filter(system=system, ended_at=None, part_of=None).values_list("proof__finished_at", flat=True)
    known = [at for at in proofs if at is not None]
    return min(known) if known and len(known) == len(proofs) else None


def may_go(document: UpgradeDocument, system: System) -> bool:
    """Whether the database would let this text run on a production system; True for staging."""
    if system.environment != Environment.PRODUCTION:
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT retainer_may_upgrade(%s, %s)", [system.pk, document.sha256])
        return bool(cursor.fetchone()[0])


def read(document: UpgradeDocument) -> Document:
    """A document that was kept is one that can be read."""
    return parse_document(document.text)


def upgraded(systems: Sequence[System], document: UpgradeDocument) -> set[int]:
    """Of these systems the ones on which this very text ran and was verified, as ids."""
    runs = UpdateRun.objects.filter(
        system__in=systems, kind=RunKind.UPGRADE, verdict=Verdict.VERIFIED, document__sha256=document.sha256
    )
    return set(runs.values_list("system_id", flat=True))


def _keep(plan: UpgradePlan, text: str, note: str, *, actor: Actor, now: datetime) -> UpgradeDocument:
    clean = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip("\n").split("\n")) + "\n"
    try:
        found = parse_document(clean)
    except UnexpectedOutput as error:
        raise PortalError(f"This is not an upgrade document: {error}.", hint="The page on upgrades says how one is written.") from error
    digest = hashlib.sha256(clean.encode()).hexdigest()
    newest = plan.documents.order_by("-number").first()
    if newest is not None and newest.sha256 == digest:
        raise PortalError("Nothing was changed: this is the newest version as it stands.")
    number = (plan.documents.aggregate(last=Max("number"))["last"] or 0) + 1
    document = UpgradeDocument.objects.create(
        plan=plan, number=number, title=found.title[:200], text=clean, sha256=digest, note=note.strip(), created_at=now,
        created_by_id=actor.user_id, actor_label=actor.label,
    )  # fmt: skip
    audit.record(
        action="upgrade.document", actor=actor, subject=document, client_id=None, now=now, plan=plan.name, number=number, sha256=digest,
        note=note.strip(),
    )  # fmt: skip
    return document


def _drafts(chosen: list[System], document: UpgradeDocument) -> dict[int, rollouts.Draft]:
    """The chosen systems, and the twins of those on production that have not shown this text yet."""
    drafts = {system.pk: rollouts.Draft(system) for system in chosen}
    twins = [s.staging_twin for s in chosen if s.environment == Environment.PRODUCTION and s.staging_twin is not None]
    done = upgraded(twins, document)
    for twin in twins:
        if twin.pk not in done:
            drafts.setdefault(twin.pk, rollouts.Draft(twin))
    return drafts


def _require_testable(drafts: dict[int, rollouts.Draft], document: UpgradeDocument, *, now: datetime) -> None:
    for draft in drafts.values():
        system = draft.system
        coming = {system.staging_twin_id} | {row.canary_id for row in staging.alternatives_in_force(system, now=now)}
        if not may_go(document, system) and not coming & drafts.keys():
            raise NotVerified(
                f"This document would reach {system} untested.",
                hint="Name its staging twin, or have a lead declare a canary or an exception.",
            )
