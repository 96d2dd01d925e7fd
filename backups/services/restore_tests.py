"""Restore tests: asked for, carried by whichever worker holds the lease, judged, sealed.

A test is a row before anything reaches the host; the host makes sure that nothing starts twice. Whatever dies in between, the
sweep hands the row to the next worker, which goes on from what the row and the host say.
"""

import hashlib
import json
import logging
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction

from backups.choices import PROVING, Cause, Purpose, RestoreState, RestoreVerdict
from backups.errors import RestoreUnderWay
from backups.models import BackupJob, RestoreTest
from backups.parsers.facts import Facts, UnreadableFacts, parse_facts
from backups.services import following
from backups.services.judging import Judgement, judge
from backups.services.specifications import parts_of, promise_of, secrets_of, specification_of
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.queue import nudge
from portal.ssh import detached
from portal.ssh.detached import HostState, RunStatus
from portal.ssh.pool import Shell

logger = logging.getLogger(__name__)


def request(*, job: BackupJob, purpose: str = Purpose.TEST, actor: Actor, now: datetime) -> RestoreTest:
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
    specification = specification_of(job, purpose=purpose)
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


def sweep(*, now: datetime) -> int:
    """Nudge open tests that nobody holds; returns how many."""
    count = 0
    for test_id, client_id in following.unheld(RestoreTest.objects.all(), now=now):
        nudge("backups.execute_test", client_id=client_id, test_id=test_id)
        count += 1
    return count


def execute(*, test_id: int, now: datetime) -> None:
    """Carry a test as far as it goes. Returns when it is finished, another worker has it, or the host is away."""
    rows = RestoreTest.objects.select_related("system__client", "job__credential", "job__key_export", "job__storage_credential")
    test = following.claim(rows, pk=test_id, now=now)
    if test is not None:
        following.follow(test, _STEPS, system=test.system)


def _start(shell: Shell, test: RestoreTest) -> None:
    detached.start_restore(shell, run=test.uuid, specification=test.specification, secrets=secrets_of(test.job))


def _given_up(test: RestoreTest, sentences: tuple[str, ...]) -> None:
    """Whatever the host did: that is never called a bad backup."""
    _finish(test, None, Judgement(RestoreVerdict.INCONCLUSIVE, Cause.HOST, sentences))


def _judge(test: RestoreTest, status: RunStatus) -> None:
    facts = None
    if status.state is HostState.FINISHED and status.exit_status is not None:
        try:
            facts = parse_facts(status.facts)
            judgement = judge(exit_status=status.exit_status, facts=facts, promise=promise_of(test), at=test.created_at)
        except (UnreadableFacts, KeyError, ValueError, IndexError) as error:
            judgement = Judgement(RestoreVerdict.INCONCLUSIVE, Cause.UNREAD, (f"The host's facts can't be read: {error}",))
    else:
        words = f"The test {following.how_it_was_cut(status)} before it ended; what it left is removed."
        judgement = Judgement(RestoreVerdict.INCONCLUSIVE, Cause.HOST, (words,))
    _finish(test, status, judgement, facts)


_STEPS: following.Steps[RestoreTest] = following.Steps(words="restore test", start=_start, ended=_judge, given_up=_given_up)


@transaction.atomic
def _finish(test: RestoreTest, status: RunStatus | None, judgement: Judgement, facts: Facts | None = None) -> None:
    """The end: verdict, evidence and seal at once; only a pass of the newest becomes the job's proof."""
    now = following.utc()
    values: dict[str, Any] = {
        "verdict": judgement.verdict, "cause": judgement.cause, "findings": list(judgement.findings), "finished_at": now,
        **following.evidence_of(status),
    }  # fmt: skip
    if facts is not None:
        values |= _came_back(facts)
    values["seal"] = seal_of(test, values)
    following.hold(test, state=RestoreState.FINISHED, trouble="", **values)
    if judgement.verdict in PROVING and test.purpose != Purpose.OLD:
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
