"""Hours of the retainer: noted, taken back by a reversal, closed in a statement each month. Nothing is billed twice.

Hours are Decimal; a month's included hours are used first, then what earlier months left over (the oldest first), then it is overage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum

from clients.models import Client
from clients.support.choices import HOUR, ROUNDED_TO_MIN, Work
from clients.support.models import Plan, Statement, Ticket, TimeEntry, Timer
from portal.accounts.actor import Actor
from portal.accounts.models import User
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name

NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Account:
    """A client's month: what it includes, what is carried into it, what was spent.

    Args:
        carried: by month, the oldest first.
        left: what is still there afterwards, by month, without what is too old by then.
    """

    month: date
    plan: Plan | None
    included: Decimal
    carried: list[tuple[date, Decimal]]
    spent: Decimal
    over: Decimal
    left: list[tuple[date, Decimal]]

    @property
    def carried_h(self) -> Decimal:
        """All that is carried into it."""
        return sum((hours for _, hours in self.carried), NOTHING)

    @property
    def free_h(self) -> Decimal:
        """What can still be spent without paying for it."""
        return max(NOTHING, self.included + self.carried_h - self.spent)

    @property
    def amount(self) -> Decimal:
        """What the hours beyond cost."""
        return (self.over * self.plan.rate).quantize(Decimal("0.01")) if self.plan else NOTHING


def note(
    *, client: Client, work: str, words: str, hours: Decimal, spent_on: date, ticket: Ticket | None, person: User | None, actor: Actor,
    now: datetime,
) -> TimeEntry:  # fmt: skip
    """Note hours that somebody spent.

    Raises:
        PortalError: no hours or more than a day's, nothing said, a day in a month that is closed or in the future.
    """
    actor.require(Permission.OPERATE)
    if not 0 < hours <= 24:
        raise PortalError("Hours are more than none, and no more than 24.")
    if not words.strip():
        raise PortalError("Say what it was: the client reads it.")
    if work not in Work.values:
        raise PortalError("There is no such kind of work.")
    if ticket is not None and ticket.client_id != client.pk:
        raise PortalError("This ticket is another client's.")
    if spent_on > now.date() + timedelta(days=1):
        raise PortalError("This day is still to come.")
    _open(client, spent_on)
    with transaction.atomic():
        entry = TimeEntry.objects.create(
            client=client,
            work=work,
            words=words.strip()[:300],
            hours=hours.quantize(Decimal("0.01")),
            spent_on=spent_on,
            ticket=ticket,
            person=person,
            person_name=person.name if person else actor.label,
            created_at=now,
        )
        audit.record(action="hours.note", actor=actor, subject=entry, client_id=client.pk, now=now, hours=str(entry.hours))
    return entry


def reverse(*, entry: TimeEntry, why: str, actor: Actor, now: datetime) -> TimeEntry:
    """Take hours back. If they are billed already the next statement gives them back; else they are not billed at all.

    Raises:
        PortalError: taken back already, a reversal itself, or no reason.
    """
    actor.require(Permission.OPERATE)
    if entry.reverses_id is not None:
        raise PortalError("A reversal is not taken back: note the hours anew.")
    if not why.strip():
        raise PortalError("Say why: the client reads it.")
    try:
        with transaction.atomic():
            entry = TimeEntry.objects.select_for_update().get(pk=entry.pk)  # it may have been billed meanwhile
            back = TimeEntry.objects.create(
                client_id=entry.client_id, work=entry.work, words=f"{why.strip()} (back: {entry.words})"[:300], hours=-entry.hours,
                # into the month that is open: a closed one stays as it was said
                spent_on=entry.spent_on if entry.statement_id is None else now.date(), ticket=entry.ticket, person_id=actor.user_id,
                person_name=actor.label, created_at=now, reverses=entry,
            )  # fmt: skip
            audit.record(action="hours.reverse", actor=actor, subject=back, client_id=entry.client_id, now=now, of=entry.pk)
    except IntegrityError as error:
        raise PortalError("These hours were taken back already.") from error
    return back


def start_timer(*, ticket: Ticket, person: User, actor: Actor, now: datetime) -> Timer:
    """Start one's clock on a ticket.

    Raises:
        PortalError: it runs on another ticket.
    """
    actor.require(Permission.OPERATE)
    timer, _ = Timer.objects.get_or_create(user=person, defaults={"ticket": ticket, "client_id": ticket.client_id, "began_at": now})
    if timer.ticket_id != ticket.pk:
        raise PortalError(f"Your clock runs on #{timer.ticket_id}.", hint="Stop it there first.")
    return timer


def stop_timer(*, person: User, words: str, actor: Actor, now: datetime) -> TimeEntry:
    """Stop one's clock and note what it showed, rounded up to five minutes.

    Raises:
        PortalError: none runs, or as `note`.
    """
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        timer = Timer.objects.select_for_update(of=("self",)).select_related("ticket__client").filter(user=person).first()
        if timer is None:
            raise PortalError("Your clock does not run.")
        entry = note(
            client=timer.ticket.client, work=Work.TICKET, words=words or timer.ticket.subject, hours=rounded(now - timer.began_at),
            spent_on=timer.began_at.date(), ticket=timer.ticket, person=person, actor=actor, now=now,
        )  # fmt: skip
        timer.delete()
    return entry


def rounded(length: timedelta) -> Decimal:
    """A length of time in hours, rounded up to five minutes; a day at most."""
    minutes = (Decimal(int(length.total_seconds())) / 60 / ROUNDED_TO_MIN).to_integral_value(ROUND_CEILING) * ROUNDED_TO_MIN
    return min(Decimal(24), max(Decimal(ROUNDED_TO_MIN), minutes) / HOUR).quantize(Decimal("0.01"))


def set_plan(
    *, client: Client, from_month: date, hours: Decimal, carry_months: int, rate: Decimal, currency: str, actor: Actor, now: datetime
) -> Plan:
    """What the retainer includes from a month on.

    Raises:
        PortalError: that month is closed or has a plan already, or a negative figure.
    """
    actor.require(Permission.OPERATE)
    month = from_month.replace(day=1)
    if hours < 0 or rate < 0 or not 0 <= carry_months <= 24:
        raise PortalError("Hours, rate and months are not negative; at most 24 months are carried.")
    _open(client, month)
    try:
        with transaction.atomic():
            plan = Plan.objects.create(
                client=client, from_month=month, hours=hours, carry_months=carry_months, rate=rate, currency=currency.upper()[:3],
                actor_label=actor.label, created_at=now,
            )  # fmt: skip
            audit.record(action="hours.plan", actor=actor, subject=plan, client_id=client.pk, now=now, hours=str(hours), rate=str(rate))
    except IntegrityError as error:
        if constraint_name(error) != "one_plan_per_month":
            raise
        raise PortalError("There is a plan from this month on already.", hint="Begin the next one with a later month.") from error
    return plan


def account(*, client: Client, month: date) -> Account:
    """How a month stands, by what is noted for it and not billed elsewhere."""
    month = month.replace(day=1)
    plan = Plan.objects.filter(client=client, from_month__lte=month).order_by("-from_month").first()
    before = Statement.objects.filter(client=client, month=previous(month)).first()
    carried = [(date.fromisoformat(day), Decimal(hours)) for day, hours in (before.left if before else [])]
    spent = _unbilled(client, month).aggregate(hours=Sum("hours"))["hours"] or NOTHING
    return _account(month, plan, carried, spent)


def close(*, client: Client, month: date, actor: Actor, now: datetime) -> Statement:
    """Close a month: its hours are billed, each entry once. Hours of earlier months that came too late are in it as well.

    Raises:
        PortalError: it is not over, is closed already, or the one before is still open.
    """
    actor.require(Permission.OPERATE)
    month = month.replace(day=1)
    if following(month) > now.date():
        raise PortalError("This month is not over.")
    first = Plan.objects.filter(client=client).order_by("from_month").first()
    if (
        first is not None
        and previous(month) >= first.from_month
        and not Statement.objects.filter(client=client, month=previous(month)).exists()
    ):
        raise PortalError(f"{previous(month):%Y-%m} is still open.", hint="Months are closed one after the other.")
    try:
        with transaction.atomic():
            ids = list(_unbilled(client, month).select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
            said = account(client=client, month=month)
            statement = Statement.objects.create(
                client=client, month=month, included_h=said.included, carried_h=said.carried_h, spent_h=said.spent, over_h=said.over,
                rate=said.plan.rate if said.plan else NOTHING, amount=said.amount, currency=said.plan.currency if said.plan else "EUR",
                left=[[day.isoformat(), str(hours)] for day, hours in said.left], closed_at=now, actor_label=actor.label,
            )  # fmt: skip
            TimeEntry.objects.filter(pk__in=ids, statement=None).update(statement=statement)
            audit.record(action="hours.close", actor=actor, subject=statement, client_id=client.pk, now=now, amount=str(said.amount))
    except IntegrityError as error:
        if constraint_name(error) != "one_statement_per_month":
            raise
        raise PortalError("This month is closed already.") from error
    return statement


def rows(statement: Statement) -> list[Sequence[str]]:
    """A statement for accountants: a line an entry, and the month's figures at its end."""
    lines: list[Sequence[str]] = [("day", "work", "ticket", "what", "who", "hours")]
    for entry in statement.entries.order_by("spent_on", "pk"):
        lines.append(
            (entry.spent_on.isoformat(), entry.work, str(entry.ticket_id or ""), entry.words, entry.person_name, str(entry.hours))
        )
    for name, value in (
        ("included", statement.included_h),
        ("carried over", statement.carried_h),
        ("spent", statement.spent_h),
        ("beyond", statement.over_h),
        (f"rate in {statement.currency}", statement.rate),
        (f"amount in {statement.currency}", statement.amount),
    ):
        lines.append(("", "", "", name, "", str(value)))
    return lines


