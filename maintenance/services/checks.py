"""Verification checks: defined by operators, asked before and after each change (services/evidence.py)."""

from datetime import datetime

from django.db import transaction

from clients.models import Client, System
from maintenance.choices import CheckKind
from maintenance.models import VerificationCheck
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError


def add(
    *, client: Client, name: str, kind: str, question: str, expected: int, contains: str = "", timeout_s: int = 20,
    system: System | None = None, role: str = "", actor: Actor, now: datetime,
) -> VerificationCheck:  # fmt: skip
    """Define a check for a system, or for every system of the client with a role.

    Raises:
        PortalError: neither or both named, a question that is no address where it must be one, a name that is taken.
    """
    actor.require(Permission.OPERATE)
    if (system is None) == (not role):
        raise PortalError("Choose a system or a role.", hint="One of the two, not both.")
    if kind == CheckKind.HTTP and not question.startswith(("http://", "https://")):
        raise PortalError("An HTTP check asks an address that begins with http:// or https://.")
    if VerificationCheck.objects.filter(client=client, name=name.strip(), ended_at=None).exists():
        raise PortalError(f"There is a check named “{name.strip()}” already.", hint="Results are told apart by the name.")
    with transaction.atomic():
        row = VerificationCheck.objects.create(
            client=client, system=system, role=role, name=name.strip(), kind=kind, question=question.strip(), expected=expected,
            contains=contains, timeout_s=timeout_s, created_at=now, actor_label=actor.label,
        )  # fmt: skip
        audit.record(
            action="verification_check.add", actor=actor, subject=row, client_id=client.pk, now=now, kind=kind,
            question=question.strip(), expected=expected, contains=contains, system=system.name if system else "", role=role,
        )  # fmt: skip
    return row


def end(*, check: VerificationCheck, actor: Actor, now: datetime) -> None:
    """Ask a check no more; what it answered stays with the runs."""
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        if VerificationCheck.objects.filter(pk=check.pk, ended_at=None).update(ended_at=now):
            audit.record(action="verification_check.end", actor=actor, subject=check, client_id=check.client_id, now=now)
