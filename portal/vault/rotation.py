"""Rotating keys. Each step is a transaction of its own and leaves a vault that opens; whoever is killed is run again.

Both rotations are generators: one step a turn, told in words. The commands print them.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from portal.accounts.actor import Actor
from portal.audit import services as audit
from portal.vault import crypto, keys
from portal.vault.models import CredentialVersion, DataKey


def rotate_master_key(*, actor: Actor, now: datetime) -> Iterator[str]:
    """Wrap every data key anew with VAULT_MASTER_KEY, those of VAULT_MASTER_KEY_PREVIOUS first opened with that.

    Raises:
        ImproperlyConfigured: a data key was wrapped by neither.
    """
    keys.check()
    master = crypto.master_key()
    current = crypto.master_id(master)
    for key_id in list(DataKey.objects.filter(retired_at=None).exclude(master_id=current).order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            key = DataKey.objects.select_for_update().get(pk=key_id)
            if key.master_id == current or key.retired_at is not None:
                continue
            before = key.master_id
            key.wrapped = crypto.seal(key=master, plain=keys.unwrap(key), identity=key.identity)
            key.master_id = current
            key.save(update_fields=["wrapped", "master_id"])
            audit.record(
                action="vault.rewrap", actor=actor, subject=key, client_id=key.client_id, now=now,
                before={"master": before}, after={"master": current},
            )  # fmt: skip
        yield f"{key}: wrapped anew"


def rotate_client_key(*, client_id: int, actor: Actor, now: datetime) -> Iterator[str]:
    """Give a client a new data key, seal everything anew with it, destroy the old one. Goes on where an earlier try ended."""
    keys.check()
    newest = _start(client_id, actor=actor, now=now)
    yield f"{newest}: in use"
    older = CredentialVersion.objects.filter(client_id=client_id).exclude(key=newest).order_by("pk")
    while version_id := older.values_list("pk", flat=True).first():
        with transaction.atomic():
            version = CredentialVersion.objects.select_for_update(of=("self",)).select_related("key", "credential").get(pk=version_id)
            identity = version.identity(version.credential.uuid)
            plain = crypto.unseal(key=keys.unwrap(version.key), sealed=bytes(version.sealed), identity=identity)
            version.sealed = crypto.seal(key=keys.unwrap(newest), plain=plain, identity=identity)
            version.key = newest
            version.save(update_fields=["sealed", "key"])
        yield f"{version}: sealed anew"
    for key_id in list(DataKey.objects.filter(client_id=client_id, retired_at=None).exclude(pk=newest.pk).values_list("pk", flat=True)):
        if _retire(key_id, actor=actor, now=now):
            yield f"key {key_id}: destroyed"


def _start(client_id: int, *, actor: Actor, now: datetime) -> DataKey:
    """The key to rotate to: a new one, or that of a rotation that was cut off."""
    with transaction.atomic():
        newest = keys.newest(client_id)
        if DataKey.objects.filter(client_id=client_id, retired_at=None).exclude(pk=newest.pk).exists():
            return newest
        made = keys.make(client_id, number=newest.number + 1)
        audit.record(
            action="vault.rotate", actor=actor, subject=made, client_id=client_id, now=now, before={"key": newest.number},
            after={"key": made.number},
        )  # fmt: skip
        return made


@transaction.atomic
def _retire(key_id: int, *, actor: Actor, now: datetime) -> bool:
    """Destroy a key that seals nothing any more. The lock waits for whoever is just storing something with it."""
    key = DataKey.objects.select_for_update().get(pk=key_id)
    if key.versions.exists():
        return False
    key.wrapped, key.retired_at = b"", now
    key.save(update_fields=["wrapped", "retired_at"])
    audit.record(action="vault.retire", actor=actor, subject=key, client_id=key.client_id, now=now)
    return True
