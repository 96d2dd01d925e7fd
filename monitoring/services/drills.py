"""Drills: conditions made real on purpose, followed from the host to the message at its far end, taken back, and kept as proof.

What the host makes goes the way of everything else: the same look, the same rules, the same alert, the same channels. Only its subject,
"drill", tells it apart. Where a host can't make it, a result is written in its place, which proves the way from there on.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from clients.choices import Access, Connection
from clients.errors import NotReady
from clients.models import System
from clients.services import access
from monitoring.choices import THRESHOLDS, AlertState, Event, Kind, Level, Outcome
from monitoring.models import Alert, Channel, Check, Delivery, Drill, Heartbeat, Inventory, PlannedWork, Proof, Watch
from monitoring.services import heartbeats
from monitoring.services.mailbox import find_alerts
from monitoring.services.recording import Look, record
from monitoring.services.rules import Observation
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.ssh.errors import SSHError
from portal.ssh.watching import begin_drill, calm

logger = logging.getLogger(__name__)

SUBJECT = "drill"
# What a host makes by itself (retainer-watch drill), and where the look of which row finds it.
BY_LOOK = {Kind.UNITS, Kind.DISK}
AS_ROOT = {Kind.CERT_FILE, Kind.SIGN_INS, Kind.ERRORS}
# Two looks as root, with time for the messages.
LASTS = timedelta(minutes=14)
# How long it may take until what was taken back is in order again.
CLEARS = timedelta(minutes=12)
HELD = timedelta(minutes=3)
# Sooner than a proof is too old (queries/drills.py).
EVERY = timedelta(days=30)
HEARTBEAT_S = 60
PURPOSE = "drill of alerts"


def begin(*, system: System, actor: Actor, now: datetime) -> Drill:
    """Start a drill of every rule that this system has a check of.

    Raises:
        PortalError: one is under way, or nothing is checked there yet.
    """
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        System.objects.select_for_update().get(pk=system.pk)
        if Drill.objects.filter(system=system, finished_at=None).exists():
            raise PortalError("A drill is under way on this system.")
        kinds = sorted(set(Check.objects.filter(system=system, ended_at=None, drill=False).values_list("kind", flat=True)))
        if not kinds:
            raise PortalError("Nothing is checked on this system yet.")
        drill = Drill.objects.create(
            client_id=system.client_id, system=system, started_at=now, until=now + LASTS, actor_label=actor.label
        )
        real = _real_kinds(system)
        Proof.objects.bulk_create([Proof(client_id=system.client_id, drill=drill, kind=kind, real=kind in real) for kind in kinds])
        for kind in kinds:
            _begin_check(system, Kind(kind), now=now)
        audit.record(action="drill.begin", actor=actor, subject=drill, client_id=system.client_id, now=now, rules=kinds)
    return drill


def _real_kinds(system: System) -> set[Kind]:
    return ({*BY_LOOK, *AS_ROOT} if system.access == Access.MANAGE else set()) | {Kind.HEARTBEAT}


def _begin_check(system: System, kind: Kind, *, now: datetime) -> None:
    """The check that the drill's condition becomes; it is muted as the real ones are: a rule that is muted tells nobody."""
    real = Check.objects.filter(system=system, kind=kind, drill=False, ended_at=None)
    muted = (
        real.filter(muted_until__gt=now).order_by("-muted_until").first() if not real.exclude(muted_until__gt=now).exists() else None
    )
    Check.objects.update_or_create(
        system=system, kind=kind, subject=SUBJECT,
        defaults={
            "client_id": system.client_id, "drill": True, "level": Level.UNKNOWN, "last_level": Level.UNKNOWN, "times": 0, "since": now,
            "stale_at": now + LASTS + CLEARS, "last_at": None, "value": None, "words": "", "changes": [], "ended_at": None,
            "ended_why": "",
            "muted_until": muted.muted_until if muted else None, "muted_why": muted.muted_why if muted else "",
            "muted_by": muted.muted_by if muted else "",
        },
    )  # fmt: skip


