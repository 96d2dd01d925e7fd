"""The API's part of this area."""

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Field, Router, Schema, Status
from ninja.pagination import paginate

from clients import queries
from clients.choices import Access, Environment, HostWork, SystemRole
from clients.models import Client, System
from clients.services import onboarding, registry
from portal.accounts.actor import Actor
from portal.accounts.permissions import operation
from portal.accounts.roles import Permission

router = Router(tags=["clients"])


class ClientOut(Schema):
    """A client."""

    id: int
    name: str
    slug: str
    time_zone: str


class ClientIn(Schema):
    """A new client."""

    name: str = Field(max_length=200)
    time_zone: str = "UTC"


class HostKeyOut(Schema):
    """A host key that a system showed."""

    key_type: str
    fingerprint: str
    state: str


class SystemOut(Schema):
    """A system and how it was last reached."""

    id: int
    client_id: int
    name: str
    address: str
    port: int
    login: str
    environment: Environment
    access: Access
    staging_twin_id: int | None
    roles: list[str]
    os_name: str
    kernel: str
    package_manager: str
    connection: str
    connection_message: str
    connection_at: datetime | None
    asked_work: str


class SystemDetailOut(SystemOut):
    """With its host keys and the proofs of the last connection test."""

    host_keys: list[HostKeyOut]
    connection_proofs: list[dict[str, str | bool]]

    @staticmethod
    def resolve_host_keys(system: System) -> list[object]:
        """Pinned keys first."""
        return list(queries.keys_of(system))


class SystemIn(Schema):
    """A new system."""

    client_id: int
    name: str = Field(max_length=100)
    address: str = Field(max_length=253)
    port: int = Field(22, ge=1, le=65535)
    login: str = "retainer"
    environment: Environment
    access: Access = Access.MANAGE
    roles: list[SystemRole] = Field(default_factory=list)
    staging_twin_id: int | None = None


class Fingerprint(Schema):
    """Of the key that a person compared."""

    fingerprint: str


class Script(Schema):
    """What to run as root on the host."""

    script: str


def actor_of_request(request: HttpRequest) -> Actor:
    """The actor that the token named."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def _system(request: HttpRequest, system_id: int) -> System:
    rows = System.objects.visible_to(actor_of_request(request)).select_related("client")
    return get_object_or_404(rows, pk=system_id)


@router.get("/clients", response=list[ClientOut], operation_id="list_clients")
@paginate
@operation(Permission.SEE)
def list_clients(request: HttpRequest) -> QuerySet[Client]:
    """The clients you may see."""
    return queries.clients_for(actor_of_request(request))


@router.post("/clients", response={201: ClientOut}, operation_id="add_client")
@operation(Permission.OPERATE)
def add_client(request: HttpRequest, body: ClientIn) -> Status[Client]:
    """Add a client, with an SSH key pair of its own."""
    client = registry.add_client(name=body.name, time_zone=body.time_zone, actor=actor_of_request(request), now=timezone.now())
    return Status(201, client)


@router.get("/systems", response=list[SystemOut], operation_id="list_systems")
@paginate
@operation(Permission.SEE)
def list_systems(request: HttpRequest, client_id: int | None = None) -> QuerySet[System]:
    """The systems you may see."""
    rows = System.objects.visible_to(actor_of_request(request)).order_by("client_id", "name", "pk")
    return rows if client_id is None else rows.filter(client_id=client_id)


@router.post("/systems", response={201: SystemDetailOut}, operation_id="add_system")
@operation(Permission.OPERATE)
def add_system(request: HttpRequest, body: SystemIn) -> Status[System]:
    """Add a system; its host keys are asked for at once."""
    actor, now = actor_of_request(request), timezone.now()
    client = get_object_or_404(Client.objects.visible_to(actor), pk=body.client_id)
    twin = None
    if body.staging_twin_id is not None:
        twin = get_object_or_404(System.objects.visible_to(actor), pk=body.staging_twin_id)
    system = registry.add_system(
        client=client, name=body.name, address=body.address, port=body.port, login=body.login, environment=body.environment,
        access=body.access, roles=[role.value for role in body.roles], staging_twin=twin, actor=actor, now=now,
    )  # fmt: skip
    onboarding.ask(system=system, work=HostWork.READ_HOST_KEYS, actor=actor, now=now)
    system.refresh_from_db()
    return Status(201, system)


@router.get("/systems/{int:system_id}", response=SystemDetailOut, operation_id="get_system")
@operation(Permission.SEE)
def get_system(request: HttpRequest, system_id: int) -> System:
    """One system."""
    return _system(request, system_id)


@router.get("/systems/{int:system_id}/setup-script", response=Script, operation_id="get_setup_script")
@operation(Permission.OPERATE)
def get_setup_script(request: HttpRequest, system_id: int) -> dict[str, str]:
    """The script that an administrator runs once as root on the host."""
    return {"script": onboarding.setup_script(_system(request, system_id))}


@router.post("/systems/{int:system_id}/read-host-keys", response={202: SystemDetailOut}, operation_id="read_host_keys")
@operation(Permission.OPERATE)
def read_host_keys(request: HttpRequest, system_id: int) -> Status[System]:
    """Ask a worker to read the host's keys."""
    return _asked(request, system_id, HostWork.READ_HOST_KEYS)


@router.post("/systems/{int:system_id}/confirm-host-key", response=SystemDetailOut, operation_id="confirm_host_key")
@operation(Permission.OPERATE)
def confirm_host_key(request: HttpRequest, system_id: int, body: Fingerprint) -> System:
    """Pin the key with this fingerprint."""
    system = _system(request, system_id)
    onboarding.confirm_host_key(system=system, fingerprint=body.fingerprint, actor=actor_of_request(request), now=timezone.now())
    return system


@router.post("/systems/{int:system_id}/test", response={202: SystemDetailOut}, operation_id="test_connection")
@operation(Permission.OPERATE)
def test_connection(request: HttpRequest, system_id: int) -> Status[System]:
    """Ask a worker to test the connection; read the proofs from the system once `asked_work` is empty."""
    return _asked(request, system_id, HostWork.TEST_CONNECTION)


def _asked(request: HttpRequest, system_id: int, work: HostWork) -> Status[System]:
    system = _system(request, system_id)
    onboarding.ask(system=system, work=work, actor=actor_of_request(request), now=timezone.now())
    system.refresh_from_db()
    return Status(202, system)
