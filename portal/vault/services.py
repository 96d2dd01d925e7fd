"""Storing and opening credentials."""

from datetime import datetime

from django.db import transaction

from portal.accounts.actor import Actor
from portal.audit import services as audit
from portal.vault import crypto
from portal.vault.models import ClientKey, Credential


@transaction.atomic
def store(
    *, client_id: int, kind: str, label: str, secret: bytes, public_part: str = "", system_id: int | None = None,
    actor: Actor, now: datetime,
) -> Credential:  # fmt: skip
    """Seal a secret into the vault. Audited without its content."""
    actor.require_operator()
    credential = Credential(client_id=client_id, kind=kind, label=label, public_part=public_part, system_id=system_id, sealed=b"")
    credential.sealed = crypto.seal(key=_client_key(client_id), plain=secret, identity=credential.identity)
    credential.save()
    audit.record(action="vault.store", actor=actor, subject=credential, client_id=client_id, now=now, kind=kind)
    return credential


def open_for_use(credential: Credential) -> bytes:
    """The secret, for the portal's own use in this moment; never for a page.

    Raises:
        Unsealable: another master key, or a tampered row.
    """
    return crypto.unseal(key=_client_key(credential.client_id), sealed=bytes(credential.sealed), identity=credential.identity)


def _client_key(client_id: int) -> bytes:
    identity = f"client-key:{client_id}"
    found = ClientKey.objects.filter(client_id=client_id).first()
    if found is None:
        wrapped = crypto.seal(key=crypto.master_key(), plain=crypto.new_key(), identity=identity)
        # Two callers at once: the unique row decides which key it is.
        found, _ = ClientKey.objects.get_or_create(client_id=client_id, defaults={"wrapped": wrapped})
    return crypto.unseal(key=crypto.master_key(), sealed=bytes(found.wrapped), identity=identity)