def advance(*, now: datetime) -> int:
    """Take every drill that is under way as far as it goes now; returns how many there are."""
    drills = _claim(now)
    for drill in drills:
        _make(drill, now=now)
        _follow(drill, now=now)
        if drill.calmed_at is None and not drill.proofs.filter(outcome=Outcome.WAITING).exists():
            _calm(drill, now=now)
        if drill.calmed_at is not None:
            _clear(drill, now=now)
        Drill.objects.filter(pk=drill.pk).update(claimed_until=None)
    return len(drills)


@transaction.atomic
def _claim(now: datetime) -> list[Drill]:
    rows = Drill.objects.filter(finished_at=None).exclude(claimed_until__gt=now)
    drills = list(rows.select_for_update(skip_locked=True, of=("self",)).select_related("system__client").order_by("pk")[:20])
    for drill in drills:
        drill.claimed_until = now + HELD
    Drill.objects.bulk_update(drills, ["claimed_until"])
    return drills


def _make(drill: Drill, *, now: datetime) -> None:
    """Make each condition that was not made yet. Made twice it is the same condition."""
    waiting = list(drill.proofs.filter(outcome=Outcome.WAITING, made_at=None).order_by("kind"))
    on_host = [proof for proof in waiting if proof.real and Kind(proof.kind) in BY_LOOK | AS_ROOT]
    if on_host:
        _make_on_host(drill, on_host)
    for proof in waiting:
        if proof.real and proof.kind == Kind.HEARTBEAT:
            _withhold(drill, now=now)
            Proof.objects.filter(pk=proof.pk).update(made_at=now)
        elif not proof.real:
            _write(drill, Kind(proof.kind), Level.CRITICAL, "A result in place of the condition.", at=now)
            Proof.objects.filter(pk=proof.pk).update(made_at=now)


def _make_on_host(drill: Drill, proofs: Sequence[Proof]) -> None:
    try:
        with access.open_shell(drill.system, actor=Actor.portal(PURPOSE), purpose=PURPOSE) as shell:
            for proof in proofs:
                if begin_drill(shell, kind=proof.kind):
                    Proof.objects.filter(pk=proof.pk).update(made_at=timezone.now())
                else:
                    # this host can't: from here on it is written
                    Proof.objects.filter(pk=proof.pk).update(real=False)
                    proof.real = False
    except (SSHError, NotReady) as error:
        rows = Proof.objects.filter(pk__in=[proof.pk for proof in proofs], made_at=None, real=True)
        rows.update(outcome=Outcome.FAILED, words=f"The condition could not be made: {error}"[:500])


def _withhold(drill: Drill, *, now: datetime) -> None:
    """A heartbeat that nobody will call, late in a minute."""
    Heartbeat.objects.get_or_create(
        system=drill.system, name=SUBJECT, ended_at=None,
        defaults={
            "client_id": drill.client_id, "token_hash": heartbeats.hash_of(f"drill {drill.pk}: nobody has this token"),
            "period_s": HEARTBEAT_S, "grace_s": 30, "due_at": now + timedelta(seconds=HEARTBEAT_S), "created_at": now,
            "actor_label": PURPOSE,
        },
    )  # fmt: skip


def _write(drill: Drill, kind: Kind, level: Level, words: str, *, at: datetime) -> None:
    """As many results as it takes until one like it is believed."""
    for number in range(THRESHOLDS[kind].confirm + (level == Level.UP)):
        one = Observation(kind, SUBJECT, level, None, words)
        record([Look(drill.client_id, drill.system_id, 86_400, at + timedelta(microseconds=number), [one])])


