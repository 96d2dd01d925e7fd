"""Adding many systems from text: first a plan that a person reads, then the same plan carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.choices import Environment, SystemRole
from clients.errors import BadImport
from clients.models import Client, System
from clients.parsers import ansible, tables
from clients.parsers.values import ImportRow, UnreadableText
from clients.services.registry import add_system
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission

PARSERS: dict[str, Callable[[str], tuple[ImportRow, ...]]] = {
    "ansible-ini": ansible.parse_ini,
    "ansible-yaml": ansible.parse_yaml,
    "ssh-config": tables.parse_ssh_config,
    "csv": tables.parse_csv,
}
_ENVIRONMENTS = {"staging": Environment.STAGING, "stage": Environment.STAGING, "test": Environment.STAGING,
                 "production": Environment.PRODUCTION, "prod": Environment.PRODUCTION, "live": Environment.PRODUCTION}  # fmt: skip
_ROLES = {role.value: role.value for role in SystemRole} | {"webservers": "web", "dbservers": "database", "db": "database",
                                                            "mailservers": "mail"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """What will happen with one row: `add`, `known` or `error`, in words in `message`."""

    line: int
    outcome: str
    message: str
    name: str
    address: str
    port: int
    login: str
    environment: str
    roles: tuple[str, ...]


def plan_import(*, client: Client, source: str, text: str, environment: str, actor: Actor) -> list[PlannedRow]:
    """What an import would do, row by row. Writes nothing.

    Args:
        source: a key of `PARSERS`.
        environment: for rows that name none.

    Raises:
        BadImport: the text is not of that format at all.
    """
    actor.require(Permission.OPERATE)
    if source not in PARSERS or environment not in Environment.values:
        raise BadImport("Choose a format and an environment.")
    try:
        rows = PARSERS[source](text.replace("\x00", ""))
    except UnreadableText as error:
        raise BadImport(str(error), hint="Nothing was imported; correct the text and try again.") from error
    known = {(s.address, s.port, s.login): s for s in System.objects.select_related("client")}
    names = set(System.objects.filter(client=client).values_list("name", flat=True))
    planned: list[PlannedRow] = []
    for row in rows:
        one = _plan(row, client=client, environment=environment, known=known, names=names)
        planned.append(one)
        if one.outcome == "add":
            names.add(one.name)
            known[one.address, one.port, one.login] = System(name=one.name, client=client)
    return planned


def apply_import(
    *, client: Client, source: str, text: str, environment: str, actor: Actor, now: datetime
) -> tuple[list[PlannedRow], list[System]]:
    """Carry the plan out: rows that can be added are, all or none; the others are returned with their reason.

    Raises:
        BadImport: as `plan_import`; PortalError: the ground moved between plan and deed, nothing was added.
    """
    planned = plan_import(client=client, source=source, text=text, environment=environment, actor=actor)
    with transaction.atomic():
        added = [
            add_system(
                client=client, name=row.name, address=row.address, port=row.port, login=row.login,
                environment=row.environment, roles=row.roles, actor=actor, now=now,
            )
            for row in planned
            if row.outcome == "add"
        ]  # fmt: skip
    return planned, added


def _plan(
    row: ImportRow, *, client: Client, environment: str, known: dict[tuple[str, int, str], System], names: set[str]
) -> PlannedRow:
    login = row.login or "retainer"
    groups = [group.lower() for group in row.groups]
    stated = next((_ENVIRONMENTS[group] for group in groups if group in _ENVIRONMENTS), environment)
    roles = tuple(dict.fromkeys(_ROLES[group] for group in groups if group in _ROLES))

    def planned(outcome: str, message: str) -> PlannedRow:
        return PlannedRow(row.line, outcome, message, row.name, row.address, row.port, login, stated, roles)

    if row.error:
        return planned("error", row.error)
    twin = known.get((row.address, row.port, login))
    if twin is not None and twin.client_id == client.pk:
        return planned("known", f"Already there as {twin.name}; left as it is.")
    if twin is not None:
        return planned("error", "This address, port and login belong to another client's system.")
    if row.name in names:
        return planned("error", f"The client has a system named {row.name} at another address.")
    try:
        system = System(client=client, name=row.name, address=row.address, port=row.port, login=login, environment=stated)
        system.clean_fields(exclude=["client"])
    except ValidationError as error:
        return planned("error", " ".join(f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items()))
    return planned("add", f"Add as {stated}" + (f" ({', '.join(roles)})" if roles else "") + ".")
