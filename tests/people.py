"""Sample clients, systems and people for tests, valid by default."""

import itertools
from datetime import UTC, datetime, timedelta

from clients.models import Client, System
from clients.services import registry
from maintenance.choices import ScanState
from maintenance.models import PendingUpdate, Scan
from portal.accounts.actor import Actor
from portal.accounts.models import Membership, Role, User
from portal.accounts.services import actor_of

_numbers = itertools.count(1)
TESTER = Actor.portal("test")
PASSWORD = "correct horse battery staple"


def now() -> datetime:
    return datetime.now(UTC)


def make_client(name: str = "") -> Client:
    return registry.add_client(name=name or f"Client {next(_numbers)}", actor=TESTER, now=now())


def make_system(client: Client | None = None, **values: object) -> System:
    number = next(_numbers)
    values = {"name": f"host-{number}", "address": f"host-{number}.example", "environment": "production"} | values
    return registry.add_system(client=client or make_client(), actor=TESTER, now=now(), **values)  # type: ignore[arg-type]


def make_operator() -> User:
    return User.objects.create_user(email=f"op{next(_numbers)}@retainer.example", password=PASSWORD, name="Op", role=Role.OPERATOR)


def make_member(client: Client) -> User:
    user = User.objects.create_user(email=f"m{next(_numbers)}@client.example", password=PASSWORD, name="Member", role=Role.CLIENT)
    Membership.objects.create(user=user, client=client)
    return user


def actor(user: User) -> Actor:
    return actor_of(user)


def make_update(system: System, package: str = "openssl", **values: object) -> PendingUpdate:
    values = {
        "architecture": "amd64", "source": package, "installed_version": "1.0", "candidate_version": "1.1",
        "is_security": True, "first_seen_at": now(), "pending_since": now(), "due_at": now() + timedelta(days=7),
    } | values  # fmt: skip
    return PendingUpdate.objects.create(client_id=system.client_id, system=system, package=package, **values)


def make_scan(system: System, state: str = ScanState.FRESH, **values: object) -> Scan:
    values = {"queued_at": now(), "finished_at": now(), "reboot_required": False} | values
    if state in {ScanState.STALE, ScanState.FAILED}:
        values.setdefault("reason", "because")
    return Scan.objects.create(client_id=system.client_id, system=system, state=state, **values)
