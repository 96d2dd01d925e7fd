"""How a client receives credentials: a passphrase that their owner chooses where staff never see it, or their own public key."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from clients.models import Client
from handover.choices import PROTECTED, Form, KeyKind
from handover.models import ReceivingKey
from handover.services.formats import ages
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.vault import services as vault

SHORTEST = 14


def current(client_id: int) -> ReceivingKey | None:
    """What the client's credentials are encrypted to now."""
    return ReceivingKey.objects.filter(client_id=client_id, ended_at=None).first()


def choose_passphrase(
    *, client: Client, passphrase: str, again: str, forms: Sequence[str], actor: Actor, now: datetime
) -> ReceivingKey:
    """Choose a passphrase. It is sealed at once, stands in no log and on no page again, and is needed to open what comes.

    Raises:
        PortalError: shorter than 14 signs, too simple, not the same twice, or no form that it protects.
        NotAllowed: not the client's owner.
    """
    actor.require(Permission.RECEIVE_HANDOVER, client.pk)
    if passphrase != again:
        raise PortalError("The two passphrases are not the same.")
    if len(passphrase) < SHORTEST:
        raise PortalError(
            f"A passphrase has at least {SHORTEST} signs.", hint="Five words that have nothing to do with each other are easy to keep."
        )
    if len(set(passphrase)) < 8:
        raise PortalError("This passphrase is too simple.")
    chosen = [Form(form) for form in forms if form in PROTECTED]
    if not chosen:
        raise PortalError("Choose at least one form.")
    sealed = vault.seal_for_portal(f"{client.pk}:{passphrase}")
    return _set(client, actor=actor, now=now, kind=KeyKind.PASSPHRASE, forms=chosen, sealed=sealed)


def choose_key(*, client: Client, public: str, actor: Actor, now: datetime) -> ReceivingKey:
    """Choose a public key of one's own, of age or SSH.

    Raises:
        PortalError: it is no such key, or a private one.
    """
    actor.require(Permission.RECEIVE_HANDOVER, client.pk)
    if "PRIVATE" in public or public.strip().startswith("AGE-SECRET"):
        raise PortalError("This is a private key. Nothing was kept; make a new one, and paste its public part.")
    ages.recipient(public)
    kind = KeyKind.AGE if public.strip().startswith("age1") else KeyKind.SSH
    return _set(
        client, actor=actor, now=now, kind=kind, forms=list(Form), public=public.strip(), fingerprint=ages.fingerprint(public)[:100]
    )


@transaction.atomic
def _set(client: Client, *, actor: Actor, now: datetime, **columns: object) -> ReceivingKey:
    Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    forget(client=client, now=now)
    row: ReceivingKey = ReceivingKey.objects.create(client=client, set_by_id=actor.user_id or 0, set_at=now, **columns)
    audit.record(
        action="handover.receiving_key",
        actor=actor,
        subject=client,
        client_id=client.pk,
        now=now,
        kind=row.kind,
        fingerprint=row.fingerprint,
    )
    return row


def forget(*, client: Client, now: datetime) -> None:
    """Erase what is chosen now."""
    ReceivingKey.objects.filter(client=client, ended_at=None).update(ended_at=now, sealed="")


def open_passphrase(key: ReceivingKey) -> str:
    """The passphrase, for the worker that makes a package; never for a page.

    Raises:
        PortalError: it is not this client's.
    """
    owner, _, passphrase = vault.unseal_for_portal(key.sealed).partition(":")
    if owner != str(key.client_id):
        raise PortalError("This passphrase is not this client's.")
    return passphrase
