"""The API's part of rollouts, upgrades, the promise, windows and verification checks. Approving takes a person, so no token does."""

from datetime import datetime, time
from decimal import Decimal

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status
from ninja.pagination import paginate

from clients.api import actor_of_request
from clients.models import Client, System
from maintenance import queries
from maintenance.choices import CheckKind, WindowKind
from maintenance.models import MaintenanceWindow, Rollout, UpgradePlan, VerificationCheck
from maintenance.services import checks, maintenance_windows, promise, rollouts
from portal.accounts.api_auth import TokenAsPassword, TokenAuth
from portal.accounts.permissions import operation
from portal.accounts.roles import Permission

router = Router(tags=["rollouts"])


class ChangeOut(Schema):
    """One package's exact transition. `keeping`: whether it can be rolled back; `conflicts`: configuration that stays as it is."""

    package: str
    architecture: str
    from_version: str
    to_version: str
    conflicts: list[str]
    keeping: str


class TargetOut(Schema):
    """One system's part; wave 0 is staging."""

    system_id: int
    environment: str
    wave: int
    state: str
    note: str
    snapshot: str
    snapshot_note: str
    changes: list[ChangeOut]
    run_ids: list[int]


class RolloutOut(Schema):
    """A rollout. `plan_hash` is what an approval signs; empty while there is no plan."""

    id: int
    client_id: int
    state: str
    emergency: bool
    reason: str
    waits_for: str
    stop_reason: str
    plan_hash: str
    soak_until: datetime | None
    created_at: datetime
    finished_at: datetime | None


class RolloutDetailOut(RolloutOut):
    """With its systems, in their order."""

    targets: list[TargetOut]

    @staticmethod
    def resolve_targets(rollout: Rollout) -> list[dict[str, object]]:
        """From the prefetched rows."""
        return [
            {
                "system_id": target.system_id, "environment": target.environment, "wave": target.wave, "state": target.state,
                "note": target.note, "snapshot": target.snapshot, "snapshot_note": target.snapshot_note,
                "changes": list(target.changes.all()), "run_ids": [run.pk for run in target.runs.all()],
            }
            for target in queries.targets_of(rollout)
        ]  # fmt: skip


class RolloutIn(Schema):
    """Which client's decided updates go on their way; without `system_ids` all that are ready."""

    client_id: int
    system_ids: list[int] | None = None
    emergency: bool = False
    reason: str = ""
    restart: bool = True
    share_percent: int = Field(25, ge=1, le=100)


class ReasonIn(Schema):
    """Why."""

    reason: str


class PromisedOut(Schema):
    """An update that was due in the month. `how`: met, missed, or at the client's accepted risk."""

    how: str
    update_id: int
    system_id: int
    package: str
    candidate_version: str
    due_at: datetime
    effective_at: datetime | None


class ComplianceOut(Schema):
    """A client's month. `share`: percentage that was effective in time; null where nothing was due."""

    month: str
    share: Decimal | None
    updates: list[PromisedOut]


class UpgradePlanOut(Schema):
    """A plan with its newest document. `verified_at`: when staging last showed that very text; null: not yet."""

    id: int
    name: str
    number: int = Field(alias="newest_number")
    title: str = Field(alias="newest_title")
    sha256: str = Field(alias="newest_hash")
    verified_at: datetime | None = Field(alias="shown_at")


class WindowOut(Schema):
    """A maintenance window, by the client's wall clock."""

    id: int
    name: str
    system_id: int | None
    every: str
    weekdays: list[int]
    day: int | None
    ordinal: int | None
    start: time
    end: time


class WindowIn(Schema):
    """A new window; weekdays count from Monday, 0."""

    name: str = "Maintenance"
    system_id: int | None = None
    every: WindowKind
    weekdays: list[int] = Field(default_factory=list)
    day: int | None = Field(None, ge=1, le=31)
    ordinal: int | None = None
    start: time
    end: time


class CheckOut(Schema):
    """A verification check."""

    id: int
    name: str
    system_id: int | None
    role: str
    kind: str
    question: str
    expected: int
    contains: str
    timeout_s: int


class CheckIn(Schema):
    """A new check, of a system or of a role."""

    name: str
    system_id: int | None = None
    role: str = ""
    kind: CheckKind
    question: str
    expected: int = Field(0, ge=0, le=599)
    contains: str = ""
    timeout_s: int = Field(20, ge=1, le=120)


@router.get("/rollouts", response=list[RolloutOut], operation_id="list_rollouts")
@paginate
@operation(Permission.SEE)
def list_rollouts(request: HttpRequest, client_id: int | None = None) -> QuerySet[Rollout]:
    """Rollouts, open ones first."""
    rows = queries.rollouts_for(actor_of_request(request))
    return rows if client_id is None else rows.filter(client_id=client_id)


@router.get("/rollouts/{int:rollout_id}", response=RolloutDetailOut, operation_id="get_rollout")
@operation(Permission.SEE)
def get_rollout(request: HttpRequest, rollout_id: int) -> Rollout:
    """One rollout with its plan."""
    return get_object_or_404(Rollout.objects.visible_to(actor_of_request(request)), pk=rollout_id)


