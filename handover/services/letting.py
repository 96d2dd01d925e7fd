"""Letting go: what we knew is changed by the client, our access is removed from each system, and each login is tried from outside.

A dry run first, which reads what of ours is there. It stops where somebody stops it, and goes on from what the rows say: what was sent
to a host is never taken for done because it was sent; what the host lets in from outside decides.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from clients.choices import Access
from clients.errors import NotReady
from clients.models import Client, System
from clients.services import access, ending
from handover.choices import LettingState, StepKind, StepState
from handover.errors import Blocked
from handover.models import Handover, LettingGo, LettingStep
from handover.services import proofs
from monitoring.models import Check, Heartbeat, Probe, Watch
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.queue import nudge
from portal.ssh import papers as host
from portal.ssh import proving
from portal.ssh.errors import AuthenticationFailed, CommandFailed, SSHError
from portal.ssh.proving import Login
from portal.vault import services as vault
from portal.vault.models import Credential, CredentialKind

logger = logging.getLogger(__name__)

ACTOR = Actor.portal("handover")
HELD = timedelta(minutes=5)
AGAIN = timedelta(minutes=10)
OPEN = (StepState.WAITING, StepState.RUNNING, StepState.GONE)


def plan(*, client: Client, actor: Actor, now: datetime) -> LettingGo:
    """Begin with a dry run: each step with what there is to do; systems are asked what of ours is there. Changes nothing.

    Raises:
        PortalError: one is under way (constraint one_open_letting_go_per_client).
    """
    actor.require(Permission.APPROVE)
    try:
        with transaction.atomic():
            LettingStep.objects.filter(letting__client=client, letting__state=LettingState.DRY).delete()
            LettingGo.objects.filter(client=client, state=LettingState.DRY).delete()
            row = LettingGo.objects.create(client=client, begun_at=now, asked_by_id=actor.user_id, actor_label=actor.label)
            _steps(row)
            audit.record(action="letting_go.plan", actor=actor, subject=row, client_id=client.pk, now=now)
            for step in LettingStep.objects.filter(letting=row, kind=StepKind.SYSTEM):
                nudge("handover.let_go_step", client_id=client.pk, step_id=step.pk)
    except IntegrityError as error:
        if constraint_name(error) != "one_open_letting_go_per_client":
            raise
        raise PortalError("Letting go of this client is under way already.") from error
    return row


def _steps(row: LettingGo) -> None:
    made = [
        LettingStep(
            client_id=row.client_id, letting=row, kind=StepKind.CREDENTIAL, credential=one, system=one.system, plan=[_to_change(one)]
        )
        for one in vault.theirs(row.client_id)
    ]
    systems = System.objects.filter(client=row.client).order_by("environment", "name", "pk")
    made += [LettingStep(client_id=row.client_id, letting=row, kind=StepKind.SYSTEM, system=one) for one in systems]
    made.append(LettingStep(client_id=row.client_id, letting=row, kind=StepKind.SCHEDULES, plan=_schedules(row.client)))
    LettingStep.objects.bulk_create(made)


def _to_change(credential: Credential) -> str:
    if credential.kind in {CredentialKind.LICENCE, CredentialKind.NOTE}:
        return "The client says whether it has to change; nobody can try it."
    if proofs.can_be_tried(credential):
        return "The client sets a new one; the one that we know is then tried and must be refused."
    return "The client sets a new one and says so; we can't try it."


def _schedules(client: Client) -> list[str]:
    counts = [
        (Watch.objects.filter(client=client, ended_at=None).count(), "systems that are looked at every minute"),
        (Check.objects.filter(client=client, ended_at=None).count(), "checks"),
        (Probe.objects.filter(client=client, ended_at=None).count(), "questions from outside"),
        (Heartbeat.objects.filter(client=client, ended_at=None).count(), "heartbeats"),
    ]
    return [f"{count} {words}" for count, words in counts if count]


def begin(*, letting: LettingGo, confirmation: str, actor: Actor, now: datetime) -> None:
    """Begin for real, after somebody read the dry run and typed the client's name; or go on where it was stopped.

    Raises:
        PortalError: another name was typed, or it is neither looked at nor stopped.
    """
    actor.require(Permission.APPROVE)
    if confirmation.strip() != letting.client.name:
        raise PortalError("Type the client's name as it is written, to be sure.")
    with transaction.atomic():
        waiting = LettingGo.objects.filter(pk=letting.pk, state__in=[LettingState.DRY, LettingState.STOPPED])
        if not waiting.update(state=LettingState.RUNNING, stopped_why=""):
            raise PortalError("It is under way, or done.")
        LettingStep.objects.filter(letting=letting, state=StepState.RUNNING).update(state=StepState.WAITING, claimed_until=None)
        audit.record(action="letting_go.begin", actor=actor, subject=letting, client_id=letting.client_id, now=now)
        _nudge_open(letting)


def stop(*, letting: LettingGo, why: str, actor: Actor, now: datetime) -> None:
    """Stop: nothing more is sent. What is gone is gone.

    Raises:
        PortalError: no reason, or it is not under way.
    """
    actor.require(Permission.APPROVE)
    if not why.strip():
        raise PortalError("Say why: the reason is kept.")
    with transaction.atomic():
        if not LettingGo.objects.filter(pk=letting.pk, state=LettingState.RUNNING).update(
            state=LettingState.STOPPED, stopped_why=why.strip()[:500]
        ):
            raise PortalError("It is not under way.")
        audit.record(action="letting_go.stop", actor=actor, subject=letting, client_id=letting.client_id, now=now, why=why.strip())


def changed(*, step: LettingStep, actor: Actor, now: datetime) -> None:
    """The client's owner says that they set a new one. Where the old one can be tried, a worker tries it.

    Raises:
        NotAllowed: not the client's owner.
        PortalError: it is not a credential, or letting go is not under way.
    """
    actor.require(Permission.RECEIVE_HANDOVER, step.client_id)
    if step.kind != StepKind.CREDENTIAL or step.credential is None or step.letting.state != LettingState.RUNNING:
        raise PortalError("There is nothing to say here now.")
    can = proofs.can_be_tried(step.credential)
    state = StepState.GONE if can else StepState.STATED
    with transaction.atomic():
        rows = LettingStep.objects.filter(pk=step.pk).exclude(state__in=[StepState.PROVEN, StepState.RUNNING])
        if not rows.update(state=state, changed_by=actor.label, changed_at=now, claimed_until=None):
            raise PortalError("It is proven already, or being tried.")
        audit.record(action="letting_go.changed", actor=actor, subject=step.credential, client_id=step.client_id, now=now)
        _nudge_open(step.letting)


def leave_unproven(*, step: LettingStep, why: str, actor: Actor, now: datetime) -> None:
    """Go on without a proof; it is listed as not proven, with the reason.

    Raises:
        PortalError: no reason, or it is proven, or under way.
    """
    actor.require(Permission.APPROVE)
    if not why.strip():
        raise PortalError("Say why: it is listed with the reason.")
    with transaction.atomic():
        rows = LettingStep.objects.filter(
            pk=step.pk, letting__state=LettingState.RUNNING, state__in=[StepState.WAITING, StepState.GONE]
        )
        evidence = [*step.evidence, f"Not proven: {why.strip()[:400]} ({actor.label})"]
        if not rows.update(state=StepState.UNPROVEN, evidence=evidence):
            raise PortalError("It is proven already, or under way.")
        audit.record(
            action="letting_go.unproven",
            actor=actor,
            subject=step.letting,
            client_id=step.client_id,
            now=now,
            step=str(step),
            why=why.strip(),
        )
        _nudge_open(step.letting)


def finish(*, letting: LettingGo, actor: Actor, now: datetime) -> None:
    """End the retainer in the portal, once nothing is open: no schedule runs, nothing connects, nothing is revealed; our key goes.

    Raises:
        Blocked: something is open.
    """
    actor.require(Permission.APPROVE)
    rows = LettingStep.objects.filter(letting=letting)
    left = rows.filter(state__in=OPEN).exclude(kind=StepKind.SCHEDULES).count()
    if letting.state != LettingState.RUNNING or left:
        raise Blocked(
            f"{left} steps are open." if left else "It is not under way.", hint="Each is proven, or left unproven with a reason."
        )
    client = letting.client
    if client.ended_at is None:
        ending.end_client(client=client, reason="handover", actor=actor, now=now, stand_by_until=_stand_by_until(client, now=now))
    with transaction.atomic():
        vault.retire_own_key(client_id=client.pk, actor=actor, now=now)
        rows.filter(kind=StepKind.SCHEDULES).update(
            state=StepState.PROVEN,
            proven_at=now,
            evidence=[
                "The client's retainer is ended: no look, check, scan, test or run of theirs begins any more (the database refuses it)."
            ],
        )
        LettingGo.objects.filter(pk=letting.pk, state=LettingState.RUNNING).update(state=LettingState.DONE, finished_at=now)
        audit.record(
            action="letting_go.done",
            actor=actor,
            subject=letting,
            client_id=client.pk,
            now=now,
            unproven=rows.filter(state=StepState.UNPROVEN).count(),
        )


def _stand_by_until(client: Client, *, now: datetime) -> datetime | None:
    """Until when their people may still ask us; nothing was agreed where no handover is under way."""
    days = Handover.objects.filter(client=client, closed_at=None).values_list("stand_by_days", flat=True).first()
    return now + timedelta(days=days) if days else None


def execute(*, step_id: int, now: datetime) -> None:
    """Worker: take one step as far as it goes; another worker that has it is left to it."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    if not LettingStep.objects.filter(free, pk=step_id, state__in=OPEN).update(claimed_until=now + HELD):
        return
    step = LettingStep.objects.select_related("letting__client", "system__client", "credential__system").get(pk=step_id)
    try:
        if step.letting.state == LettingState.DRY:
            _look(step)
        elif step.letting.state == LettingState.RUNNING and step.kind == StepKind.CREDENTIAL:
            _prove_credential(step)
        elif step.letting.state == LettingState.RUNNING and step.kind == StepKind.SYSTEM and not _credentials_open(step.letting):
            _leave(step)
    finally:
        # come back soon to what is neither proven nor waits for a person
        LettingStep.objects.filter(pk=step.pk).update(claimed_until=_utc() + AGAIN if _waits(step.pk) else None)