def _follow(drill: Drill, *, now: datetime) -> None:
    """Note which stations each condition passed; what did not arrive in time is not proven, with the station at which it ended."""
    checks = {check.kind: check for check in Check.objects.filter(system=drill.system, drill=True)}
    alerts = {
        alert.check_row.kind: alert
        for alert in Alert.objects.filter(check_row__in=checks.values(), opened_at__gte=drill.started_at).select_related("check_row")
    }
    _read_back(alerts.values(), now=now)
    for proof in drill.proofs.filter(outcome=Outcome.WAITING, made_at__isnull=False):
        alert = alerts.get(proof.kind)
        proof.opened_at = alert.opened_at if alert else None
        sent = _messages(alert).filter(sent_at__isnull=False) if alert else Delivery.objects.none()
        arrived = sent.filter(~Q(channel__in=_readable()) | Q(arrived_at__isnull=False)).order_by("sent_at").first()
        if arrived is not None:
            proof.arrived_at = arrived.arrived_at or arrived.sent_at
            proof.outcome, proof.words = Outcome.PROVEN, f"Over {arrived.channel}{', read back there' if arrived.arrived_at else ''}."
        elif now >= drill.until:
            proof.outcome, proof.words = Outcome.FAILED, _where_it_ended(drill, proof, checks[proof.kind], alert, now)[:500]
        proof.save(update_fields=["opened_at", "arrived_at", "outcome", "words"])
    silent = _silent_channels(drill, alerts.values(), now=now)
    if silent:
        drill.trouble = silent[:500]
        drill.save(update_fields=["trouble"])
    if now >= drill.until:
        late = drill.proofs.filter(outcome=Outcome.WAITING, made_at=None)
        late.update(outcome=Outcome.FAILED, words="The condition could not be made in time.")


def _messages(alert: Alert) -> QuerySet[Delivery]:
    """What tells of an alert: its own messages, or those of the one that it is part of."""
    return Delivery.objects.filter(alert=alert.part_of_id or alert.pk, event=Event.OPENED)


def _where_it_ended(drill: Drill, proof: Proof, check: Check, alert: Alert | None, now: datetime) -> str:
    if alert is None:
        looked = Watch.objects.filter(system=drill.system).values_list("last_at", flat=True).first()
        if proof.kind in AS_ROOT:
            looked = Inventory.objects.filter(system=drill.system).values_list("last_at", flat=True).first()
        if proof.real and (looked is None or proof.made_at is None or looked < proof.made_at):
            return "Nobody looked since it was made: is the worker that looks running?"
        return f"It was looked at, and no alert opened: {check.words or 'the look did not show it'}"
    if check.muted_until is not None and check.muted_until > now:
        until = f"{check.muted_until:%Y-%m-%d %H:%M} UTC"
        return f"An alert opened, and nobody was told: muted until {until} by {check.muted_by}: {check.muted_why}"
    work = PlannedWork.objects.filter(system=drill.system, starts_at__lte=now, ends_at__gt=now).first()
    if work is not None:
        return f"An alert opened, and nobody was told: planned work until {work.ends_at:%Y-%m-%d %H:%M} UTC: {work.reason}"
    return _why_no_message(alert)


def _why_no_message(alert: Alert) -> str:
    message = _messages(alert).order_by("-tries").first()
    if message is None:
        there = Channel.objects.filter(ended_at=None, first=True).exists()
        return "An alert opened, and no message was written." if there else "An alert opened, and there is no channel."
    if message.sent_at is not None:
        return f"{message.channel} took the message, and it did not arrive at the far end."
    return f"{message.channel} did not take the message: {message.trouble or 'it was not sent yet: is the worker running?'}"


def _silent_channels(drill: Drill, alerts: Collection[Alert], *, now: datetime) -> str:
    """Channels that this drill's message should have reached and did not, with what they said."""
    leads = {alert.part_of_id or alert.pk for alert in alerts}
    stuck = Delivery.objects.filter(alert__in=leads, event=Event.OPENED, sent_at=None).exclude(trouble="").select_related("channel")
    words = [f"{row.channel}: {row.trouble}" for row in stuck.order_by("channel__name")]
    if now >= drill.until:
        lost = Delivery.objects.filter(
            alert__in=leads, event=Event.OPENED, sent_at__isnull=False, arrived_at=None, channel__in=_readable()
        )
        words += [f"{row.channel}: taken, and not found at the far end." for row in lost.select_related("channel")]
    return " ".join(words)


def _readable() -> list[int]:
    """Channels whose far end can be read: the mailbox of PORTAL_DRILL_MAILBOX."""
    mailbox = settings.DRILL_MAILBOX
    return (
        list(Channel.objects.filter(kind="email", address__iexact=mailbox["address"]).values_list("pk", flat=True)) if mailbox else []
    )


