"""Which restore tests are due: the newest snapshot before a proof runs out, a drill each quarter, and now and then an old one."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from backups.choices import PROVING, Purpose, Tool
from backups.errors import RestoreUnderWay
from backups.models import BackupJob, RestoreTest
from backups.services import restore_tests
from backups.services.specifications import parts_of
from portal.accounts.actor import Actor

# What did not pass is tried again after this time.
AGAIN = timedelta(days=1)
DRILL_EVERY = timedelta(days=90)
# After so many tests of the newest snapshot, one of the others.
OLD_ONE_AFTER = 3
# Enough to tell what is due.
REMEMBERED = 50


def request_due(*, now: datetime) -> int:
    """Start the tests that are due, the oldest proof first; returns how many. What is busy comes with a later look."""
    rows = BackupJob.objects.filter(ended_at=None, client__ended_at=None, part_of=None).select_related("proof", "system")
    count = 0
    for job in sorted(rows, key=lambda job: (job.proof is not None, job.proof and job.proof.finished_at, job.pk)):
        purpose = purpose_due(job, now=now)
        if purpose is None:
            continue
        try:
            restore_tests.request(job=job, purpose=purpose, actor=Actor.portal("restore test schedule"), now=now)
            count += 1
        except RestoreUnderWay:
            continue
    return count


def purpose_due(job: BackupJob, *, now: datetime) -> Purpose | None:
    """What this job is to be tested for now; None: nothing is due.

    A proof is renewed before it runs out, spread so that what was taken on together does not fall due together. Where there is a
    key, the test that renews it is a drill once a quarter, and until one passed.
    """
    rows = job.tests.order_by("-created_at", "-pk").only("purpose", "verdict", "state", "created_at", "job_id")
    tests = list(rows[:REMEMBERED])
    if tests and tests[0].verdict not in PROVING and now - tests[0].created_at < AGAIN:
        return None
    until = job.proven_until
    if until is None or until - ahead_of(job) <= now:
        return Purpose.DRILL if until is not None and _drill_is_due(job, tests, now) else Purpose.TEST
    return Purpose.OLD if _old_one_is_due(job, tests, now) else None


def ahead_of(job: BackupJob) -> timedelta:
    """How long before its proof runs out a job is tested again: half a day and its own share of a tenth of its time."""
    share = int.from_bytes(hashlib.sha256(str(job.pk).encode()).digest()[:2], "big") / 65536
    return timedelta(hours=12) + timedelta(days=job.test_every_days) * 0.1 * share


def _drill_is_due(job: BackupJob, tests: Sequence[RestoreTest], now: datetime) -> bool:
    if all(part.credential_id is None for part in parts_of(job)):
        return False
    last = next((test for test in tests if test.purpose == Purpose.DRILL), None)
    return last is None or last.verdict not in PROVING or now - last.created_at >= DRILL_EVERY


def _old_one_is_due(job: BackupJob, tests: Sequence[RestoreTest], now: datetime) -> bool:
    # of several parts only the newest are sure to be of one time, and a copy has no others
    if job.tool in {Tool.COMPOSITE, Tool.RSYNC}:
        return False
    since = next((number for number, test in enumerate(tests) if test.purpose == Purpose.OLD), len(tests))
    if since < len(tests) and tests[since].verdict not in PROVING:
        return True
    # in the middle between two tests of the newest, so that neither waits for the other
    rested = not tests or now - tests[0].created_at >= timedelta(days=job.test_every_days) / 2
    return rested and sum(test.verdict in PROVING for test in tests[:since]) >= OLD_ONE_AFTER
