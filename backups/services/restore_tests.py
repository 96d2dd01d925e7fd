"""Restore tests: asked for, due by schedule, carried by whichever worker holds the lease, judged, sealed.

A test is a row before anything reaches the host; the host makes sure that nothing starts twice. Whatever dies in between, the
sweep hands the row to the next worker, which goes on from what the row and the host say.
"""

import hashlib
import json
import logging
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.db.models import Q

from backups.choices import OPEN_TEST_STATES, PROVING, Cause, Purpose, RestoreState, RestoreVerdict
from backups.errors import LeaseLost, RestoreUnderWay
from backups.models import BackupJob, RestoreTest
from backups.parsers.facts import Facts, UnreadableFacts, parse_facts
from backups.services.judging import Judgement, judge
from backups.services.specifications import parts_of, promise_of, secrets_of, specification_of
from clients.errors import NotReady
from clients.services.access import open_shell
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.queue import nudge
from portal.ssh import detached
from portal.ssh.detached import HostState, RunStatus
from portal.ssh.errors import CommandFailed, ConnectFailed, ConnectionLost, SSHError, TimedOut
from portal.ssh.pool import Shell
from portal.ssh.target import clean

logger = logging.getLogger(__name__)

POLL_S = 1.0
RETRY_S = 5
GIVE_UP_UNSENT = timedelta(minutes=2)
GIVE_UP_SENT = timedelta(hours=12)
BEGIN_WITHIN_S = 60
LOG_KEPT = 400_000


def request(*, job: BackupJob, purpose: str = Purpose.TEST, scheduled: bool = False, actor: Actor, now: datetime) -> RestoreTest:
    """Start a restore test of a job. After commit: nudges `backups.execute_test`.

    Raises:
        RestoreUnderWay: one runs on this system or this repository (constraints one_open_test_per_system, ..._per_repository).
        PortalError: the job is ended, or the client's retainer; a part, which is tested with its composite; a composite that
            has none.
    """
    actor.require(Permission.OPERATE)
    if job.ended_at is not None:
        raise PortalError("This backup is not watched any more.")
    if job.part_of_id is not None:
        raise PortalError("This backup only counts together with others.", hint="Prove the whole that it is a part of.")
    if not parts_of(job):
        raise PortalError("Nothing is left of this backup: all its parts ended.")
    specification = specification_of(job, purpose=purpose, scheduled=scheduled)
    system_id = job.restore_on_id or job.system_id
    try:
        with transaction.atomic():
            test = RestoreTest.objects.create(
                client_id=job.client_id, job=job, system_id=system_id, repository=job.repository, specification=specification,
                purpose=purpose, started_by_id=actor.user_id, actor_label=actor.label, created_at=now,
            )  # fmt: skip
            audit.record(
                action="restore_test.request",
                actor=actor,
                subject=test,
                client_id=job.client_id,
                now=now,
                job=job.name,
                purpose=purpose,
            )
            nudge("backups.execute_test", client_id=job.client_id, test_id=test.pk)
    except IntegrityError as error:
        name = constraint_name(error)
        if name in {"one_open_test_per_system", "one_open_test_per_repository"}:
            raise RestoreUnderWay(
                "A restore test is under way on this system or repository.", hint="One at a time: wait for its verdict."
            ) from error
        if name == "client_not_ended":
            raise PortalError("This client's retainer ended: nothing is tested on their systems any more.") from error
        raise
    return test


def request_due(*, now: datetime) -> int:
    """Start the tests that are due, the oldest proof first; returns how many. What is busy comes with a later look."""
    rows = BackupJob.objects.filter(ended_at=None, client__ended_at=None, part_of=None).select_related("proof", "system")
    count = 0
    for job in sorted(rows, key=lambda job: (job.proof is not None, job.proof and job.proof.finished_at, job.pk)):
        last = job.tests.order_by("-created_at").values_list("created_at", flat=True).first()
        # before it runs out, spread over two days so that what was taken on together does not fall due together; after a failure
        # once a day
        proven_until = job.proven_until
        due = proven_until is None or proven_until - ahead_of(job) <= now
        if not due or (last is not None and now - last < timedelta(days=1)):
            continue
        try:
            request(job=job, scheduled=True, actor=Actor.portal("restore test schedule"), now=now)
            count += 1
        except RestoreUnderWay:
            continue
    return count


