"""Looks at systems: due ones are claimed together, asked side by side, and recorded together.

The row of each watch is the queue. A look that died leaves a claim that runs out; one that was late is simply later: what was not
looked at in time is unknown (services/overdue.py), and nothing here makes it look otherwise.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from clients.choices import Connection
from clients.errors import NotReady
from clients.models import ServiceCheck, System
from clients.services import access
from clients.services.networks import allowed_networks
from monitoring.choices import Kind, Level
from monitoring.models import Watch
from monitoring.parsers.sweep import Sample, UnreadableSample, parse_sample
from monitoring.probes import SWEEP
from monitoring.services import outside
from monitoring.services.claims import claim
from monitoring.services.recording import Look, record
from monitoring.services.rules import Observation, counters_of, observe
from monitoring.services.terms import Terms, terms_of
from portal.accounts.actor import Actor
from portal.audit import services as audit
from portal.ssh.errors import HostKeyMismatch, SSHError
from portal.ssh.target import Target

logger = logging.getLogger(__name__)

# Systems that one task takes and asks side by side (FACTS-ssh: 8 to 64 threads cost the same).
SIDE_BY_SIDE = 64
# How long a look may take, and how long a claim holds: longer than that and the connection.
TIMEOUT_S = 15.0
HELD = timedelta(seconds=60)
# After a first failure the next look comes sooner.
SOON = timedelta(seconds=15)
# What has answered is recorded so often: whoever hangs delays nobody else.
RECORD_EVERY_S = 1.0
# How long what was seen is kept for a database that is away.
AWAY_S = 45.0
ACTOR = "monitoring"
DAYS_AHEAD = 14
# One statement for all; told twice, a look is counted once.
_LOOKED = """
UPDATE monitoring_watch w SET claimed_until = NULL, looks = w.looks + (w.last_at IS DISTINCT FROM n.last_at)::int, last_at = n.last_at,
    due_at = n.due_at, counters = n.counters::jsonb
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[]) AS n(id, last_at, due_at, counters)
WHERE w.id = n.id
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of asking one system, and when that was clear; either a sample or an error."""

    asked_at: datetime
    at: datetime
    sample: Sample | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One system being asked: over SSH, and its addresses from outside."""

    over_ssh: Future[Answer]
    from_outside: list[Future[list[Observation]]]

    @property
    def futures(self) -> list[Future[Any]]:
        """All that its look waits for."""
        return [self.over_ssh, *self.from_outside]


def begin_where_missing(*, now: datetime) -> int:
    """Watch every system that was reached once; returns how many are new. Their first look is due at once."""
    rows = System.objects.filter(watch=None, client__ended_at=None, connection=Connection.OK)
    watches = [
        Watch(client_id=client_id, system_id=pk, due_at=now, noted_on=now.astimezone(UTC).date())
        for pk, client_id in rows.values_list("pk", "client_id")
    ]
    Watch.objects.bulk_create(watches, ignore_conflicts=True)
    return len(watches)


def look_while_due() -> None:
    """Look until nothing is due any more."""
    while look_at_due(now=timezone.now()):
        pass


def look_at_due(*, now: datetime) -> int:
    """Look at the systems that are due, the longest overdue first, 64 at most; returns how many."""
    begin_where_missing(now=now)
    watches = _claim(now)
    if not watches:
        return 0
    _make_room(now)
    terms = terms_of([watch.system_id for watch in watches], kinds=[Kind.SERVICE])
    found = access.targets_of([watch.system for watch in watches])
    targets, questions = [found[watch.system_id] for watch in watches], _questions(watches, terms)
    with ThreadPoolExecutor(len(targets)) as over_ssh, ThreadPoolExecutor(SIDE_BY_SIDE) as from_outside:
        pending = {
            watch: Asked(over_ssh.submit(_ask, target), [from_outside.submit(outside.ask, one, now=now) for one in questions[watch.pk]])
            for target, watch in zip(targets, watches, strict=True)
        }
        while pending:
            wait([future for asked in pending.values() for future in asked.futures], timeout=RECORD_EVERY_S)
            done = [watch for watch, asked in pending.items() if all(future.done() for future in asked.futures)]
            _record_surely([(watch, pending.pop(watch)) for watch in done], terms)
    _note_days(watches, now=now)
    return len(watches)


def _record_surely(answers: Sequence[tuple[Watch, Asked]], terms: Mapping[int, Terms]) -> None:
    """Record; while the database is away, again and again: what was seen is not lost because it restarts.

    Told twice it changes nothing (`record`), so that it does not matter whether the first time went through.
    """
    deadline = time.monotonic() + AWAY_S
    while True:
        try:
            return _record(answers, terms)
        except (OperationalError, InterfaceError):
            if time.monotonic() > deadline:
                raise
            logger.warning("looks.not_recorded_yet", extra={"looks": len(answers)})
            connection.close()
            time.sleep(1)


