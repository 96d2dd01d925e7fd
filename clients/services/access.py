"""How anything reaches a system: the only place that turns a System into an SSH target.

Every outcome is noted on the system, a refused host key raises an alert, and no host is waited for inside a transaction.
"""

import contextlib
from collections.abc import Iterator, Sequence

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from clients.choices import Connection, KeyState
from clients.errors import NotReady
from clients.models import Client, HostKeyAlert, System, SystemHostKey
from clients.services.hostlog import HostLog
from portal.accounts.actor import Actor
from portal.ssh.errors import HostKeyMismatch, SSHError
from portal.ssh.pool import Shell, process_pool
from portal.ssh.target import HostKey, Target
from portal.vault.models import Credential, CredentialKind
from portal.vault.services import open_for_use


def target_of(system: System) -> Target:
    """The SSH target of a system, with its pinned keys and the client's private key.

    Raises:
        NotReady: no host key is confirmed, or the client has no key pair.
    """
    found = targets_of([system])[system.pk]
    if isinstance(found, NotReady):
        raise found
    return found


def targets_of(systems: Sequence[System]) -> dict[int, Target | NotReady]:
    """Targets of many systems by their ids, or why one has none. Each client's key is opened once."""
    pinned: dict[int, list[HostKey]] = {system.pk: [] for system in systems}
    rows = SystemHostKey.objects.filter(system__in=pinned, state=KeyState.PINNED).order_by("key_type")
    for system_id, key_type, key in rows.values_list("system_id", "key_type", "key"):
        pinned[system_id].append(HostKey(key_type, key))
    keys: dict[int, str | NotReady] = {}
    found: dict[int, Target | NotReady] = {}
    for system in systems:
        if system.client_id not in keys:
            keys[system.client_id] = _private_key(system.client_id)
        private_key = keys[system.client_id]
        if not pinned[system.pk]:
            found[system.pk] = NotReady(f"No host key of {system} is confirmed yet.", hint="Read its host keys and confirm one.")
        elif isinstance(private_key, NotReady):
            found[system.pk] = private_key
        else:
            found[system.pk] = Target(
                name=system.name, address=system.address, port=system.port, login=system.login,
                host_keys=tuple(pinned[system.pk]), private_key=private_key,
            )  # fmt: skip
    return found


def _private_key(client_id: int) -> str | NotReady:
    try:
        return open_for_use(client_ssh_key(client_id)).decode()
    except NotReady as error:
        return error


def client_ssh_key(client_id: int) -> Credential:
    """The client's SSH key pair, sealed.

    Raises:
        NotReady: the client has none (every client gets one when it is added).
    """
    found = Credential.objects.filter(client_id=client_id, kind=CredentialKind.SSH_KEY, system=None, archived_at=None).first()
    if found is None:
        raise NotReady("This client has no SSH key pair.")
    return found


@contextlib.contextmanager
def open_shell(system: System, *, actor: Actor, purpose: str) -> Iterator[Shell]:
    """A shell on the system. Whatever goes wrong with the connection is noted on the system, then raised.

    Every command goes into the audit trail: that there is one before the first is sent, what they were and how they ended
    when the shell closes.

    Args:
        actor, purpose: who does it, and what for, as the client reads it.

    Raises:
        NotReady, SSHError: and RuntimeError when called inside a transaction.
    """
    with transaction.atomic(durable=True):
        pass  # inside another transaction this raises: nobody holds locks while waiting for a host
    if Client.objects.filter(pk=system.client_id, ended_at__isnull=False).exists():
        raise NotReady("This client's retainer ended: the portal does not reach their systems any more.")
    log = HostLog(system=system, actor=actor, purpose=purpose)
    target = target_of(system)
    try:
        with process_pool().shell(target, observer=log) as shell:
            yield shell
    except HostKeyMismatch as error:
        raise_alert(system, error.offered)
        note_connection(system, Connection.HOST_KEY_MISMATCH, error.message)
        raise
    except SSHError as error:
        note_connection(system, Connection(error.code), error.message)
        raise
    finally:
        log.close()


def watch(target: Target) -> contextlib.AbstractContextManager[Shell]:
    """A shell for a look that comes every minute: its commands are not noted one by one, and nothing is written from here.

    Who looks notes once a day that, how often and with which script (monitoring), and raises an alert where a key is not pinned.
    """
    return process_pool().shell(target)


def note_connection(system: System, connection: Connection, message: str) -> None:
    """Keep how the system was last reached."""
    System.objects.filter(pk=system.pk).update(connection=connection, connection_message=message[:2000], connection_at=timezone.now())


def raise_alert(system: System, offered: HostKey) -> None:
    """Record that the system showed a key that is not pinned; the same key again only counts up."""
    now = timezone.now()
    open_alerts = HostKeyAlert.objects.filter(system=system, fingerprint=offered.fingerprint, resolved_at=None)
    if open_alerts.update(last_seen_at=now, times_seen=F("times_seen") + 1):
        return
    with contextlib.suppress(IntegrityError), transaction.atomic():  # another worker saw it in the same moment
        HostKeyAlert.objects.create(
            client_id=system.client_id, system=system, key_type=offered.key_type, key=offered.base64,
            fingerprint=offered.fingerprint, first_seen_at=now, last_seen_at=now,
        )  # fmt: skip