def ahead_of(job: BackupJob) -> timedelta:
    """How long before its proof runs out a job is tested again: half a day and its own share of a tenth of its time."""
    share = int.from_bytes(hashlib.sha256(str(job.pk).encode()).digest()[:2], "big") / 65536
    return timedelta(hours=12) + timedelta(days=job.test_every_days) * 0.1 * share


def sweep(*, now: datetime) -> int:
    """Nudge open tests that nobody holds; returns how many."""
    free = Q(claimed_until__lt=now) | Q(claimed_until=None, created_at__lt=now - timedelta(seconds=10))
    rows: Iterator[tuple[int, int]] = (
        RestoreTest.objects.filter(free, state__in=OPEN_TEST_STATES).order_by("created_at", "pk").values_list("pk", "client_id")
    ).iterator()
    count = 0
    for test_id, client_id in rows:
        nudge("backups.execute_test", client_id=client_id, test_id=test_id)
        count += 1
    return count


def execute(*, test_id: int, now: datetime) -> None:
    """Carry a test as far as it goes. Returns when it is finished, another worker has it, or the host is away."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    token = uuid.uuid4()
    if not RestoreTest.objects.filter(free, pk=test_id, state__in=OPEN_TEST_STATES).update(claim=token, claimed_until=now + _lease()):
        return
    test = RestoreTest.objects.select_related("system__client", "job__credential", "job__key_export").get(pk=test_id)
    try:
        with open_shell(test.system, actor=Actor.portal(f"restore test asked for by {test.actor_label}"), purpose=str(test)) as shell:
            try:
                _follow(test, shell)
            except (ConnectionLost, TimedOut, ConnectFailed):
                shell.drop()
                raise
    except LeaseLost:
        logger.info("restore_test.lease_lost", extra={"test": test_id})
    except (SSHError, NotReady, detached.UnexpectedStatus) as error:
        _away(test, str(error))


def _follow(test: RestoreTest, shell: Shell) -> None:
    if test.state == RestoreState.QUEUED:
        _hold(test, state=RestoreState.RUNNING)
    while True:
        status = detached.status(shell, run=test.uuid, offset=test.log_offset)
        log = (test.log + clean(status.log))[:LOG_KEPT] if status.log else test.log
        _hold(test, unreachable_since=None, trouble="", log=log, log_offset=test.log_offset + len(status.log))
        if status.state is HostState.ABSENT:
            if test.seen_on_host_at is not None:
                _finish(test, None, Judgement(RestoreVerdict.INCONCLUSIVE, Cause.HOST, ("The test's record is gone from the host.",)))
                return
            if not _start(test, shell):
                return
            continue
        if test.seen_on_host_at is None:
            _hold(test, seen_on_host_at=_utc())
        if status.state is HostState.STARTING and status.age_s > BEGIN_WITHIN_S:
            detached.abandon(shell, run=test.uuid)
            continue
        if status.state in {HostState.FINISHED, HostState.DIED, HostState.REBOOTED} and test.log_offset >= status.log_bytes:
            _judge(test, status)
            return
        threading.Event().wait(0 if test.log_offset < status.log_bytes else POLL_S)


def _start(test: RestoreTest, shell: Shell) -> bool:
    if test.start_sent_at is None:
        _hold(test, start_sent_at=_utc())
    try:
        detached.start_restore_test(shell, run=test.uuid, specification=test.specification, secrets=secrets_of(test.job))
    except CommandFailed as error:
        _finish(test, None, Judgement(RestoreVerdict.INCONCLUSIVE, Cause.HOST, (f"The host did not begin: {error.message}",)))
        return False
    return True


def _judge(test: RestoreTest, status: RunStatus) -> None:
    facts = None
    if status.state is HostState.FINISHED and status.exit_status is not None:
        try:
            facts = parse_facts(status.facts)
            judgement = judge(exit_status=status.exit_status, facts=facts, promise=promise_of(test), at=test.created_at)
        except (UnreadableFacts, KeyError, ValueError, IndexError) as error:
            judgement = Judgement(RestoreVerdict.INCONCLUSIVE, Cause.UNREAD, (f"The host's facts can't be read: {error}",))
    else:
        how = "was killed" if status.state is HostState.DIED else "was cut off by a reboot"
        judgement = Judgement(RestoreVerdict.INCONCLUSIVE, Cause.HOST, (f"The test {how} before it ended; what it left is removed.",))
    _finish(test, status, judgement, facts)


@transaction.atomic
def _finish(test: RestoreTest, status: RunStatus | None, judgement: Judgement, facts: Facts | None = None) -> None:
    """The end: verdict, evidence and seal at once; only a pass becomes the job's proof."""
    now = _utc()
    values: dict[str, Any] = {
        "verdict": judgement.verdict, "cause": judgement.cause, "findings": list(judgement.findings), "finished_at": now,
        "facts": [list(row) for row in status.facts] if status else [],
        "commands": [[one.exit_status, one.command] for one in status.commands] if status else [],
        "exit_status": status.exit_status if status else None,
    }  # fmt: skip
    if facts is not None:
        values |= _came_back(facts)
    values["seal"] = seal_of(test, values)
    _hold(test, state=RestoreState.FINISHED, trouble="", **values)
    if judgement.verdict in PROVING:
        BackupJob.objects.filter(pk=test.job_id).update(proof=test.pk)
    audit.record(
        action=f"restore_test.{judgement.verdict}", actor=Actor.portal("restore test"), subject=test, client_id=test.client_id, now=now,
        cause=judgement.cause, findings=list(judgement.findings), seal=values["seal"],
    )  # fmt: skip
    logger.info("restore_test.finished", extra={"test": test.pk, "verdict": str(judgement.verdict)})


