"""Storing, opening, revealing and archiving credentials; sealing what is the portal's own."""

import base64
import binascii
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.accounts.scope import acting_for_all
from portal.audit import services as audit
from portal.errors import PortalError
from portal.vault import crypto, keys
from portal.vault.models import Credential, CredentialKind, CredentialVersion, DataKey

LONGEST_BYTES = 64 * 1024


@transaction.atomic
def store(
    *, client_id: int, kind: str, label: str, secret: bytes, public_part: str = "", username: str = "",
    system_id: int | None = None, actor: Actor, now: datetime,
) -> Credential:  # fmt: skip
    """Seal a secret into the vault. Audited without its content.

    Raises:
        PortalError: an unknown kind, no label, nothing to store, or more than 64 KiB.
    """
    actor.require(Permission.OPERATE)
    if kind not in CredentialKind.values:
        raise PortalError("Choose what kind of credential this is.")
    if not label.strip():
        raise PortalError("Name the credential, so that it is found again.")
    credential = Credential.objects.create(
        client_id=client_id, kind=kind, label=label.strip(), username=username.strip(), public_part=public_part, system_id=system_id
    )
    _add_version(credential, secret, number=1, actor=actor, now=now)
    audit.record(
        action="vault.store", actor=actor, subject=credential, client_id=client_id, now=now, kind=kind, username=credential.username
    )
    return credential


@transaction.atomic
def replace(*, credential: Credential, secret: bytes, actor: Actor, now: datetime) -> CredentialVersion:
    """A new version of a credential; the ones before stay readable.

    Raises:
        PortalError: nothing to store, too much, or the credential is archived.
    """
    actor.require(Permission.OPERATE)
    locked = Credential.objects.select_for_update().get(pk=credential.pk)
    if locked.archived_at is not None:
        raise PortalError("This credential is archived.", hint="Add a new one instead.")
    last = locked.versions.order_by("-number").values_list("number", flat=True).first() or 0
    version = _add_version(locked, secret, number=last + 1, actor=actor, now=now)
    audit.record(
        action="vault.replace", actor=actor, subject=locked, client_id=locked.client_id, now=now, before={"version": last},
        after={"version": version.number},
    )  # fmt: skip
    return version


@transaction.atomic
def archive(*, credential: Credential, reason: str, actor: Actor, now: datetime) -> None:
    """Take a credential out of use; its versions stay, sealed.

    Raises:
        PortalError: no reason, archived already, or it is the key by which the portal gets in.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why: the reason is kept.")
    if credential.kind == CredentialKind.SSH_KEY and credential.system_id is None:
        raise PortalError("The portal itself uses this key to reach the client's systems.", hint="It ends with the retainer.")
    if not Credential.objects.filter(pk=credential.pk, archived_at=None).update(archived_at=now):
        raise PortalError("This credential is archived already.")
    audit.record(
        action="vault.archive", actor=actor, subject=credential, client_id=credential.client_id, now=now, reason=reason.strip()
    )


def open_for_use(credential: Credential) -> bytes:
    """The newest value, for the portal's own use in this moment; never for a page.

    Raises:
        Unsealable: another master key, or a tampered row.
    """
    version = credential.versions.select_related("key").order_by("-number").first()
    if version is None:
        raise crypto.Unsealable("This credential has no value.")
    return _unseal(version, credential)


@transaction.atomic
def reveal(*, credential: Credential, number: int | None = None, actor: Actor, now: datetime) -> tuple[CredentialVersion, bytes]:
    """A credential's value for the person who asked; recorded first, where the client reads it. The page asks for a fresh proof.

    Args:
        number: the version; None is the newest.

    Raises:
        PortalError: there is no such version, or the credential is the portal's own way in.
        Unsealable: another master key, or a tampered row; the attempt is recorded as refused by the caller's rollback.
    """
    actor.require(Permission.REVEAL, credential.client_id)
    if credential.client.ended_at is not None:
        raise PortalError("This client's retainer ended: their credentials are theirs alone now.")
    if credential.kind == CredentialKind.SSH_KEY and credential.system_id is None:
        raise PortalError(
            "This key is the portal's own way in and is never shown.", hint="Its public part stands on the client's page."
        )
    versions = credential.versions.select_related("key").order_by("-number")
    version = (versions if number is None else versions.filter(number=number)).first()
    if version is None:
        raise PortalError("There is no such version.")
    value = _unseal(version, credential)
    audit.record(
        action="vault.reveal", actor=actor, subject=credential, client_id=credential.client_id, now=now, version=version.number
    )
    return version, value


def seal_for_portal(text: str) -> str:
    """Seal a short text that is the portal's own, such as the seed of a person's second factor."""
    with acting_for_all(), transaction.atomic():
        key = keys.newest(None)
        sealed = crypto.seal(key=keys.unwrap(key), plain=text.encode(), identity="portal")
    return f"{key.number}:{base64.b64encode(sealed).decode()}"


def unseal_for_portal(sealed: str) -> str:
    """The opposite of `seal_for_portal`.

    Raises:
        Unsealable: not sealed by this portal, or another master key.
    """
    number, _, body = sealed.partition(":")
    try:
        raw = base64.b64decode(body, validate=True)
        with acting_for_all():
            key = DataKey.objects.get(client__isnull=True, number=int(number))
    except (binascii.Error, ValueError, DataKey.DoesNotExist) as error:
        raise crypto.Unsealable("A second factor can't be opened.") from error
    return crypto.unseal(key=keys.unwrap(key), sealed=raw, identity="portal").decode()


def theirs(client_id: int) -> QuerySet[Credential]:
    """A client's credentials that are in use; our own way in is not among them."""
    rows = Credential.objects.filter(client_id=client_id, archived_at=None).exclude(kind=CredentialKind.SSH_KEY, system=None)
    return rows.select_related("system").order_by("label", "pk")


