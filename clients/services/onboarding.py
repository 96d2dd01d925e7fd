"""From an address to a trusted connection: read host keys, confirm them, set up the host, test.

What waits for a host is asked for with a row (`asked_work`) and done by a worker; pages only ask.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string

from clients.choices import Access, Connection, Environment, HostWork, KeyState, Resolution
from clients.errors import NoSuchKey, NotReady
from clients.models import HostKeyAlert, System, SystemHostKey
from clients.services.access import client_ssh_key, note_connection, open_shell
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.queue import nudge
from portal.ssh import programs
from portal.ssh.connection import read_host_keys as ask_host_keys
from portal.ssh.connection import sudo_refused
from portal.ssh.errors import SSHError
from portal.ssh.keys import parse_public_keys
from portal.ssh.pool import Shell
from portal.ssh.target import HostKey

TASKS = {HostWork.READ_HOST_KEYS: "clients.read_host_keys", HostWork.TEST_CONNECTION: "clients.test_connection"}


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that a connection test tried."""

    what: str
    ok: bool
    message: str


@transaction.atomic
def ask(*, system: System, work: HostWork, actor: Actor, now: datetime) -> None:
    """Ask a worker to read the system's host keys or to test its connection. Asking twice is asking once."""
    actor.require(Permission.OPERATE)
    System.objects.filter(pk=system.pk).update(asked_work=work, asked_at=now, claimed_until=None)
    audit.record(action=f"system.{work}", actor=actor, subject=system, client_id=system.client_id, now=now)
    nudge(TASKS[work], client_id=system.client_id, system_id=system.pk)


def claim(*, system_id: int, work: HostWork, now: datetime) -> System | None:
    """Take the asked work of a system; None when it is done, or another worker has it and is alive."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    lease = now + timedelta(seconds=settings.CLAIM_LEASE_S)
    taken = System.objects.filter(free, pk=system_id, asked_work=work).update(claimed_until=lease)
    return System.objects.get(pk=system_id) if taken else None


def left_behind(*, now: datetime) -> list[tuple[str, System]]:
    """Work whose nudge or worker was lost, as task name and system: the sweeper nudges it again."""
    old = now - timedelta(seconds=10)
    rows = System.objects.exclude(asked_work="").filter(Q(claimed_until=None, asked_at__lt=old) | Q(claimed_until__lt=now))
    return [(TASKS[HostWork(system.asked_work)], system) for system in rows.order_by("asked_at", "pk")[:500]]


def read_host_keys(*, system_id: int, now: datetime) -> None:
    """Worker: ask the host for its public keys and keep them as seen. Trusts nothing."""
    system = claim(system_id=system_id, work=HostWork.READ_HOST_KEYS, now=now)
    if system is None:
        return
    try:
        shown = ask_host_keys(system.address, system.port)
    except SSHError as error:
        note_connection(system, Connection(error.code), error.message)
    else:
        for key in shown.keys:
            _remember(system, key, now=now)
        if not system.host_keys.filter(state=KeyState.PINNED).exists():
            note_connection(system, Connection.HOST_KEY_MISMATCH, "The host answers. Confirm its host key to go on.")
    _done(system, HostWork.READ_HOST_KEYS)


@transaction.atomic
def confirm_host_key(*, system: System, fingerprint: str, actor: Actor, now: datetime) -> SystemHostKey:
    """Pin a key that the host showed, after a person compared its fingerprint.

    Raises:
        NoSuchKey: the host never showed a key of this fingerprint.
    """
    actor.require(Permission.OPERATE)
    key = system.host_keys.select_for_update().filter(fingerprint=fingerprint.strip()).first()
    if key is None:
        raise NoSuchKey(
            "The host showed no key with this fingerprint.",
            hint="Compare again: another host may be answering at this address. Nothing was confirmed.",
        )
    _pin(system, key, actor=actor, now=now)
    return key


@transaction.atomic
def paste_host_keys(*, system: System, text: str, actor: Actor, now: datetime) -> list[SystemHostKey]:
    """Pin keys known from elsewhere (`ssh-keyscan`, known_hosts or .pub lines), whatever the host shows.

    Raises:
        PortalError: a line holds no key, or there is none.
    """
    actor.require(Permission.OPERATE)
    try:
        keys = parse_public_keys(text)
    except ValueError as error:
        raise PortalError(str(error), hint="Paste lines like those of /etc/ssh/ssh_host_ed25519_key.pub.") from error
    if not keys:
        raise PortalError("There is no key in what you pasted.")
    rows = [_remember(system, key, now=now) for key in keys]
    for row in rows:
        _pin(system, row, actor=actor, now=now)
    return rows


@transaction.atomic
def resolve_alert(*, alert: HostKeyAlert, resolution: str, reason: str, actor: Actor, now: datetime) -> None:
    """Say what a refused key was: the host's new one (it gets pinned), or not ours.

    Raises:
        PortalError: no reason given, or resolved already.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why: the reason is kept with the decision.")
    resolved = HostKeyAlert.objects.filter(pk=alert.pk, resolved_at=None).update(
        resolution=Resolution(resolution), resolved_at=now, resolved_by_id=actor.user_id, reason=reason.strip()
    )
    if not resolved:
        raise PortalError("Somebody resolved this already.")
    if resolution == Resolution.ACCEPTED:
        row = _remember(alert.system, HostKey(alert.key_type, alert.key), now=now)
        _pin(alert.system, row, actor=actor, now=now)
    audit.record(
        action="host_key_alert.resolve", actor=actor, subject=alert, client_id=alert.client_id, now=now,
        resolution=resolution, fingerprint=alert.fingerprint, reason=reason,
    )  # fmt: skip