def _came_back(facts: Facts) -> dict[str, Any]:
    """The columns that lists show; of several parts the oldest snapshot, and all that came back."""
    snapshots = [part.snapshot for part in facts.parts if part.snapshot]
    oldest = min(snapshots, key=lambda snapshot: snapshot[1]) if len(snapshots) == len(facts.parts) else None
    restored = [part.restored for part in facts.parts if part.restored]
    whole = len(restored) == len(facts.parts)
    seconds = facts.recovery_s()
    return {
        "snapshot_id": oldest[0] if oldest else "", "snapshot_at": oldest[1] if oldest else None,
        "restored_bytes": sum(part[0] for part in restored) if whole else None,
        "restored_files": sum(part[1] for part in restored) if whole else None,
        "recovery_s": Decimal(f"{seconds:.2f}") if seconds is not None else None,
    }  # fmt: skip


def seal_of(test: RestoreTest, values: dict[str, Any]) -> str:
    """sha256 over what was asked, done and found; `values` are the columns that the end of the test writes."""
    content = {
        **{name: values.get(name, getattr(test, name)) for name in _SEALED}, "uuid": str(test.uuid), "job": test.job_id,
        "log_sha256": hashlib.sha256(test.log.encode()).hexdigest(),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(content, sort_keys=True, cls=DjangoJSONEncoder).encode()).hexdigest()


_SEALED = (
    "purpose", "specification", "repository", "verdict", "cause", "findings", "facts", "commands", "exit_status", "snapshot_id",
    "snapshot_at", "restored_files", "restored_bytes", "recovery_s", "created_at", "finished_at",
)  # fmt: skip


def _away(test: RestoreTest, message: str) -> None:
    """The host can't be worked on: come back soon; give up after long, and never call that a bad backup."""
    now = _utc()
    since = test.unreachable_since or now
    if now - since > (GIVE_UP_SENT if test.start_sent_at else GIVE_UP_UNSENT):
        _finish(test, None, Judgement(RestoreVerdict.INCONCLUSIVE, Cause.HOST, ("The host could not be worked on.", message)))
        return
    try:
        _hold(test, unreachable_since=since, trouble=message)
    except LeaseLost:
        return
    RestoreTest.objects.filter(pk=test.pk, claim=test.claim).update(claimed_until=now + timedelta(seconds=RETRY_S))


def _hold(test: RestoreTest, **columns: Any) -> None:
    """Renew the lease and note columns; stops us when another worker has taken over."""
    held = RestoreTest.objects.filter(pk=test.pk, claim=test.claim, state=test.state).update(claimed_until=_utc() + _lease(), **columns)
    if held != 1:
        raise LeaseLost
    for name, value in columns.items():
        setattr(test, name, value)


def _lease() -> timedelta:
    return timedelta(seconds=settings.CLAIM_LEASE_S)


def _utc() -> datetime:
    """The clock of a long-running worker."""
    return datetime.now(UTC)
