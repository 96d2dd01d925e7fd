"""What a restore test is told: made from a job, without its keys; and what it is held to, read back from that."""

import random
from collections.abc import Sequence
from datetime import timedelta

from backups.choices import PROVING, Purpose, RestoreState, Tool
from backups.models import BackupJob, RestoreTest
from backups.parsers.expectations import parse_expectation
from backups.parsers.facts import PartFacts, UnreadableFacts, parse_facts
from backups.services.promises import PartPromise, Promise, part_of_specification
from backups.services.storage import told_to_storage
from portal.vault.services import open_for_use

SAMPLE = 200
# Beside what the restore itself needs.
SPARE_B = 256 * 1024 * 1024
# How long one phase may take at most, in seconds.
LIMIT_S = 6 * 3600
# Of how many earlier tests the canaries are remembered.
CANARIES_OF = 20


def parts_of(job: BackupJob) -> list[BackupJob]:
    """The jobs whose data is restored: a composite's parts, or the job alone."""
    if job.tool != Tool.COMPOSITE:
        return [job]
    return list(job.parts.filter(ended_at=None).select_related("credential", "key_export", "storage_credential").order_by("pk"))


def specification_of(job: BackupJob, *, purpose: str) -> dict[str, list[str]]:
    """The specification of this job's next test, as names to values; the keys are not in it."""
    number = job.tests.count()
    parts = parts_of(job)
    specification = {
        "parts": [str(len(parts))], "purpose": [purpose], "scratch": [job.scratch], "live": ["no" if job.restore_on_id else "yes"],
        "snapshot": ["random" if purpose == Purpose.OLD else "newest"], "sample": [str(SAMPLE)],
        "seed": [str(random.SystemRandom().randrange(10**6))], "spare_b": [str(SPARE_B)], "limit_s": [str(LIMIT_S)],
        "application": [job.application], "apart_min": [str(job.apart_min)],
    }  # fmt: skip
    planted = _planted(job)
    for position, part in enumerate(parts, 1):
        expectations = [parse_expectation(line) for line in part.queries]
        values = {
            "tool": [part.tool], "name": [part.name], "repository": [part.repository], "source": part.sources,
            "database": part.databases, "exclude": part.excludes, "root": [part.archive_root],
            "canary": ["yes" if part.canaries else "no"], "planted": planted.get(position, []),
            "read_part": [f"{number % part.read_parts + 1}/{part.read_parts}"],
            "query": [one.query for one in expectations], "expect": [one.words for one in expectations],
        }  # fmt: skip
        specification |= {f"{position}.{name}": list(value) for name, value in values.items()}
    return specification


def secrets_of(job: BackupJob) -> dict[str, bytes]:
    """The keys that a test needs, by name; opened now, and kept by nobody."""
    secrets = {}
    for position, part in enumerate(parts_of(job), 1):
        if part.credential is not None:
            secrets[f"{position}.key"] = open_for_use(part.credential).rstrip(b"\n") + b"\n"
        if part.key_export is not None:
            secrets[f"{position}.export"] = open_for_use(part.key_export).rstrip(b"\n") + b"\n"
        if part.storage_credential is not None:
            name, secret = told_to_storage(part.repository, part.storage_login, open_for_use(part.storage_credential).decode())
            secrets[f"{position}.{name}"] = secret.encode()
    return secrets


def promise_of(test: RestoreTest) -> Promise:
    """What a test is held to.

    Raises:
        KeyError, ValueError: its specification is not of this portal's form.
    """
    specification, job = test.specification, test.job
    earlier = _earlier_tables(test)
    parts: list[PartPromise] = []
    for number in range(1, int(specification["parts"][0]) + 1):
        tables = earlier[number - 1].tables if number <= len(earlier) else {}
        parts.append(part_of_specification(specification, number, tables))
    return Promise(
        parts=tuple(parts), recovery_point=timedelta(hours=job.recovery_point_h),
        recovery_time=timedelta(minutes=job.recovery_time_min), apart=timedelta(minutes=int(specification["apart_min"][0])),
        application=specification["application"][0],
    )  # fmt: skip


def _earlier_tables(test: RestoreTest) -> Sequence[PartFacts]:
    proof = test.job.tests.filter(verdict__in=PROVING).exclude(pk=test.pk).order_by("-finished_at").first()
    if proof is None:
        return []
    try:
        return parse_facts([(name, value) for name, value in proof.facts]).parts
    except UnreadableFacts:
        return []


def _planted(job: BackupJob) -> dict[int, list[str]]:
    """By part: the canaries that earlier tests left, as their facts tell."""
    found: dict[int, list[str]] = {}
    rows = job.tests.filter(state=RestoreState.FINISHED, purpose=Purpose.TEST).order_by("-created_at").values_list("facts", flat=True)
    for facts in rows[:CANARIES_OF]:
        part = 1
        for name, value in facts:
            if name == "part":
                part = int(value)
            elif name == "planted":
                found.setdefault(part, []).append(value)
    return found
