"""The promise: effective by its due time. What was not is a breach with a reason; only the client's accepted risk leaves the count."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from clients.choices import Environment
from clients.models import Client
from maintenance.choices import Ended
from maintenance.models import AcceptedRisk, Breach, PendingUpdate
from portal.accounts.actor import Actor
from portal.accounts.roles import MemberRole, Permission
from portal.audit import services as audit
from portal.clock.recurrence import moment_of
from portal.errors import NotAllowed, PortalError, constraint_name


@dataclass(frozen=True, slots=True)
class Compliance:
    """A client's month: what was due in it, and what became of it. `share` is None where nothing was due."""

    met: Sequence[PendingUpdate]
    missed: Sequence[PendingUpdate]
    accepted: Sequence[PendingUpdate]

    @property
    def share(self) -> Decimal | None:
        """Percentage that met its window, to a tenth."""
        total = len(self.met) + len(self.missed)
        return (Decimal(len(self.met)) * 100 / total).quantize(Decimal("0.1")) if total else None


def not_effective() -> Q:
    """What is still owed: pending, installed but not effective, or offered no more while the old version stays."""
    return Q(gone_at=None) | Q(ended=Ended.INSTALLED, effective_at=None) | Q(ended=Ended.WITHDRAWN)


def counted(client: Client) -> QuerySet[PendingUpdate]:
    """The updates that the promise is about: production, and not those that a newer version or a removal took the place of."""
    rows = PendingUpdate.objects.filter(client=client, system__environment=Environment.PRODUCTION)
    # an end that was not noted is from before it was kept: nothing can be said of it
    return rows.exclude(ended__in=[Ended.SUPERSEDED, Ended.REMOVED]).exclude(Q(ended="") & Q(gone_at__isnull=False))


def month_of(client: Client, first: date) -> tuple[datetime, datetime]:
    """The month that begins on this day in the client's zone, as moments."""
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return moment_of(first, time(0), client.time_zone), moment_of(following, time(0), client.time_zone)


def compliance(client: Client, first: date, *, now: datetime) -> Compliance:
    """What was due in a month, up to now: met by being effective in time, missed, or at the client's accepted risk."""
    start, end = month_of(client, first)
    rows = counted(client).filter(due_at__gte=start, due_at__lt=end).annotate(at_their_risk=_risk_taken())
    rows = rows.filter(Q(due_at__lte=now) | Q(effective_at__isnull=False))
    ordered = rows.select_related("system", "decision").order_by("due_at", "package", "pk")
    met, missed, accepted = [], [], []
    for row in ordered:
        if row.effective_at is not None and row.effective_at <= row.due_at:
            met.append(row)
        elif row.at_their_risk:
            accepted.append(row)
        else:
            missed.append(row)
    return Compliance(met, missed, accepted)


def this_month(client: Client, *, now: datetime) -> date:
    """The first of the month that it is in the client's zone."""
    return now.astimezone(ZoneInfo(client.time_zone)).date().replace(day=1)


def note_breaches(*, now: datetime) -> int:
    """Write down every update that was not effective when it was due and is at nobody's accepted risk; returns how many are new."""
    late = Q(effective_at=None, due_at__lt=now) & not_effective() | Q(effective_at__gt=F("due_at"))
    rows = (
        PendingUpdate.objects.filter(late, system__environment=Environment.PRODUCTION)
        .exclude(pk__in=Breach.objects.values("update_id"))
        .annotate(at_their_risk=_risk_taken())
        .filter(at_their_risk=False)
        .order_by("client_id", "pk")
    )
    count = 0
    for chunk in _chunks(rows.iterator(chunk_size=1000), 1000):
        with transaction.atomic():
            made = Breach.objects.bulk_create(
                (Breach(client_id=row.client_id, update=row, due_at=row.due_at, noted_at=now) for row in chunk), ignore_conflicts=True
            )
            for client_id in sorted({row.client_id for row in chunk}):
                mine = [row for row in chunk if row.client_id == client_id]
                audit.record(
                    action="promise.breached", actor=Actor.portal("promise"), subject=None, client_id=client_id, now=now,
                    updates=[f"{row.package} {row.candidate_version}" for row in mine][:50], total=len(mine),
                )  # fmt: skip
            count += len(made)
    return count