def _account(month: date, plan: Plan | None, carried: list[tuple[date, Decimal]], spent: Decimal) -> Account:
    included = plan.hours if plan else NOTHING
    # what earlier months left is older, and gone sooner: but a month's own hours are used first, as the plan says
    left_to_take = max(NOTHING, spent - included)
    left: list[tuple[date, Decimal]] = []
    for day, hours in carried:
        taken = min(hours, left_to_take)
        left_to_take -= taken
        left.append((day, hours - taken))
    over = left_to_take
    # less than nothing was spent where hours were taken back that an earlier month billed
    left.append((month, max(NOTHING, included - spent)))
    keep = plan.carry_months if plan else 0
    kept = [(day, hours) for day, hours in left if hours > 0 and _months(day, month) < keep]
    return Account(month, plan, included, carried, spent, over, kept)


def _unbilled(client: Client, month: date) -> QuerySet[TimeEntry]:
    return TimeEntry.objects.filter(client=client, statement=None, spent_on__lt=following(month))


def _open(client: Client, day: date) -> None:
    if Statement.objects.filter(client=client, month__gte=day.replace(day=1)).exists():
        raise PortalError(f"{day:%Y-%m} is closed.", hint="Note it for a day of a month that is open.")


def following(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def previous(month: date) -> date:
    """The first day of the month before."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def _months(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month