@router.post("/rollouts", response={201: RolloutDetailOut}, operation_id="start_rollout")
@operation(Permission.OPERATE)
def start_rollout(request: HttpRequest, body: RolloutIn) -> Status[Rollout]:
    """Send decided updates on their way. Production waits for a lead's approval in the portal."""
    actor = actor_of_request(request)
    client = get_object_or_404(Client.objects.visible_to(actor), pk=body.client_id)
    systems = None
    if body.system_ids is not None:
        systems = [get_object_or_404(System.objects.visible_to(actor), pk=pk, client=client) for pk in body.system_ids]
    rollout = rollouts.start(
        client=client, systems=systems, emergency=body.emergency, reason=body.reason, restart=body.restart,
        share_percent=body.share_percent, actor=actor, now=timezone.now(),
    )  # fmt: skip
    return Status(201, rollout)


@router.post("/rollouts/{int:rollout_id}/cancel", response=RolloutDetailOut, operation_id="cancel_rollout")
@operation(Permission.OPERATE)
def cancel_rollout(request: HttpRequest, rollout_id: int, body: ReasonIn) -> Rollout:
    """End a rollout that has not reached production."""
    actor = actor_of_request(request)
    rollout = get_object_or_404(Rollout.objects.visible_to(actor), pk=rollout_id)
    rollouts.cancel(rollout=rollout, reason=body.reason, actor=actor, now=timezone.now())
    rollout.refresh_from_db()
    return rollout


@router.get("/clients/{int:client_id}/compliance", response=ComplianceOut, operation_id="get_compliance")
@operation(Permission.SEE)
def get_compliance(request: HttpRequest, client_id: int, month: str = "") -> dict[str, object]:
    """The promise in a month, `2026-11`; the present one where none is named."""
    client = get_object_or_404(Client.objects.visible_to(actor_of_request(request)), pk=client_id)
    now = timezone.now()
    first = promise.first_of(month, promise.this_month(client, now=now))
    found = promise.compliance(client, first, now=now)
    rows = [
        {
            "how": how, "update_id": row.pk, "system_id": row.system_id, "package": row.package,
            "candidate_version": row.candidate_version, "due_at": row.due_at, "effective_at": row.effective_at,
        }
        for how, updates in (("met", found.met), ("missed", found.missed), ("accepted", found.accepted))
        for row in updates
    ]  # fmt: skip
    return {"month": f"{first:%Y-%m}", "share": found.share, "updates": rows}


@router.get("/upgrade-plans", response=list[UpgradePlanOut], operation_id="list_upgrade_plans")
@paginate
@operation(Permission.SEE_FLEET)
def list_upgrade_plans(request: HttpRequest) -> QuerySet[UpgradePlan]:
    """Upgrade plans by name."""
    return queries.upgrade_plans()


@router.get("/clients/{int:client_id}/maintenance-windows", response=list[WindowOut], operation_id="list_maintenance_windows")
@paginate
@operation(Permission.SEE)
def list_windows(request: HttpRequest, client_id: int) -> QuerySet[MaintenanceWindow]:
    """The windows in use."""
    client = get_object_or_404(Client.objects.visible_to(actor_of_request(request)), pk=client_id)
    return MaintenanceWindow.objects.filter(client=client, ended_at=None).order_by("pk")


@router.post("/clients/{int:client_id}/maintenance-windows", response={201: WindowOut}, operation_id="add_maintenance_window")
@operation(Permission.OPERATE)
def add_window(request: HttpRequest, client_id: int, body: WindowIn) -> Status[MaintenanceWindow]:
    """Open a recurring window."""
    actor = actor_of_request(request)
    client = get_object_or_404(Client.objects.visible_to(actor), pk=client_id)
    values = body.dict()
    system_id = values.pop("system_id")
    system = None if system_id is None else get_object_or_404(System.objects.visible_to(actor), pk=system_id, client=client)
    return Status(201, maintenance_windows.add(client=client, system=system, actor=actor, now=timezone.now(), **values))


@router.get(
    "/clients/{int:client_id}/maintenance.ics", auth=[TokenAuth(), TokenAsPassword()], operation_id="maintenance_calendar",
    url_name="maintenance_calendar", response={200: None},
)  # fmt: skip
@operation(Permission.SEE)
def maintenance_calendar(request: HttpRequest, client_id: int) -> HttpResponse:
    """A year of windows as iCalendar; a calendar program sends the token as the password of HTTP Basic."""
    client = get_object_or_404(Client.objects.visible_to(actor_of_request(request)), pk=client_id)
    return HttpResponse(maintenance_windows.calendar_of(client, now=timezone.now()), content_type="text/calendar; charset=utf-8")


@router.get("/clients/{int:client_id}/checks", response=list[CheckOut], operation_id="list_checks")
@paginate
@operation(Permission.SEE)
def list_checks(request: HttpRequest, client_id: int) -> QuerySet[VerificationCheck]:
    """What is asked before and after each change."""
    client = get_object_or_404(Client.objects.visible_to(actor_of_request(request)), pk=client_id)
    return VerificationCheck.objects.filter(client=client, ended_at=None).order_by("pk")


@router.post("/clients/{int:client_id}/checks", response={201: CheckOut}, operation_id="add_check")
@operation(Permission.OPERATE)
def add_check(request: HttpRequest, client_id: int, body: CheckIn) -> Status[VerificationCheck]:
    """Define a check."""
    actor = actor_of_request(request)
    client = get_object_or_404(Client.objects.visible_to(actor), pk=client_id)
    values = body.dict()
    system_id = values.pop("system_id")
    system = None if system_id is None else get_object_or_404(System.objects.visible_to(actor), pk=system_id, client=client)
    return Status(201, checks.add(client=client, system=system, actor=actor, now=timezone.now(), **values))
