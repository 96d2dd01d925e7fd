"""The API's part of handover. Fetching a package takes a person with a fresh proof: no token can."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Router, Schema

from handover.models import Package, Rehearsal, Runbook, SystemDocument
from handover.queries import client_of, runbooks_of, system_of
from handover.services import inventory, packages, readiness, runbooks
from portal.accounts.permissions import operation
from portal.accounts.roles import Permission

router = Router(tags=["handover"])


class PartOut(Schema):
    """A share: `met` of `of`; of nothing it does not count."""

    name: str
    title: str
    met: int
    of: int
    missing: list[str]


class ReadinessOut(Schema):
    """How ready a client is to go on alone: the mean of the parts' shares in percent, rounded down; null where nothing is known."""

    score: int | None
    parts: list[PartOut]


class DocumentOut(Schema):
    """A version of a system's document, with its secrets masked."""

    number: int
    collected_at: datetime
    confirmed_at: datetime
    masked: int
    facts: dict[str, Any]


class RunbookOut(Schema):
    """A runbook; `rehearsed` is works, fails, or null where it never was."""

    id: int
    system_id: int
    slug: str
    title: str
    text: str
    values: dict[str, str]
    sha256: str
    rehearsed: str | None
    rehearsed_at: datetime | None


class RehearsalOut(Schema):
    """A rehearsal; `outcome` is empty while it goes on."""

    id: int
    runbook_id: int
    system_id: int
    state: str
    outcome: str
    findings: list[str]


class PackageOut(Schema):
    """A package, without its content."""

    id: int
    client_id: int
    state: str
    with_credentials: bool
    size_b: int
    sha256: str
    until: datetime | None
    downloads_left: int
    findings: list[dict[str, str]]
    proofs: list[str]


@router.get("/clients/{int:client_id}/readiness", response=ReadinessOut, operation_id="get_readiness")
@operation(Permission.SEE)
def get_readiness(request: HttpRequest, client_id: int) -> Any:
    """How ready a client is to go on alone, and what is missing."""
    found = readiness.readiness_of(client_of(_actor(request), client_id), now=timezone.now())
    parts = [
        {"name": one.name, "title": one.title, "met": one.met, "of": one.of, "missing": [missing.words for missing in one.missing]}
        for one in found.parts
    ]
    return {"score": found.score, "parts": parts}


@router.get("/clients/{int:client_id}/inventory", operation_id="get_inventory", response=dict[str, Any])
@operation(Permission.SEE)
def get_inventory(request: HttpRequest, client_id: int) -> Any:
    """A client's inventory, as a package holds it."""
    return inventory.inventory_of(client_of(_actor(request), client_id))


@router.get("/clients/{int:client_id}/runbooks", response=list[RunbookOut], operation_id="list_runbooks")
@operation(Permission.SEE)
def list_runbooks(request: HttpRequest, client_id: int) -> Any:
    """A client's runbooks."""
    return list(runbooks.last_rehearsals(runbooks_of(client_of(_actor(request), client_id))))


@router.get("/systems/{int:system_id}/document", response=DocumentOut, operation_id="get_document")
@operation(Permission.SEE)
def get_document(request: HttpRequest, system_id: int) -> Any:
    """The newest version of a system's document; 404 where nothing was collected yet."""
    system = system_of(_actor(request), system_id)
    newest = SystemDocument.objects.filter(system=system).order_by("-number").values_list("pk", flat=True).first()
    return get_object_or_404(SystemDocument, pk=newest)


@router.post("/runbooks/{int:runbook_id}/rehearse", response=RehearsalOut, operation_id="rehearse_runbook")
@operation(Permission.OPERATE)
def rehearse_runbook(request: HttpRequest, runbook_id: int) -> Any:
    """Begin a rehearsal on staging."""
    row = get_object_or_404(Runbook.objects.visible_to(_actor(request)).select_related("system__staging_twin"), pk=runbook_id)
    return runbooks.rehearse(runbook=row, actor=_actor(request), now=timezone.now())


@router.get("/rehearsals/{int:rehearsal_id}", response=RehearsalOut, operation_id="get_rehearsal")
@operation(Permission.SEE)
def get_rehearsal(request: HttpRequest, rehearsal_id: int) -> Any:
    """What a rehearsal showed."""
    return get_object_or_404(Rehearsal.objects.visible_to(_actor(request)), pk=rehearsal_id)


@router.get("/clients/{int:client_id}/packages", response=list[PackageOut], operation_id="list_packages")
@operation(Permission.SEE)
def list_packages(request: HttpRequest, client_id: int) -> Any:
    """A client's packages, the newest first, fifty at most."""
    return Package.objects.filter(client=client_of(_actor(request), client_id)).order_by("-asked_at", "-pk")[:50]


@router.get("/packages/{int:package_id}", response=PackageOut, operation_id="get_package")
@operation(Permission.SEE)
def get_package(request: HttpRequest, package_id: int) -> Any:
    """One package."""
    return get_object_or_404(Package.objects.visible_to(_actor(request)), pk=package_id)


@router.post("/clients/{int:client_id}/packages", response=PackageOut, operation_id="ask_package")
@operation(Permission.OPERATE)
def ask_package(request: HttpRequest, client_id: int, with_credentials: bool = True) -> Any:  # noqa: FBT001, FBT002  # ninja's way of a query
    """Have a package made. Plain credentials are asked for on the page, where a second person agrees."""
    client = client_of(_actor(request), client_id)
    return packages.ask(client=client, with_credentials=with_credentials, actor=_actor(request), now=timezone.now())


def _actor(request: HttpRequest) -> Any:
    return request.actor  # type: ignore[attr-defined]  # set by the token's check