def values_of_client(client_id: int) -> list[tuple[Credential, int, bytes]]:
    """Every value that a client's credentials have or had, for the portal's own use in this moment: what must stand nowhere else.

    Returns: credential, its version's number, value; the portal's own way in is among them.

    Raises:
        Unsealable: another master key, or a tampered row: what is not known can't be looked for.
    """
    rows = CredentialVersion.objects.filter(client_id=client_id).select_related("credential", "key").order_by("credential_id", "number")
    return [(row.credential, row.number, _unseal(row, row.credential)) for row in rows]


@transaction.atomic
def retire_own_key(*, client_id: int, actor: Actor, now: datetime) -> None:
    """Take the key by which the portal gets in out of use, at the end of a retainer. Done twice it is done once.

    Raises:
        NotAllowed: it takes somebody who may end a client.
    """
    actor.require(Permission.APPROVE)
    own = Credential.objects.filter(client_id=client_id, kind=CredentialKind.SSH_KEY, system=None, archived_at=None).first()
    if own is not None:
        Credential.objects.filter(pk=own.pk).update(archived_at=now)
        audit.record(action="vault.archive", actor=actor, subject=own, client_id=client_id, now=now, reason="the retainer ended")


@transaction.atomic
def describe(*, credential: Credential, url: str, notes: str, actor: Actor, now: datetime) -> None:
    """Say where a credential is used and what one has to know; neither may be secret.

    Raises:
        PortalError: too long.
    """
    actor.require(Permission.OPERATE)
    if len(url) > 500 or len(notes) > 5000:
        raise PortalError("An address has at most 500 characters, notes 5,000.")
    Credential.objects.filter(pk=credential.pk).update(url=url.strip(), notes=notes.strip())
    audit.record(action="vault.describe", actor=actor, subject=credential, client_id=credential.client_id, now=now, url=url.strip())


def _add_version(credential: Credential, secret: bytes, *, number: int, actor: Actor, now: datetime) -> CredentialVersion:
    if not secret:
        raise PortalError("There is nothing to store.")
    if len(secret) > LONGEST_BYTES:
        raise PortalError("A credential holds at most 64 KiB.")
    key = keys.newest(credential.client_id)
    version = CredentialVersion(
        client_id=credential.client_id, credential=credential, number=number, key=key, created_at=now, actor_label=actor.label
    )
    version.sealed = crypto.seal(key=keys.unwrap(key), plain=secret, identity=version.identity(credential.uuid))
    version.save()
    return version


def _unseal(version: CredentialVersion, credential: Credential) -> bytes:
    return crypto.unseal(key=keys.unwrap(version.key), sealed=bytes(version.sealed), identity=version.identity(credential.uuid))