def _read_back(alerts: Collection[Alert], *, now: datetime) -> None:
    leads = {alert.part_of_id or alert.pk for alert in alerts}
    rows = Delivery.objects.filter(alert__in=leads, event=Event.OPENED, sent_at__isnull=False, arrived_at=None, channel__in=_readable())
    waiting = {row.alert_id: row.pk for row in rows}
    if waiting:
        found = find_alerts(set(waiting))
        Delivery.objects.filter(pk__in=[pk for alert_id, pk in waiting.items() if alert_id in found]).update(arrived_at=now)


def _calm(drill: Drill, *, now: datetime) -> None:
    """Take back what was made. A host that is away does it by itself after twenty minutes."""
    if drill.proofs.filter(real=True, made_at__isnull=False).exclude(kind=Kind.HEARTBEAT).exists():
        try:
            with access.open_shell(drill.system, actor=Actor.portal(PURPOSE), purpose=PURPOSE) as shell:
                calm(shell)
        except (SSHError, NotReady) as error:
            logger.warning("drill.not_calmed", extra={"drill": drill.pk, "problem": str(error)})
            if now < drill.until + CLEARS:
                return
    for proof in drill.proofs.filter(Q(real=False) | Q(kind=Kind.HEARTBEAT), made_at__isnull=False):
        _write(drill, Kind(proof.kind), Level.UP, "Taken back.", at=timezone.now())
    Heartbeat.objects.filter(system=drill.system, name=SUBJECT, ended_at=None).update(ended_at=now)
    drill.calmed_at = now
    drill.save(update_fields=["calmed_at"])


def _clear(drill: Drill, *, now: datetime) -> None:
    """Once all is in order again, or the time for it is over, the drill is done."""
    still = Alert.objects.filter(check_row__system=drill.system, check_row__drill=True).exclude(state=AlertState.CLOSED)
    open_kinds = set(still.values_list("check_row__kind", flat=True))
    drill.proofs.filter(cleared_at=None).exclude(kind__in=open_kinds).update(cleared_at=now)
    over = drill.calmed_at is not None and now >= drill.calmed_at + CLEARS
    if open_kinds and not over:
        return
    if open_kinds:
        left = ", ".join(sorted(Kind(kind).label for kind in open_kinds))
        drill.trouble = f"{drill.trouble} Not in order again after it was taken back: {left}.".strip()[:500]
    with transaction.atomic():
        still.update(state=AlertState.CLOSED, closed_at=now)
        Check.objects.filter(system=drill.system, drill=True, ended_at=None).update(ended_at=now, ended_why="The drill is over.")
        Drill.objects.filter(pk=drill.pk, finished_at=None).update(finished_at=now, trouble=drill.trouble)
        outcomes = dict(drill.proofs.values_list("kind", "outcome"))
        audit.record(
            action="drill.finish", actor=Actor.portal(PURPOSE), subject=drill, client_id=drill.client_id, now=now, outcomes=outcomes,
            trouble=drill.trouble,
        )  # fmt: skip


def begin_due(*, now: datetime) -> int:
    """Start the drills of systems that had none for a month, the longest ago first, three at a time; returns how many.

    Only where messages can go at all, in working hours of the portal's own clock (UTC), and not during planned work.
    """
    if (
        not settings.DRILLS
        or now.weekday() > 4
        or not 8 <= now.hour < 15
        or not Channel.objects.filter(ended_at=None, first=True).exists()
    ):
        return 0
    room = 3 - Drill.objects.filter(finished_at=None).count()
    systems = System.objects.filter(client__ended_at=None, connection=Connection.OK, watch__last_at__isnull=False)
    systems = systems.exclude(planned_work__starts_at__lte=now, planned_work__ends_at__gt=now)
    systems = systems.exclude(drills__started_at__gt=now - EVERY).distinct().order_by("pk")
    started = 0
    for system in systems[: max(room, 0)]:
        begin(system=system, actor=Actor.portal("schedule"), now=now)
        started += 1
    return started
