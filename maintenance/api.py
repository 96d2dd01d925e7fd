"""The API's part of this area."""

import uuid
from datetime import date, datetime
from decimal import Decimal

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema, Status
from ninja.pagination import paginate

from clients.api import actor_of_request
from clients.choices import Environment
from clients.models import System
from maintenance import queries
from maintenance.choices import DecisionKind
from maintenance.models import Decision, PendingUpdate, Scan, UpdateAdvisory, UpdateRun
from maintenance.queries import end_of_life
from maintenance.services import changelogs, runs, scans, waiting
from maintenance.services.decisions import UpdateKey, decide
from maintenance.services.execution import log_text
from portal.accounts.permissions import operation
from portal.accounts.roles import Permission

router = Router(tags=["maintenance"])


class ScanOut(Schema):
    """A scan; only state “fresh” lets a system be called up to date."""

    id: int
    system_id: int
    state: str
    reason: str
    queued_at: datetime
    finished_at: datetime | None
    index_refreshed_at: datetime | None
    reboot_required: bool | None
    services_to_restart: list[str] | None
    problems: list[str]


class UpdateOut(Schema):
    """A pending update of one package on one system. `is_security` null: the package manager can't tell."""

    id: int
    system_id: int
    client_id: int
    package: str
    architecture: str
    source: str
    installed_version: str
    candidate_version: str
    origin: str
    is_security: bool | None
    obstacle: str
    severity: str
    advisories_total: int
    exploited_since: date | None
    likelihood: Decimal | None
    first_seen_at: datetime
    pending_since: datetime
    due_at: datetime
    due_reason: str
    released_at: datetime | None
    decision: str | None

    @staticmethod
    def resolve_decision(update: PendingUpdate) -> str | None:
        """The newest decision's kind."""
        return update.decision.kind if update.decision else None


class UpdateAdvisoryOut(Schema):
    """An advisory that an update fixes."""

    identifier: str
    severity: str
    cves: list[str]
    fixed_version: str
    published_at: datetime | None
    exploited_since: date | None
    likelihood: Decimal | None
    summary: str


class UpdateDetailOut(UpdateOut):
    """An update whole: its advisories, what is new in it, the three times of the promise, and the one reason why it waits."""

    exposure: str
    installed_at: datetime | None
    effective_at: datetime | None
    held_up_by: str
    waiting: str
    waiting_words: str
    changelog: str
    advisories: list[UpdateAdvisoryOut]

    @staticmethod
    def resolve_advisories(update: PendingUpdate) -> list[UpdateAdvisory]:
        """Worst first."""
        return queries.advisories_of(update)

    @staticmethod
    def resolve_changelog(update: PendingUpdate) -> str:
        """Empty where it could not be read."""
        return changelogs.what_is_new(update)[0]

    @staticmethod
    def resolve_waiting(update: PendingUpdate) -> str:
        """The reason's word."""
        return waiting.reason_of(update, now=timezone.now()).why

    @staticmethod
    def resolve_waiting_words(update: PendingUpdate) -> str:
        """The reason as a sentence."""
        return waiting.reason_of(update, now=timezone.now()).words


class LifeOut(Schema):
    """Until when the makers fix a version that is installed. `ends_on` null: not known."""

    system_id: int
    product: str
    version: str
    ends_on: date | None
    is_system: bool

    @staticmethod
    def resolve_system_id(life: end_of_life.Life) -> int:
        """The system's."""
        return life.system.pk


class UpdateName(Schema):
    """A source package and the version it would get."""

    source: str
    version: str


class DecisionIn(Schema):
    """A decision about updates wherever they are pending, or in one environment or client."""

    updates: list[UpdateName]
    kind: DecisionKind
    reason: str = ""
    defer_until: datetime | None = None
    environment: Environment | None = None
    client_id: int | None = None


class DecisionOut(Schema):
    """A decision; kept for ever."""

    id: int
    update_id: int
    batch: uuid.UUID
    kind: str
    reason: str
    defer_until: datetime | None
    decided_at: datetime
    actor_label: str


class BatchOut(Schema):
    """What was decided with one call."""

    batch: uuid.UUID
    decisions: int


class RunPackageOut(Schema):
    """A package of a run."""

    package: str
    architecture: str
    from_version: str
    to_version: str
    after_version: str


class RunOut(Schema):
    """An update run. `verdict` is empty until it is finished.

    `snapshot`: whether it begins with one of the root file system (may, must); `snapshot_kind`: the one it took (btrfs, lvm, zfs);
    `has_snapshot`: whether the host still keeps it.
    """

    id: int
    uuid: uuid.UUID
    system_id: int
    kind: str
    state: str
    verdict: str
    findings: list[str]
    trouble: str
    exit_status: int | None
    audit: str
    reboot_required: bool | None
    snapshot: str
    snapshot_kind: str
    has_snapshot: bool
    snapshot_until: datetime | None
    created_at: datetime
    finished_at: datetime | None


class RunDetailOut(RunOut):
    """With its packages."""

    packages: list[RunPackageOut]

    @staticmethod
    def resolve_packages(run: UpdateRun) -> list[object]:
        """In order of name."""
        return list(run.packages.order_by("package", "architecture"))


class RunIn(Schema):
    """Which system's decided updates to apply."""

    system_id: int


class LogOut(Schema):
    """A run's log from an offset (bytes) on; ask again from `next_offset`. `complete`: the run is finished."""

    text: str
    next_offset: int
    complete: bool