@transaction.atomic
def _record(answers: Sequence[tuple[Watch, Asked]], terms: Mapping[int, Terms]) -> None:
    failing = record([_look(watch, asked, terms[watch.system_id]) for watch, asked in answers])
    for watch, asked in answers:
        answer = asked.over_ssh.result()
        watch.last_at = answer.at
        if answer.sample is not None:
            watch.counters = counters_of(answer.sample)
        if watch.system_id in failing:
            watch.due_at = min(watch.due_at, answer.at + SOON)
        if isinstance(answer.error, HostKeyMismatch):
            access.raise_alert(watch.system, answer.error.offered)
    # the claim holds the rows, so that nobody else counts
    watches = [watch for watch, _ in answers]
    with connection.cursor() as cursor:
        columns: list[list[object]] = [[getattr(watch, name) for watch in watches] for name in ("pk", "last_at", "due_at")]
        cursor.execute(_LOOKED, [*columns, [json.dumps(watch.counters) for watch in watches]])


def _make_room(now: datetime) -> None:
    """Tables for the results of the days to come; what is older than its time is dropped. Nothing to do on all but one look a day."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT retainer_result_partitions(%s, %s, %s)", [now.astimezone(UTC).date(), DAYS_AHEAD, settings.RESULTS_DAYS])


def _claim(now: datetime) -> list[Watch]:
    rows = Watch.objects.filter(ended_at=None, system__client__ended_at=None).select_related("system__client")
    return claim(rows, now=now, held=HELD, most=SIDE_BY_SIDE)


def _ask(target: Target | NotReady) -> Answer:
    """On a thread of its own, without the database. Whatever goes wrong is an answer that says so."""
    asked_at = timezone.now()
    if isinstance(target, NotReady):
        return Answer(asked_at, asked_at, error=target)
    try:
        with access.watch(target) as shell:
            # a fresh connection's handshake is part of the time in which the host read its clock: that may hide a small offset
            result = shell.run(SWEEP, timeout_s=TIMEOUT_S)
        at = timezone.now()
        return Answer(asked_at, at, sample=parse_sample(result.stdout))
    except (SSHError, UnreadableSample) as error:
        return Answer(asked_at, timezone.now(), error=error)
    except Exception as error:  # a fault of ours with one host must not make the others unknown
        logger.exception("look.failed", extra={"system": target.name})
        return Answer(asked_at, timezone.now(), error=UnreadableSample(f"{type(error).__name__} in the portal"))


def _questions(watches: Sequence[Watch], terms: Mapping[int, Terms]) -> dict[int, list[outside.Question]]:
    """The addresses of these systems that must answer, by watch."""
    allowed = allowed_networks({watch.client_id for watch in watches})
    found: dict[int, list[outside.Question]] = {watch.pk: [] for watch in watches}
    watch_of = {watch.system_id: watch.pk for watch in watches}
    for check in ServiceCheck.objects.filter(system__in=terms).order_by("pk"):
        question = outside.Question(check.url, check.expected_status, allowed[check.client_id], terms[check.system_id].own)
        found[watch_of[check.system_id]].append(question)
    return found


def _look(watch: Watch, asked: Asked, terms: Terms) -> Look:
    answer, from_outside = asked.over_ssh.result(), [seen for one in asked.from_outside for seen in one.result()]
    if answer.sample is None:
        # what is answered and can't be read is not the same as no answer
        level, words = (
            (Level.UNKNOWN, "The answer can't be read: ") if isinstance(answer.error, UnreadableSample) else (Level.CRITICAL, "")
        )
        return _look_of(watch, answer.at, [Observation(Kind.REACH, "", level, None, f"{words}{answer.error}"), *from_outside])
    seen = observe(
        answer.sample, counters=watch.counters, own=terms.own, asked_at=answer.asked_at, answered_at=answer.at,
        services=[subject for _, subject in terms.wanted], drills=terms.drills,
    )  # fmt: skip
    return _look_of(watch, answer.at, [*seen, *from_outside])


def _look_of(watch: Watch, at: datetime, observations: Sequence[Observation]) -> Look:
    return Look(watch.client_id, watch.system_id, watch.interval_s, at, observations)


def _note_days(watches: Sequence[Watch], *, now: datetime) -> None:
    """Once a day and system, in the audit trail: how often the portal looked, and with which script."""
    today = now.astimezone(UTC).date()
    for watch in watches:
        if watch.noted_on == today:
            continue
        with transaction.atomic():
            looks = Watch.objects.select_for_update().get(pk=watch.pk).looks
            if Watch.objects.filter(pk=watch.pk, noted_on=watch.noted_on).update(noted_on=today, looks=0):
                audit.record(
                    action="monitoring.looks", actor=Actor.portal(ACTOR), subject=watch.system, client_id=watch.client_id, now=now,
                    day=watch.noted_on.isoformat(), looks=looks, script=audit.keep_script(SWEEP, now=now),
                )  # fmt: skip
