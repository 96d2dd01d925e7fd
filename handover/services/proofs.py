"""Whether credentials work: tried over SSH where they are a login of a system, else somebody says that they tried."""

from datetime import datetime

from django.db import transaction

from backups.models import BackupJob
from clients.choices import KeyState
from clients.models import System, SystemHostKey
from handover.choices import Outcome, ProofHow
from handover.models import CredentialProof
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.queue import nudge
from portal.ssh import proving
from portal.ssh.proving import Login, Tried
from portal.ssh.target import HostKey, Target
from portal.vault import services as vault
from portal.vault.models import Credential, CredentialKind

ACTOR = Actor.portal("handover")


def can_be_tried(credential: Credential) -> bool:
    """Whether it is a login of a system that the portal can try from outside."""
    return bool(credential.system_id and credential.username and credential.kind in {CredentialKind.PASSWORD, CredentialKind.SSH_KEY})


def version_of(credential: Credential) -> int:
    """The number of the newest version."""
    return credential.versions.order_by("-number").values_list("number", flat=True).first() or 0


def newest_proof(credential: Credential) -> CredentialProof | None:
    """What the newest try of the version in use showed; None where it was never tried."""
    return CredentialProof.objects.filter(credential=credential, version=version_of(credential)).order_by("-at", "-pk").first()


def opened_a_backup(credential: Credential, job: BackupJob) -> bool:
    """Whether the job's proof was restored with the value that the credential has now."""
    stored = credential.versions.order_by("-number").values_list("created_at", flat=True).first()
    return job.proof is not None and stored is not None and job.proof.created_at > stored


@transaction.atomic
def ask(*, credential: Credential, actor: Actor, now: datetime) -> None:
    """Have a worker try it.

    Raises:
        PortalError: it is no login of a system.
    """
    actor.require(Permission.OPERATE)
    if not can_be_tried(credential):
        raise PortalError("This is no login of a system: try it, and say so.")
    audit.record(action="credential.try", actor=actor, subject=credential, client_id=credential.client_id, now=now)
    nudge("handover.try_credential", client_id=credential.client_id, credential_id=credential.pk)


def try_now(*, credential_id: int, now: datetime) -> None:
    """Worker: try it from outside and keep what came of it. Nothing is kept where nobody was reached."""
    credential = Credential.objects.select_related("system").get(pk=credential_id)
    if not can_be_tried(credential):
        return
    version = version_of(credential)
    tried = tried_with(credential, vault.open_for_use(credential).decode(errors="replace"))
    outcome = {Login.ACCEPTED: Outcome.WORKS, Login.UNKNOWN: Outcome.INCONCLUSIVE}.get(tried.login, Outcome.FAILS)
    CredentialProof.objects.create(
        client_id=credential.client_id,
        credential=credential,
        version=version,
        how=ProofHow.SSH,
        outcome=outcome,
        words=tried.words[:500],
        at=now,
        actor_label=ACTOR.label,
    )


def tried_with(credential: Credential, value: str) -> Tried:
    """Try a value of a credential on its system."""
    system = credential.system
    if system is None:
        return Tried(Login.UNKNOWN, "It is not of a system.")
    keys = pinned(system)
    if not keys:
        return Tried(Login.UNKNOWN, f"No host key of {system} is confirmed.")
    if credential.kind == CredentialKind.SSH_KEY:
        return proving.try_key(Target(system.name, system.address, system.port, credential.username, keys, value))
    return proving.try_password(address=system.address, port=system.port, host_keys=keys, username=credential.username, password=value)


def pinned(system: System) -> tuple[HostKey, ...]:
    """The confirmed host keys of a system."""
    rows = SystemHostKey.objects.filter(system=system, state=KeyState.PINNED).order_by("key_type")
    return tuple(HostKey(row.key_type, row.key) for row in rows)


@transaction.atomic
def state(*, credential: Credential, works: bool, words: str, actor: Actor, now: datetime) -> CredentialProof:
    """Say that somebody tried it, and what came of it.

    Raises:
        PortalError: without a word on how it was tried.
    """
    actor.require(Permission.OPERATE)
    if not words.strip():
        raise PortalError("Say how it was tried.")
    row = CredentialProof.objects.create(
        client_id=credential.client_id,
        credential=credential,
        version=version_of(credential),
        how=ProofHow.STATED,
        outcome=Outcome.WORKS if works else Outcome.FAILS,
        words=words.strip()[:500],
        at=now,
        actor_label=actor.label,
    )
    audit.record(action="credential.tried", actor=actor, subject=credential, client_id=credential.client_id, now=now, works=works)
    return row