def state_reason(*, breaches: Iterable[Breach], reason: str, actor: Actor, now: datetime) -> int:
    """Say why windows were missed, once for each and for good.

    Raises:
        PortalError: no reason.
    """
    actor.require(Permission.OPERATE)
    if actor.user_id is None or not reason.strip():
        raise PortalError("Say why: the client reads it.")
    with transaction.atomic():
        rows = Breach.objects.select_for_update().filter(pk__in=[breach.pk for breach in breaches], reason="")
        told = list(rows.order_by("client_id", "pk"))
        rows.update(reason=reason.strip(), stated_at=now, stated_by_id=actor.user_id, actor_label=actor.label)
        for breach in told:
            audit.record(
                action="promise.reason", actor=actor, subject=breach, client_id=breach.client_id, now=now, reason=reason.strip()
            )
    return len(told)


def ask_to_accept(*, update: PendingUpdate, reason: str, until: datetime, actor: Actor, now: datetime) -> AcceptedRisk:
    """Ask the client to take the risk of an update that is put off.

    Raises:
        PortalError: no reason, an end that is past, or it was asked already.
    """
    actor.require(Permission.OPERATE)
    if actor.user_id is None:
        raise NotAllowed("A person asks the client.")
    if not reason.strip():
        raise PortalError("Say what the risk is and why it should be taken: the client decides by it.")
    if until <= now:
        raise PortalError("Name an end in the future: no risk is taken for ever.")
    try:
        with transaction.atomic():
            row = AcceptedRisk.objects.create(
                client_id=update.client_id, update=update, reason=reason.strip(), until=until, asked_at=now, asked_by_id=actor.user_id,
                asked_label=actor.label,
            )  # fmt: skip
            audit.record(
                action="risk.ask", actor=actor, subject=row, client_id=row.client_id, now=now, update=str(update),
                reason=reason.strip(), until=until,
            )  # fmt: skip
    except IntegrityError as error:
        if constraint_name(error) == "one_open_question_per_update":
            raise PortalError("The client was asked already.", hint="Wait for the answer.") from error
        raise
    return row


def answer_risk(*, risk: AcceptedRisk, accepted: bool, actor: Actor, now: datetime) -> None:
    """The client's owner takes the risk, or does not. Nobody else does, and the answer stays.

    Raises:
        NotAllowed: not an owner of this client (trigger the_owner_takes_the_risk).
        PortalError: it was answered before.
    """
    if actor.user_id is None or (risk.client_id, MemberRole.OWNER.value) not in actor.memberships:
        raise NotAllowed("Only the client's owner takes a risk.")
    actor.require(Permission.ACCEPT_RISK, risk.client_id)
    with transaction.atomic():
        row = AcceptedRisk.objects.select_for_update().get(pk=risk.pk)
        if row.accepted is not None:
            raise PortalError("This was answered already.")
        row.accepted, row.answered_at, row.answered_by_id, row.answered_label = accepted, now, actor.user_id, actor.label
        row.save(update_fields=["accepted", "answered_at", "answered_by", "answered_label"])
        audit.record(
            action="risk.accept" if accepted else "risk.decline", actor=actor, subject=row, client_id=row.client_id, now=now,
            update=str(row.update),
        )  # fmt: skip


def _risk_taken() -> Exists:
    """Whether the client had taken an update's risk when it was due."""
    taken = AcceptedRisk.objects.filter(update=OuterRef("pk"), accepted=True)
    return Exists(taken.filter(answered_at__lte=OuterRef("due_at"), until__gte=OuterRef("due_at")))


def first_of(text: str, default: date) -> date:
    """The first of a month written `2026-11`; anything else gives the default."""
    try:
        return datetime.strptime(f"{text}-01", "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return default


def _chunks(rows: Iterator[PendingUpdate], size: int) -> Iterator[list[PendingUpdate]]:
    chunk: list[PendingUpdate] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