def setup_script(system: System) -> str:
    """The script that an administrator runs once as root on the host. Readable, and safe to run again.

    Raises:
        NotReady: the client has no key pair.
    """
    return render_to_string(
        "clients/setup.sh",
        {
            "login": system.login,
            "public_key": client_ssh_key(system.client_id).public_part,
            "programs": [{"path": path, "source": programs.source(path)} for path in programs.ALL],
            "helper": programs.HELPER,
            "manage": system.access == Access.MANAGE,
            "runbooks": system.rehearsals if system.environment == Environment.STAGING else [],
        },
    )


def test_connection(*, system_id: int, now: datetime) -> None:
    """Worker: prove network and key, shell, sudo and package manager one by one; stop at the first that fails."""
    system = claim(system_id=system_id, work=HostWork.TEST_CONNECTION, now=now)
    if system is None:
        return
    proofs: list[Proof] = []
    try:
        with open_shell(system, actor=Actor.portal("connection test"), purpose="connection test") as shell:
            connection = _prove(system, shell, proofs)
        note_connection(system, connection, "" if connection == Connection.OK else proofs[-1].message)
    except SSHError as error:
        names = {"unreachable": "Network", "host_key_mismatch": "Host key", "auth_failed": "Key"}
        proofs.append(Proof(names.get(error.code, "Connection"), ok=False, message=error.message))
    except NotReady as error:
        proofs.append(Proof("Host key", ok=False, message=str(error)))
        note_connection(system, Connection.HOST_KEY_MISMATCH, str(error))
    System.objects.filter(pk=system.pk).update(connection_proofs=[asdict(proof) for proof in proofs])
    _done(system, HostWork.TEST_CONNECTION)


def _prove(system: System, shell: Shell, proofs: list[Proof]) -> Connection:
    """Fill `proofs` and return what the whole amounts to."""
    who = shell.check("id -un")
    proofs.append(Proof("Network and host key", ok=True, message="The host shows the confirmed key."))
    proofs.append(Proof("Key", ok=True, message=f"Signed in as {who.stdout.strip()}."))
    if system.access == Access.MANAGE:
        connection, proof = _prove_sudo(shell)
        proofs.append(proof)
        if connection != Connection.OK:
            return connection
    found = shell.run("for tool in apt-get dnf zypper apk; do command -v $tool && exit 0; done; exit 1")
    if found.exit_status != 0:
        proofs.append(Proof("Package manager", ok=False, message="None of apt, dnf, zypper and apk is on this host."))
        return Connection.NO_PACKAGE_MANAGER
    proofs.append(Proof("Package manager", ok=True, message=f"{found.stdout.strip()} is there."))
    return Connection.OK


def _prove_sudo(shell: Shell) -> tuple[Connection, Proof]:
    for program in programs.ALL:
        installed = shell.run(f"sha256sum {program}")
        if installed.exit_status != 0:
            return Connection.HELPER_MISSING, Proof("sudo", ok=False, message=f"{program} is not there: run the set-up script.")
        if installed.stdout.split()[0] != programs.sha256(program):
            return Connection.HELPER_MISSING, Proof(
                "sudo", ok=False, message=f"{program} is not the one of this portal: run the set-up script again."
            )
    answer = shell.run(f"sudo -n {programs.HELPER} version")
    if answer.exit_status != 0:
        refused = sudo_refused(answer.stderr) or "sudo" in answer.stderr
        connection = Connection.SUDO_REFUSED if refused else Connection.COMMAND_FAILED
        return connection, Proof("sudo", ok=False, message=f"sudo refused: {answer.stderr.strip()[-300:]}")
    return Connection.OK, Proof("sudo", ok=True, message=f"{programs.HELPER} runs as root without a password.")


def _remember(system: System, key: HostKey, *, now: datetime) -> SystemHostKey:
    row, _ = SystemHostKey.objects.get_or_create(
        system=system, fingerprint=key.fingerprint,
        defaults={"client_id": system.client_id, "key_type": key.key_type, "key": key.base64, "seen_at": now},
    )  # fmt: skip
    return row


def _pin(system: System, key: SystemHostKey, *, actor: Actor, now: datetime) -> None:
    """Pin a key; the pinned one of the same type retires."""
    same_type = SystemHostKey.objects.filter(system=system, key_type=key.key_type, state=KeyState.PINNED)
    same_type.exclude(pk=key.pk).update(state=KeyState.RETIRED)
    SystemHostKey.objects.filter(pk=key.pk).update(state=KeyState.PINNED, pinned_at=now, pinned_by_id=actor.user_id)
    audit.record(
        action="host_key.pin", actor=actor, subject=system, client_id=system.client_id, now=now,
        key_type=key.key_type, fingerprint=key.fingerprint,
    )  # fmt: skip


def _done(system: System, work: HostWork) -> None:
    System.objects.filter(pk=system.pk, asked_work=work).update(asked_work="", asked_at=None, claimed_until=None)


def sweep(*, now: datetime) -> int:
    """Nudge what was left behind; returns how much."""
    rows = left_behind(now=now)
    for task, system in rows:
        nudge(task, client_id=system.client_id, system_id=system.pk)
    return len(rows)
