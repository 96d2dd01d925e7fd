"""Adding clients, contacts and systems."""

import ipaddress
from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from clients.choices import Access, Environment
from clients.errors import SystemExists, TwinRefused, from_integrity
from clients.models import AllowedRange, Client, Contact, ServiceCheck, System
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.ssh.keys import new_key_pair
from portal.vault import services as vault
from portal.vault.models import CredentialKind

_METADATA = ipaddress.ip_network("169.254.0.0/16")


def add_client(*, name: str, time_zone: str = "UTC", actor: Actor, now: datetime) -> Client:
    """Add a client with an SSH key pair of its own, its private half sealed in the vault.

    Raises:
        PortalError: the name is taken, or a value is not valid.
    """
    actor.require(Permission.OPERATE)
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
    actor.require(Permission.OPERATE)
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
    actor.require(Permission.OPERATE)
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
    actor.require(Permission.OPERATE)
    _check_twin(system, staging_twin)
    try:
        with transaction.atomic():
            before = str(System.objects.select_related("staging_twin").get(pk=system.pk).staging_twin or "")
            System.objects.filter(pk=system.pk).update(staging_twin=staging_twin)
            audit.record(
                action="system.twin", actor=actor, subject=system, client_id=system.client_id, now=now,
                before={"twin": before}, after={"twin": str(staging_twin or "")},
            )  # fmt: skip
    except IntegrityError as error:
        raise from_integrity(error) from error


def add_service_check(*, system: System, url: str, expected_status: int = 200, actor: Actor, now: datetime) -> ServiceCheck:
    """Name an address that must answer over HTTP before and after each change.

    Raises:
        PortalError: not an http address, or named already.
    """
    actor.require(Permission.OPERATE)
    check = ServiceCheck(client_id=system.client_id, system=system, url=url, expected_status=expected_status)
    _validate(check)
    with transaction.atomic():
        check.save()
        audit.record(action="service_check.add", actor=actor, subject=check, client_id=system.client_id, now=now)
    return check


def allow_range(*, client: Client, network: str, reason: str, actor: Actor, now: datetime) -> AllowedRange:
    """Let HTTP requests of the portal into a private network of this client.

    Raises:
        PortalError: no network, one that holds everything, or no reason.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why: the client reads it.")
    row = AllowedRange(client=client, network=network.strip(), reason=reason.strip(), actor_label=actor.label)
    _validate(row)
    wanted = ipaddress.ip_network(row.network)
    if (wanted.num_addresses > 2**24 and wanted.version == 4) or wanted.prefixlen < 8:
        raise PortalError("This is most of the internet.", hint="Name the client's own network, such as 10.20.0.0/16.")
    if wanted.overlaps(_METADATA) if wanted.version == 4 else wanted.is_link_local:
        raise PortalError("Link-local addresses are never asked: a cloud's metadata service lives there.")
    with transaction.atomic():
        row.save()
        audit.record(
            action="range.allow",
            actor=actor,
            subject=row,
            client_id=client.pk,
            now=now,
            after={"network": row.network},
            reason=row.reason,
        )
    return row


def forbid_range(*, allowed: AllowedRange, actor: Actor, now: datetime) -> None:
    """Take the permission back."""
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        audit.record(
            action="range.forbid",
            actor=actor,
            subject=allowed,
            client_id=allowed.client_id,
            now=now,
            before={"network": allowed.network},
        )
        allowed.delete()


def write_notes(*, system: System, notes: str, actor: Actor, now: datetime) -> None:
    """What is special about a system, in Markdown.

    Raises:
        PortalError: longer than 20,000 characters.
    """
    actor.require(Permission.OPERATE)
    if len(notes) > 20_000:
        raise PortalError("Notes have at most 20,000 characters.", hint="Keep what is longer in a document of the client's.")
    with transaction.atomic():
        before = System.objects.select_for_update().values_list("notes", flat=True).get(pk=system.pk)
        System.objects.filter(pk=system.pk).update(notes=notes)
        audit.record(
            action="system.notes", actor=actor, subject=system, client_id=system.client_id, now=now, before={"notes": before},
            after={"notes": notes},
        )  # fmt: skip


def _check_twin(system: System, twin: System | None) -> None:
    if twin is None:
        return
    if twin.client_id != system.client_id or twin.environment != Environment.STAGING:
        raise TwinRefused("A staging twin must be a staging system of the same client.")
    if system.environment != Environment.PRODUCTION:
        raise TwinRefused("Only a production system has a staging twin.")


def _validate(row: AllowedRange | Client | Contact | System | ServiceCheck) -> None:
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
