"""Escalation: while nobody is on a critical alert, one after the other is told, until somebody is. And who is on duty."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from monitoring.choices import AlertState, Event, Level
from monitoring.models import Alert, Channel, Duty, EscalationStep
from monitoring.services import channels
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

# After the last step it begins anew, and not sooner than this.
ROUND_AFTER = timedelta(minutes=30)
CHUNK = 1000


def begin(alerts: Sequence[Alert], *, now: datetime) -> None:
    """Of alerts that were told just now: when the first step is due. Only what is critical, and no drill."""
    first = EscalationStep.objects.order_by("number").first()
    if first is None:
        return
    wanted = [alert.pk for alert in alerts if alert.level == Level.CRITICAL and not alert.check_row.drill]
    Alert.objects.filter(pk__in=wanted, state=AlertState.OPEN).update(next_step_at=now + timedelta(minutes=first.after_min))


@transaction.atomic
def escalate(*, now: datetime) -> int:
    """Take the steps that are due; returns how many messages were written. Nobody on duty, or without a channel, is passed by."""
    steps = list(EscalationStep.objects.select_related("channel").order_by("number"))
    rows = Alert.objects.filter(state=AlertState.OPEN, next_step_at__lte=now, check_row__muted_until=None)
    rows |= Alert.objects.filter(state=AlertState.OPEN, next_step_at__lte=now, check_row__muted_until__lte=now)
    due = list(rows.select_for_update(skip_locked=True, of=("self",)).order_by("next_step_at", "pk")[:CHUNK]) if steps else []
    written = 0
    for alert in due:
        step, told = steps[alert.steps % len(steps)], alert.steps
        messages = [(alert, channel, Event.RAISED.value, told) for channel in _channels_of(step, now)]
        channels.write(messages, now=now)
        written += len(messages)
        alert.steps += 1
        following = steps[alert.steps % len(steps)]
        wait = timedelta(minutes=following.after_min)
        alert.next_step_at = now + (max(wait, ROUND_AFTER) if alert.steps % len(steps) == 0 else wait)
        alert.save(update_fields=["steps", "next_step_at"])
    return written


def _channels_of(step: EscalationStep, now: datetime) -> list[Channel]:
    if step.channel is not None:
        return [step.channel]
    person = on_duty(step.duty or 1, now=now)
    return channels_of(person) if person else []


def channels_of(person: User) -> list[Channel]:
    """A person's own channels."""
    return list(Channel.objects.filter(person=person, ended_at=None).order_by("pk"))


def on_duty(place: int, *, now: datetime) -> User | None:
    """Who is on duty now, first (1) or behind them (2); None: nobody."""
    shift = Duty.objects.filter(place=place, starts_at__lte=now, ends_at__gt=now, person__is_active=True).select_related("person")
    newest = shift.order_by("-created_at", "-pk").first()
    return newest.person if newest else None


@transaction.atomic
def set_steps(*, steps: Sequence[tuple[int, Channel | None, int | None]], actor: Actor, now: datetime) -> None:
    """Who is told, one after the other.

    Args:
        steps: minutes after the one before, and a channel or a place of duty (1 or 2).

    Raises:
        PortalError: a step that names nobody, or out of a day.
    """
    actor.require(Permission.OPERATE)
    if any((channel is None) == (duty is None) or not 1 <= minutes <= 1440 for minutes, channel, duty in steps):
        raise PortalError("Each step comes 1 to 1440 minutes after the one before, and tells one channel or whoever is on duty.")
    EscalationStep.objects.all().delete()
    EscalationStep.objects.bulk_create(
        [
            EscalationStep(number=number, after_min=minutes, channel=channel, duty=duty)
            for number, (minutes, channel, duty) in enumerate(steps, start=1)
        ]
    )
    told = [f"{minutes} min: {channel or ('on duty' if duty == 1 else 'behind them')}" for minutes, channel, duty in steps]
    audit.record(action="escalation.set", actor=actor, subject=None, client_id=None, now=now, steps=told)


@transaction.atomic
def plan_duty(
    *, people: Sequence[User], place: int, starts_at: datetime, shift: timedelta, shifts: int, actor: Actor, now: datetime
) -> list[Duty]:
    """Shifts in turn, one after the other without a gap. Where one is planned already the newer one counts.

    Raises:
        PortalError: nobody, somebody who is none of us, or more than a year.
    """
    actor.require(Permission.OPERATE)
    if not people or any(not person.is_staff_member or not person.is_active for person in people):
        raise PortalError("Choose people of ours who can sign in.")
    if shift < timedelta(hours=1) or not 1 <= shifts <= 400 or shift * shifts > timedelta(days=400):
        raise PortalError("Shifts last an hour at least, and are planned for 400 days at most.")
    made = [
        Duty(
            person=people[number % len(people)], place=place, starts_at=starts_at + number * shift,
            ends_at=starts_at + (number + 1) * shift, created_at=now, actor_label=actor.label,
        )
        for number in range(shifts)
    ]  # fmt: skip
    Duty.objects.bulk_create(made)
    audit.record(
        action="duty.plan", actor=actor, subject=None, client_id=None, now=now, people=[person.email for person in people],
        starts_at=starts_at.isoformat(), shifts=shifts,
    )  # fmt: skip
    return made


@transaction.atomic
def give(*, alert: Alert, person: User, actor: Actor, now: datetime) -> None:
    """Give an alert to somebody, who gets a message over their own channels.

    Raises:
        PortalError: it is closed, or the person is none of us.
    """
    actor.require(Permission.OPERATE)
    if not person.is_staff_member or not person.is_active:
        raise PortalError("Choose somebody of ours who can sign in.")
    if not Alert.objects.filter(pk=alert.pk).exclude(state=AlertState.CLOSED).update(given_to=person):
        raise PortalError("This alert is closed.")
    times = alert.deliveries.filter(event=Event.GIVEN).count()
    channels.write([(alert, channel, Event.GIVEN.value, times) for channel in channels_of(person)], now=now)
    audit.record(action="alert.give", actor=actor, subject=alert, client_id=alert.client_id, now=now, person=person.email)