def _waits(step_id: int) -> bool:
    return LettingStep.objects.filter(pk=step_id, state__in=[StepState.RUNNING, StepState.GONE]).exists()


def sweep(*, now: datetime) -> int:
    """Nudge the steps of what is under way; returns how many."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    rows = LettingStep.objects.filter(free, letting__state=LettingState.RUNNING, state__in=OPEN).exclude(kind=StepKind.SCHEDULES)
    rows = rows.exclude(kind=StepKind.CREDENTIAL, state=StepState.WAITING)
    found = list(rows.values_list("pk", "client_id")[:200])
    for pk, client_id in found:
        nudge("handover.let_go_step", client_id=client_id, step_id=pk)
    return len(found)


def _nudge_open(letting: LettingGo) -> None:
    for pk in LettingStep.objects.filter(letting=letting, state__in=OPEN).exclude(kind=StepKind.SCHEDULES).values_list("pk", flat=True):
        nudge("handover.let_go_step", client_id=letting.client_id, step_id=pk)


def _credentials_open(letting: LettingGo) -> bool:
    """Whether a credential is not changed yet: our access stays until then, for the day that something goes wrong with it."""
    return LettingStep.objects.filter(letting=letting, kind=StepKind.CREDENTIAL, state__in=OPEN).exists()


def _look(step: LettingStep) -> None:
    """The dry run of a system: what of ours is there."""
    if step.kind != StepKind.SYSTEM or step.system is None:
        return
    try:
        with access.open_shell(step.system, actor=ACTOR, purpose="see what of ours would be removed") as shell:
            said = [line.replace("\t", ": ") for line in host.what_is_ours(shell).splitlines() if line and line != "end"]
    except (SSHError, NotReady) as error:
        said = [f"It could not be asked: {error}"]
    LettingStep.objects.filter(pk=step.pk, letting__state=LettingState.DRY).update(plan=said)


def _prove_credential(step: LettingStep) -> None:
    """Try the value that we know, from outside: it must be refused."""
    if step.credential is None or step.state != StepState.GONE or not proofs.can_be_tried(step.credential):
        return
    tried = proofs.tried_with(step.credential, vault.open_for_use(step.credential).decode(errors="replace"))
    now = _utc()
    evidence = [*step.evidence, f"{now:%Y-%m-%d %H:%M} UTC: {tried.words}"][-20:]
    rows = LettingStep.objects.filter(pk=step.pk, state=StepState.GONE)
    if tried.login in {Login.REFUSED, Login.NOT_TAKEN}:
        rows.update(state=StepState.PROVEN, evidence=evidence, proven_at=now)
        _nudge_open(step.letting)
    elif tried.login is Login.ACCEPTED:
        rows.update(state=StepState.WAITING, evidence=[*evidence, "The one that we know still gets in: it was not changed."])
    else:
        rows.update(evidence=evidence)


def _leave(step: LettingStep) -> None:
    """Remove what is ours from a system, then try to get in."""
    system = step.system
    if system is None:
        return
    if step.sent_at is None or step.state == StepState.WAITING:
        LettingStep.objects.filter(pk=step.pk).update(state=StepState.RUNNING, sent_at=_utc())
        if system.access == Access.MANAGE:
            _send(step, system)
        else:
            by_hand = f"We are not root there: an administrator removes our user (userdel -r {system.login}); then it is tried."
            LettingStep.objects.filter(pk=step.pk).update(evidence=[*step.evidence, by_hand][-60:])
    _prove_system(step, system)


def _send(step: LettingStep, system: System) -> None:
    try:
        with access.open_shell(system, actor=ACTOR, purpose="remove our access") as shell:
            try:
                said = host.leave(shell, public_key=" ".join(access.client_ssh_key(system.client_id).public_part.split()[:2]))
            finally:
                shell.drop()
        lines = [line.replace("\t", ": ") for line in said.splitlines() if line and line != "end"]
        if not said.rstrip().endswith("end"):
            lines.append("The host's answer was cut off.")
    except AuthenticationFailed as error:
        lines = [f"Nothing was sent: {error.message}"]
    except CommandFailed as error:
        lines = [f"The host did not remove it: {error.message}"]
    except (SSHError, NotReady) as error:
        lines = [f"It is not known how far it went: {error}"]
    step.refresh_from_db(fields=["evidence"])
    step.evidence = [*step.evidence, *lines][-60:]
    LettingStep.objects.filter(pk=step.pk).update(evidence=step.evidence)


def _prove_system(step: LettingStep, system: System) -> None:
    """From outside: the key that let us in must be refused. What the host said it left is not proven."""
    try:
        tried = proving.try_key(access.target_of(system))
    except NotReady as error:
        tried = proving.Tried(Login.UNKNOWN, str(error))
    now = _utc()
    step.refresh_from_db(fields=["evidence"])
    evidence = [*step.evidence, f"{now:%Y-%m-%d %H:%M} UTC, from outside: {tried.words}"][-60:]
    rows = LettingStep.objects.filter(pk=step.pk)
    left = [line for line in evidence if line.startswith("left: ")]
    if tried.login in {Login.REFUSED, Login.NOT_TAKEN} and not left:
        rows.update(state=StepState.PROVEN, evidence=evidence, proven_at=now)
    elif tried.login in {Login.REFUSED, Login.NOT_TAKEN}:
        rows.update(
            state=StepState.UNPROVEN,
            evidence=[*evidence, "We do not get in any more, but the host said that something of ours is left."],
        )
    elif tried.login is Login.ACCEPTED:
        rows.update(state=StepState.WAITING, evidence=[*evidence, "It still lets us in."])
    else:
        rows.update(state=StepState.GONE, evidence=evidence)


def _utc() -> datetime:
    return datetime.now(UTC)
