"""The structured handover: begun, gone through phase by phase, taught, signed by the client's people, closed with a report."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from clients.models import Client
from clients.support.models import Ticket
from handover.choices import PHASES, ItemState, LettingState, PackageState, Phase, StepState
from handover.errors import Blocked
from handover.models import (
    Attendance,
    ChecklistItem,
    Download,
    Handover,
    LettingGo,
    LettingStep,
    Package,
    Question,
    Runbook,
    TeachingSession,
)
from handover.services import readiness, receiving
from portal.accounts.actor import Actor
from portal.accounts.models import Membership, User
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name

# Of each phase what has to be done, and how many days before the goal (after it where negative).
TEMPLATE: Mapping[Phase, Sequence[tuple[str, int]]] = {
    Phase.PREPARE: (
        ("Agree on the day, and on who takes over each system", 45),
        ("The owner chooses how credentials are encrypted", 40),
        ("Accounts of the client's own for everything that is ours today (domains, hosting, mail)", 35),
    ),
    Phase.DOCUMENT: (
        ("Every system has a current document, with our words beside it", 30),
        ("Every runbook is rehearsed", 28),
        ("Every credential was tried", 28),
        ("A walkthrough of each system", 25),
        ("A first package is made and opened by the client", 21),
    ),
    Phase.TEACH: (
        ("A session on each system", 18),
        ("The client's people run the runbooks while we watch", 14),
        ("The client restores a backup by themselves", 12),
        ("Every question is answered", 10),
    ),
    Phase.HAND_OVER: (
        ("The last package is fetched and checked with verify.py", 3),
        ("The client sets new passwords for everything that we knew", 1),
        ("Monitoring and backups run under the client's own accounts", 1),
        ("Our access is removed and proven gone", 0),
    ),
    Phase.STAND_BY: (("Questions come as tickets and are answered", -20), ("Nothing is open", -28)),
}


def begin(*, client: Client, goal_on: date, stand_by_days: int = 30, actor: Actor, now: datetime) -> Handover:
    """Begin a handover with its checklist from the template.

    Raises:
        PortalError: the day is past, or one is under way (constraint one_open_handover_per_client).
    """
    actor.require(Permission.APPROVE)
    if goal_on <= now.date():
        raise PortalError("Choose a day that is still to come.")
    if not 0 <= stand_by_days <= 365:
        raise PortalError("We stand by for at most a year.")
    try:
        with transaction.atomic():
            row = Handover.objects.create(
                client=client, begun_at=now, goal_on=goal_on, stand_by_days=stand_by_days, actor_label=actor.label
            )
            ChecklistItem.objects.bulk_create(
                [
                    ChecklistItem(
                        client=client,
                        handover=row,
                        phase=phase,
                        words=words,
                        due_on=max(now.date(), goal_on - timedelta(days=before)),
                        position=number,
                    )
                    for phase, items in TEMPLATE.items()
                    for number, (words, before) in enumerate(items)
                ]
            )
            audit.record(action="handover.begin", actor=actor, subject=row, client_id=client.pk, now=now, goal=goal_on.isoformat())
    except IntegrityError as error:
        if constraint_name(error) != "one_open_handover_per_client":
            raise
        raise PortalError("A handover of this client is under way.") from error
    return row


@transaction.atomic
def add_item(*, handover: Handover, phase: str, words: str, due_on: date, actor: Actor, now: datetime) -> ChecklistItem:
    """One more line of the checklist.

    Raises:
        PortalError: nothing said, or an unknown phase.
    """
    actor.require(Permission.OPERATE)
    if not words.strip() or phase not in TEMPLATE:
        raise PortalError("Say what has to be done, and in which phase.")
    place = ChecklistItem.objects.filter(handover=handover, phase=phase).count()
    return ChecklistItem.objects.create(
        client_id=handover.client_id, handover=handover, phase=phase, words=words.strip()[:300], due_on=due_on, position=place
    )


@transaction.atomic
def tick(*, item: ChecklistItem, state: str, note: str, owner: User | None, due_on: date, actor: Actor, now: datetime) -> None:
    """Say where a line stands, who sees to it, until when.

    Raises:
        PortalError: an unknown state, one left out without a word why, or an owner who is neither of us nor of this client.
    """
    actor.require(Permission.OPERATE)
    if state not in ItemState.values:
        raise PortalError("Choose where it stands.")
    if state == ItemState.DROPPED and not note.strip():
        raise PortalError("Say why it is left out.")
    if owner is not None and not owner.is_staff_member and not Membership.objects.filter(user=owner, client_id=item.client_id).exists():
        raise PortalError("There is no such person.")
    done = state != ItemState.OPEN
    ChecklistItem.objects.filter(pk=item.pk).update(
        state=state,
        note=note.strip()[:500],
        owner=owner,
        due_on=due_on,
        done_at=now if done else None,
        done_by=actor.label if done else "",
    )
    audit.record(action="handover.item", actor=actor, subject=item, client_id=item.client_id, now=now, state=state)


def advance(*, handover: Handover, actor: Actor, now: datetime) -> None:
    """On to the next phase, once nothing of this one is open.

    Raises:
        Blocked: something is open; or our access is not gone, before the end.
    """
    actor.require(Permission.APPROVE)
    phase = Phase(handover.phase)
    if phase == Phase.CLOSED:
        raise PortalError("This handover is closed.")
    open_items = ChecklistItem.objects.filter(handover=handover, phase=phase, state=ItemState.OPEN).count()
    if open_items:
        raise Blocked(f"{open_items} lines of this phase are open.", hint="Do them, or say why they are left out.")
    following = PHASES[PHASES.index(phase) + 1]
    if following == Phase.STAND_BY and not LettingGo.objects.filter(client=handover.client_id, state=LettingState.DONE).exists():
        raise Blocked("Our access is not gone yet.", hint="Let go of it first; the page shows what is left.")
    with transaction.atomic():
        columns: dict[str, Any] = {"phase": following}
        if following == Phase.CLOSED:
            columns |= {"closed_at": now, "report": report_of(handover, now=now)}
            receiving.forget(client=handover.client, now=now)
        if not Handover.objects.filter(pk=handover.pk, phase=phase).update(**columns):
            raise PortalError("Somebody moved it on already.")
        audit.record(
            action="handover.phase",
            actor=actor,
            subject=handover,
            client_id=handover.client_id,
            now=now,
            before={"phase": phase},
            after={"phase": following},
        )


@transaction.atomic
def hold_session(
    *,
    handover: Handover,
    title: str,
    agenda: str,
    held_at: datetime,
    people: Sequence[int],
    runbook: Runbook | None = None,
    actor: Actor,
    now: datetime,
) -> TeachingSession:
    """Write down a session with the client's people; with a runbook it is a shadowing: they run it, we watch.

    Args:
        people: ids of users of this client.

    Raises:
        PortalError: no title, nobody there, somebody who is not of this client, another client's runbook.
    """
    actor.require(Permission.OPERATE)
    members = set(Membership.objects.filter(client_id=handover.client_id, user__in=people).values_list("user_id", flat=True))
    if not title.strip():
        raise PortalError("Give the session a title.")
    if not people or members != set(people):
        raise PortalError("Choose who of the client's people is there.")
    if runbook is not None and runbook.client_id != handover.client_id:
        raise PortalError("There is no such runbook.")
    row = TeachingSession.objects.create(
        client_id=handover.client_id,
        handover=handover,
        title=title.strip()[:200],
        agenda=agenda[:10_000],
        held_at=held_at,
        runbook=runbook,
        actor_label=actor.label,
    )
    Attendance.objects.bulk_create([Attendance(client_id=row.client_id, session=row, user_id=user_id) for user_id in sorted(members)])
    audit.record(action="handover.session", actor=actor, subject=row, client_id=row.client_id, now=now)
    return row


@transaction.atomic
def note_session(*, session: TeachingSession, notes: str, actor: Actor, now: datetime) -> None:
    """Write down how it went."""
    actor.require(Permission.OPERATE)
    TeachingSession.objects.filter(pk=session.pk).update(notes=notes[:10_000])
    audit.record(action="handover.session_notes", actor=actor, subject=session, client_id=session.client_id, now=now)


@transaction.atomic
def sign(*, session: TeachingSession, actor: Actor, now: datetime) -> None:
    """The client's person signs that they were there and understood; theirs alone to do, and for good.

    Raises:
        PortalError: not theirs to sign, or signed already.
    """
    actor.require(Permission.SEE, session.client_id)
    if not Attendance.objects.filter(session=session, user_id=actor.user_id or 0, signed_at=None).update(signed_at=now):
        raise PortalError("There is nothing of yours to sign here.")
    audit.record(action="handover.sign", actor=actor, subject=session, client_id=session.client_id, now=now)


@transaction.atomic
def ask_question(*, session: TeachingSession, words: str, actor: Actor, now: datetime) -> Question:
    """A question of somebody at the client, or one that we were asked.

    Raises:
        PortalError: nothing asked.
    """
    actor.require(Permission.SEE, session.client_id)
    if not words.strip():
        raise PortalError("Write the question.")
    return Question.objects.create(
        client_id=session.client_id, session=session, words=words.strip()[:5000], asked_by=actor.label, asked_at=now
    )


@transaction.atomic
def answer(*, question: Question, words: str, actor: Actor, now: datetime) -> None:
    """Answer a question.

    Raises:
        PortalError: nothing said.
    """
    actor.require(Permission.OPERATE)
    if not words.strip():
        raise PortalError("Write the answer.")
    Question.objects.filter(pk=question.pk).update(answer=words.strip()[:5000], answered_by=actor.label, answered_at=now)
    audit.record(action="handover.answer", actor=actor, subject=question, client_id=question.client_id, now=now)


def report_of(handover: Handover, *, now: datetime) -> dict[str, Any]:
    """The final report's figures, as of now."""
    client = handover.client
    found = readiness.readiness_of(client, now=now)
    items = ChecklistItem.objects.filter(handover=handover)
    seats = Attendance.objects.filter(session__handover=handover)
    steps = LettingStep.objects.filter(client=client, letting__state=LettingState.DONE).select_related("system", "credential")
    unproven = [step for step in steps if step.state in {StepState.UNPROVEN, StepState.STATED}]
    return {
        "score": found.score,
        "parts": [[part.title, part.met, part.of] for part in found.parts],
        "items": {
            "done": items.filter(state=ItemState.DONE).count(),
            "dropped": [[one.words, one.note] for one in items.filter(state=ItemState.DROPPED)],
        },
        "sessions": TeachingSession.objects.filter(handover=handover).count(),
        "shadowed": TeachingSession.objects.filter(handover=handover).exclude(runbook=None).count(),
        "signed": seats.exclude(signed_at=None).count(),
        "unsigned": seats.filter(signed_at=None).count(),
        "questions_open": Question.objects.filter(session__handover=handover, answered_at=None).count(),
        "packages": Package.objects.filter(client=client, state__in=[PackageState.READY, PackageState.GONE])
        .exclude(ready_at=None)
        .count(),
        "downloads": Download.objects.filter(client=client).count(),
        "proven": steps.filter(state=StepState.PROVEN).count(),
        "unproven": [str(step.system or step.credential or "schedules") for step in unproven],
        "tickets": Ticket.objects.filter(client=client, created_at__gte=client.ended_at).count() if client.ended_at else 0,
        "at": now.isoformat(),
    }
