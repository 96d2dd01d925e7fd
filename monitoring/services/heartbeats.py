"""Heartbeats: a job on a host calls an address when it ran. Silence, failure and length are noticed here."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from clients.models import System
from monitoring.choices import Beat, Kind, Level
from monitoring.models import Call, Check, Heartbeat
from monitoring.services import checks
from monitoring.services.recording import Look, record
from monitoring.services.rules import Observation
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

LONGEST_LOG = 10_000
KEPT = 100
# How often it is said again that a job is late.
AGAIN_S = 60


@transaction.atomic
def add(*, system: System, name: str, period_s: int, grace_s: int, actor: Actor, now: datetime) -> tuple[Heartbeat, str]:
    """A heartbeat and its token, which is shown this once: only its hash is kept.

    Args:
        period_s: it calls at least so often, a minute to 400 days.
        grace_s: and may be late by so much, half a minute to 30 days.

    Raises:
        PortalError: a name that is taken, or numbers out of range.
    """
    actor.require(Permission.OPERATE)
    if not name.strip() or Heartbeat.objects.filter(system=system, name=name.strip(), ended_at=None).exists():
        raise PortalError("Give it a name that no other heartbeat of this system has.")
    if not (60 <= period_s <= 34_560_000 and 30 <= grace_s <= 2_592_000):
        raise PortalError("A job calls once a minute to once in 400 days, and may be late by half a minute to 30 days.")
    token = secrets.token_urlsafe(24)
    heartbeat = Heartbeat.objects.create(
        client_id=system.client_id, system=system, name=name.strip()[:100], token_hash=hash_of(token), period_s=period_s,
        grace_s=grace_s, due_at=now + timedelta(seconds=period_s + grace_s), created_at=now, actor_label=actor.label,
    )  # fmt: skip
    for check in Check.objects.filter(system=system, kind=Kind.HEARTBEAT, subject=heartbeat.name, ended_at__isnull=False):
        checks.again(check=check, actor=actor, now=now)
    _say(heartbeat, Level.UNKNOWN, "It did not call yet.", at=now, lasts_s=period_s + grace_s)
    audit.record(
        action="heartbeat.add", actor=actor, subject=heartbeat, client_id=heartbeat.client_id, now=now, name=heartbeat.name,
        period_s=period_s, grace_s=grace_s,
    )  # fmt: skip
    return heartbeat, token


def hash_of(token: str) -> str:
    """As it is kept. A token is random and long: a plain hash can't be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def call(*, token: str, what: Beat, log: str, now: datetime) -> bool:
    """A job called; False where no heartbeat has this token. What it says beyond 10,000 characters is cut at the front."""
    heartbeat = (
        Heartbeat.objects.select_for_update().filter(token_hash=hash_of(token), ended_at=None, system__client__ended_at=None).first()
    )
    if heartbeat is None:
        return False
    began = heartbeat.started_at
    seconds = (now - began).total_seconds() if began is not None and what != Beat.START else None
    Call.objects.create(
        client_id=heartbeat.client_id, heartbeat=heartbeat, at=now, what=what, seconds=seconds, log=log.replace("\0", "")[-LONGEST_LOG:]
    )
    old = heartbeat.calls.order_by("-at", "-pk").values_list("pk", flat=True)[KEPT:]
    Call.objects.filter(pk__in=list(old)).delete()
    if what == Beat.START:
        heartbeat.started_at = now
        heartbeat.save(update_fields=["started_at"])
        return True
    heartbeat.started_at, heartbeat.last_at = None, now
    lasts_s = heartbeat.period_s + heartbeat.grace_s
    heartbeat.due_at = now + timedelta(seconds=lasts_s)
    heartbeat.save(update_fields=["started_at", "last_at", "due_at"])
    took = "" if seconds is None else f" after {seconds:.0f} s"
    if what == Beat.DONE:
        _say(heartbeat, Level.UP, f"Done{took}.", at=now, lasts_s=lasts_s, value=seconds)
    else:
        last = log.strip().splitlines()[-1][:300] if log.strip() else "It did not say why."
        _say(heartbeat, Level.CRITICAL, f"It failed{took}: {last}", at=now, lasts_s=lasts_s, value=seconds)
    return True


def judge_due(*, now: datetime) -> int:
    """Say of jobs that did not call in time that they did not; returns how many."""
    with transaction.atomic():
        rows = Heartbeat.objects.filter(ended_at=None, due_at__lte=now, system__client__ended_at=None)
        late = list(rows.select_for_update(skip_locked=True).order_by("due_at", "pk")[:1000])
        for heartbeat in late:
            last = f"since {heartbeat.last_at:%Y-%m-%d %H:%M} UTC" if heartbeat.last_at else "ever"
            began = ", though it began" if heartbeat.started_at else ""
            words = f"It did not call {last}{began}; it should every {_span(heartbeat.period_s)}."
            _say(heartbeat, Level.CRITICAL, words, at=now, lasts_s=2 * AGAIN_S)
            heartbeat.due_at = now + timedelta(seconds=AGAIN_S)
            heartbeat.save(update_fields=["due_at"])
    return len(late)


def _say(heartbeat: Heartbeat, level: Level, words: str, *, at: datetime, lasts_s: int, value: float | None = None) -> None:
    """What is said lasts until the next call is late: an interval of half of that (recording counts for two)."""
    interval_s = max(1, lasts_s // 2 + 30)
    one = Observation(Kind.HEARTBEAT, heartbeat.name, level, value, words)
    record([Look(heartbeat.client_id, heartbeat.system_id, interval_s, at, [one])])


def _span(seconds: int) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


@transaction.atomic
def end(*, heartbeat: Heartbeat, reason: str, actor: Actor, now: datetime) -> None:
    """The job is gone: nobody waits for its calls any more.

    Raises:
        PortalError: no reason.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why nobody needs to know any more.")
    if Heartbeat.objects.filter(pk=heartbeat.pk, ended_at=None).update(ended_at=now):
        for check in Check.objects.filter(system_id=heartbeat.system_id, kind=Kind.HEARTBEAT, subject=heartbeat.name, ended_at=None):
            checks.end(check=check, reason=reason, actor=actor, now=now)
        audit.record(
            action="heartbeat.end", actor=actor, subject=heartbeat, client_id=heartbeat.client_id, now=now, reason=reason.strip()
        )  # fmt: skip
