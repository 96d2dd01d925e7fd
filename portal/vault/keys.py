"""Data keys: made, wrapped by the master key, opened, and checked at start-up."""

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.db.models import Q

from portal.accounts.scope import acting_for_all
from portal.vault import crypto
from portal.vault.models import DataKey


def newest(client_id: int | None) -> DataKey:
    """The key that seals what is stored for a client now, made where there is none yet.

    Locks its row until the caller's transaction ends, so that no rotation destroys it before what it sealed is written.

    Raises:
        ImproperlyConfigured: the master key is another one than that of the keys that are there.
    """
    while True:
        usable = DataKey.objects.filter(Q(client_id=client_id), retired_at=None)
        found = usable.select_for_update(no_key=True).order_by("-number").first()
        if found is not None:
            return found
        if usable.exists():
            continue  # a rotation went by while we waited for its lock
        try:
            with transaction.atomic():
                make(client_id, number=1)
        except IntegrityError:
            continue  # another caller made it in the same moment


def make(client_id: int | None, *, number: int) -> DataKey:
    """A new data key, wrapped by the master key in use.

    Raises:
        ImproperlyConfigured: keys are there that neither master key wrapped; sealing with this one would part the vault.
    """
    check()
    master = crypto.master_key()
    key = DataKey(client_id=client_id, number=number, master_id=crypto.master_id(master))
    key.wrapped = crypto.seal(key=master, plain=crypto.new_key(), identity=key.identity)
    key.save()
    return key


def unwrap(key: DataKey) -> bytes:
    """The data key itself.

    Raises:
        Unsealable: the master key that wrapped it is not here, or the row was tampered with.
    """
    masters = crypto.master_keys()
    candidates = [masters[key.master_id]] if key.master_id in masters else list(masters.values()) if not key.master_id else []
    for master in candidates:
        try:
            return crypto.unseal(key=master, sealed=bytes(key.wrapped), identity=key.identity)
        except crypto.Unsealable:
            if len(candidates) == 1:
                raise
    raise crypto.Unsealable("The master key that wraps this client's key is not here.", hint="Is VAULT_MASTER_KEY the right one?")


def check() -> None:
    """Compare the master keys with what they wrapped; changes nothing but the missing ids of old keys.

    Raises:
        ImproperlyConfigured: a data key was wrapped by another master key.
    """
    with acting_for_all():
        masters = crypto.master_keys()
        for key in DataKey.objects.filter(master_id="", retired_at=None).order_by("pk"):
            _find_master(key, masters)
        strange = DataKey.objects.filter(retired_at=None).exclude(master_id__in=masters).count()
    if strange:
        raise ImproperlyConfigured(
            f"VAULT_MASTER_KEY is not the key that sealed this vault ({strange} of its data keys were wrapped by another one). "
            "Nothing was changed. Set the right key; during a rotation set the old one as VAULT_MASTER_KEY_PREVIOUS as well."
        )


def _find_master(key: DataKey, masters: dict[str, bytes]) -> None:
    for name, master in masters.items():
        try:
            crypto.unseal(key=master, sealed=bytes(key.wrapped), identity=key.identity)
        except crypto.Unsealable:
            continue
        DataKey.objects.filter(pk=key.pk, master_id="").update(master_id=name)
        return