@router.post("/systems/{int:system_id}/scans", response={202: ScanOut}, operation_id="request_scan")
@operation(Permission.OPERATE)
def request_scan(request: HttpRequest, system_id: int) -> Status[Scan]:
    """Ask for a scan; where one is open, that one is returned."""
    actor = actor_of_request(request)
    system = get_object_or_404(System.objects.visible_to(actor), pk=system_id)
    return Status(202, scans.request(system=system, actor=actor, now=timezone.now()))


@router.get("/systems/{int:system_id}/scans", response=list[ScanOut], operation_id="list_scans")
@paginate
@operation(Permission.SEE)
def list_scans(request: HttpRequest, system_id: int) -> QuerySet[Scan]:
    """A system's scans, newest first."""
    system = get_object_or_404(System.objects.visible_to(actor_of_request(request)), pk=system_id)
    return system.scans.order_by("-pk")


@router.get("/updates", response=list[UpdateOut], operation_id="list_updates")
@paginate
@operation(Permission.SEE)
def list_updates(
    request: HttpRequest, system_id: int | None = None, client_id: int | None = None, source: str = ""
) -> QuerySet[PendingUpdate]:
    """Pending updates you may see."""
    rows = PendingUpdate.objects.visible_to(actor_of_request(request)).filter(gone_at=None).select_related("decision")
    if system_id is not None:
        rows = rows.filter(system_id=system_id)
    if client_id is not None:
        rows = rows.filter(client_id=client_id)
    if source:
        rows = rows.filter(source=source)
    return rows.order_by("due_at", "pk")


@router.get("/updates/{int:update_id}", response=UpdateDetailOut, operation_id="get_update")
@operation(Permission.SEE)
def get_update(request: HttpRequest, update_id: int) -> PendingUpdate:
    """One update, whole."""
    rows = PendingUpdate.objects.visible_to(actor_of_request(request))
    return get_object_or_404(rows.select_related("system__client", "system__staging_twin", "decision"), pk=update_id)


@router.get("/end-of-life", response=list[LifeOut], operation_id="list_end_of_life")
@paginate
@operation(Permission.SEE)
def list_end_of_life(request: HttpRequest, system_id: int | None = None) -> list[end_of_life.Life]:
    """What is installed and until when its makers fix it, the earliest end first."""
    systems = System.objects.visible_to(actor_of_request(request)).filter(client__ended_at=None)
    return end_of_life.of_systems(systems if system_id is None else systems.filter(pk=system_id))


@router.get("/decisions", response=list[DecisionOut], operation_id="list_decisions")
@paginate
@operation(Permission.SEE)
def list_decisions(request: HttpRequest, update_id: int | None = None) -> QuerySet[Decision]:
    """Decisions, newest first."""
    rows = Decision.objects.visible_to(actor_of_request(request))
    return (rows if update_id is None else rows.filter(update_id=update_id)).order_by("-pk")


@router.post("/decisions", response={201: BatchOut}, operation_id="decide")
@operation(Permission.OPERATE)
def add_decision(request: HttpRequest, body: DecisionIn) -> Status[dict[str, object]]:
    """Decide: apply, defer (reason and date) or reject (reason)."""
    batch = decide(
        keys=[UpdateKey(update.source, update.version) for update in body.updates], kind=body.kind, reason=body.reason,
        defer_until=body.defer_until, environment=body.environment or "", client_id=body.client_id,
        actor=actor_of_request(request), now=timezone.now(),
    )  # fmt: skip
    return Status(201, {"batch": batch, "decisions": Decision.objects.filter(batch=batch).count()})


@router.get("/update-runs", response=list[RunOut], operation_id="list_update_runs")
@paginate
@operation(Permission.SEE)
def list_runs(request: HttpRequest, system_id: int | None = None) -> QuerySet[UpdateRun]:
    """Update runs, newest first."""
    rows = UpdateRun.objects.visible_to(actor_of_request(request))
    return (rows if system_id is None else rows.filter(system_id=system_id)).order_by("-pk")


@router.post("/update-runs", response={201: RunDetailOut}, operation_id="start_update_run")
@operation(Permission.OPERATE)
def start_run(request: HttpRequest, body: RunIn) -> Status[UpdateRun]:
    """Apply a system's decided updates."""
    actor = actor_of_request(request)
    system = get_object_or_404(System.objects.visible_to(actor).select_related("client", "staging_twin"), pk=body.system_id)
    return Status(201, runs.start_run(system=system, actor=actor, now=timezone.now()))


@router.get("/update-runs/{int:run_id}", response=RunDetailOut, operation_id="get_update_run")
@operation(Permission.SEE)
def get_run(request: HttpRequest, run_id: int) -> UpdateRun:
    """One run: its state, and its verdict once it is finished."""
    return get_object_or_404(UpdateRun.objects.visible_to(actor_of_request(request)), pk=run_id)


@router.get("/update-runs/{int:run_id}/log", response=LogOut, operation_id="get_update_run_log")
@operation(Permission.SEE)
def get_log(request: HttpRequest, run_id: int, offset: int = 0) -> dict[str, object]:
    """The log as the host wrote it, from a byte offset on."""
    run = get_object_or_404(UpdateRun.objects.visible_to(actor_of_request(request)), pk=run_id)
    text, following = log_text(run, offset=max(0, offset))
    return {"text": text, "next_offset": following, "complete": not run.is_open}
