"""Adding clients, contacts and systems."""

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from clients.choices import Access, Environment
from clients.errors import SystemExists, TwinRefused, from_integrity
from clients.models import Client, Contact, ServiceCheck, System
from portal.accounts.actor import Actor
from portal.audit import services as audit
from portal.errors import PortalError
from portal.ssh.keys import new_key_pair
from portal.vault import services as vault
from portal.vault.models import CredentialKind


def add_client(*, name: str, time_zone: str = "UTC", actor: Actor, now: datetime) -> Client:
    """Add a client with an SSH key pair of its own, its private half sealed in the vault.

    Raises:
        PortalError: the name is taken, or a value is not valid.
    """
    actor.require_operator()
    client = Client(name=name.strip(), slug=slugify(name)[:60] or "client", time_zone=time_zone)
    _validate(client)
    private, public = new_key_pair(f"retainer:{client.slug}")
    with transaction.atomic():
        client.save()
        vault.store(
            client_id=client.pk, kind=CredentialKind.SSH_KEY, label=f"SSH key of {client.name}", secret=private.encode(),
            public_part=public, actor=actor, now=now,
        )  # fmt: skip
        audit.record(action="client.add", actor=actor, subject=client, client_id=client.pk, now=now)
    return client


def add_contact(*, client: Client, name: str, email: str, phone: str, duty: str, actor: Actor, now: datetime) -> Contact:
    """Add a person to call at a client."""
    actor.require_operator()
    contact = Contact(client=client, name=name, email=email, phone=phone, duty=duty)
    _validate(contact)
    with transaction.atomic():
        contact.save()
        audit.record(action="contact.add", actor=actor, subject=contact, client_id=client.pk, now=now)
    return contact


def add_system(
    *, client: Client, name: str, address: str, environment: str, port: int = 22, login: str = "retainer",
    access: str = Access.MANAGE, roles: Sequence[str] = (), staging_twin: System | None = None, actor: Actor, now: datetime,
) -> System:  # fmt: skip
    """Add a system; its host keys are still to be read and confirmed.

    Raises:
        SystemExists: name, or address with port and login, is taken.
        TwinRefused: the twin is another client's, or no staging system.
        PortalError: a value is not valid.
    """
    actor.require_operator()
    system = System(
        client=client, name=name.strip(), address=address.strip(), port=port, login=login, environment=environment,
        access=access, roles=list(roles), staging_twin=staging_twin,
    )  # fmt: skip
    _check_twin(system, staging_twin)
    _validate(system)
    try:
        with transaction.atomic():
            system.save()
            audit.record(action="system.add", actor=actor, subject=system, client_id=client.pk, now=now, destination=system.destination)
    except IntegrityError as error:
        raise from_integrity(error) from error
    return system


def change_twin(*, system: System, staging_twin: System | None, actor: Actor, now: datetime) -> None:
    """Pair a production system with another staging twin, or with none.

    Raises:
        TwinRefused: see `add_system`.
    """
    actor.require_operator()
    _check_twin(system, staging_twin)
    try:
        with transaction.atomic():
            System.objects.filter(pk=system.pk).update(staging_twin=staging_twin)
            audit.record(
                action="system.twin", actor=actor, subject=system, client_id=system.client_id, now=now,
                twin=str(staging_twin or ""),
            )  # fmt: skip
    except IntegrityError as error:
        raise from_integrity(error) from error


def add_service_check(*, system: System, url: str, expected_status: int = 200, actor: Actor, now: datetime) -> ServiceCheck:
    """Name an address that must answer over HTTP before and after each change.

    Raises:
        PortalError: not an http address, or named already.
    """
    actor.require_operator()
    check = ServiceCheck(client_id=system.client_id, system=system, url=url, expected_status=expected_status)
    _validate(check)
    with transaction.atomic():
        check.save()
        audit.record(action="service_check.add", actor=actor, subject=check, client_id=system.client_id, now=now)
    return check


def _check_twin(system: System, twin: System | None) -> None:
    if twin is None:
        return
    if twin.client_id != system.client_id or twin.environment != Environment.STAGING:
        raise TwinRefused("A staging twin must be a staging system of the same client.")
    if system.environment != Environment.PRODUCTION:
        raise TwinRefused("Only a production system has a staging twin.")


def _validate(row: Client | Contact | System | ServiceCheck) -> None:
    """Model validation as one sentence; uniqueness of systems keeps its own error."""
    try:
        row.full_clean()
    except ValidationError as error:
        sentences = [
            f"{field.replace('_', ' ').capitalize()}: {' '.join(messages)}" if field != "__all__" else " ".join(messages)
            for field, messages in error.message_dict.items()
        ]
        if isinstance(row, System) and any(e.code in {"unique_together", "unique"} for e in _errors(error)):
            raise SystemExists("This system is known already.", hint=" ".join(sentences)) from error
        raise PortalError(" ".join(sentences), hint="Correct it and send it again.") from error


def _errors(error: ValidationError) -> list[ValidationError]:
    return [one for errors in error.error_dict.values() for one in errors]
