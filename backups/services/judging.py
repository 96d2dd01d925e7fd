"""The verdict of a restore test: pure functions over what the host found. Judged by content; unknown never passes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backups.choices import Cause, RestoreVerdict
from backups.parsers.facts import Facts

# Exit statuses of retainer-restore that say that the test, not the backup, is at fault.
_INCONCLUSIVE = {
    40: (Cause.TOOL, "The tool is not installed on the host."),
    41: (Cause.BUSY, "Another restore test runs on the host."),
    42: (Cause.SCRATCH, "The scratch area is too small for this snapshot."),
    43: (Cause.SCRATCH, "The scratch area can't be used."),
    44: (Cause.VERIFIER, "A repository that was broken on purpose was not refused on this host, so a pass would prove nothing."),
    48: (Cause.UNREAD, "What was restored could not be compared."),
}
# What restic 0.12 to 0.18 says; exit statuses are all 1 before 0.17.
_KEY = ("wrong password", "no key found", "ciphertext verification failed: wrong")
_NOWHERE = ("is there a repository at the following location", "unable to open config file", "repository does not exist")
_LOCKED = ("unable to create lock", "repository is already locked")
_HOST_FULL = ("no space left on device", "disk quota exceeded")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its cause and reasons, as sentences."""

    verdict: RestoreVerdict
    cause: Cause
    findings: tuple[str, ...]


def judge(
    *, exit_status: int, facts: Facts, sources: Sequence[str], recovery_point: timedelta, recovery_time: timedelta, at: datetime,
) -> Judgement:  # fmt: skip
    """Weigh what a finished test found.

    Args:
        exit_status: of retainer-restore.
        sources: what must be in the snapshot.
        at: when the test began. The age is that of the newest snapshot, whichever was restored.
    """
    if exit_status in _INCONCLUSIVE:
        cause, words = _INCONCLUSIVE[exit_status]
        room = f"{facts.room[0]} bytes are needed, {facts.room[1]} are free." if exit_status == 42 and facts.room else ""
        more = [text for text in (facts.unusable and f"{facts.unusable}.", room, facts.verifier) if text]
        return Judgement(RestoreVerdict.INCONCLUSIVE, cause, (words, *more))
    if exit_status == 46 or facts.snapshots_total == 0:
        return Judgement(RestoreVerdict.FAIL, Cause.COVERAGE, ("There is no snapshot in the repository.",))
    if exit_status in {45, 47}:
        return _tool_failed(exit_status, facts)
    if exit_status != 0:
        return Judgement(RestoreVerdict.INCONCLUSIVE, Cause.UNREAD, (f"The test ended with exit status {exit_status}.",))
    return _content(facts, sources, recovery_point, recovery_time, at)


def _tool_failed(exit_status: int, facts: Facts) -> Judgement:
    said = facts.said.lower()
    words = f"The tool said: {facts.said}"
    if any(text in said for text in _HOST_FULL):
        return Judgement(RestoreVerdict.INCONCLUSIVE, Cause.SCRATCH, ("The scratch area filled up while restoring.", words))
    if any(text in said for text in _LOCKED):
        return Judgement(RestoreVerdict.INCONCLUSIVE, Cause.BUSY, ("A lock is in the way.", words))
    if any(text in said for text in _KEY):
        return Judgement(RestoreVerdict.FAIL, Cause.KEY, ("The key that we keep does not open the repository.", words))
    if any(text in said for text in _NOWHERE):
        return Judgement(RestoreVerdict.FAIL, Cause.REPOSITORY, ("There is no repository where the job says.", words))
    what = "Restoring failed" if exit_status == 47 else "The repository can't be read"
    return Judgement(RestoreVerdict.FAIL, Cause.CORRUPTION, (f"{what}: its data is damaged or missing.", words))


def _content(facts: Facts, sources: Sequence[str], recovery_point: timedelta, recovery_time: timedelta, at: datetime) -> Judgement:
    unread = _unread(facts)
    if unread:
        return Judgement(RestoreVerdict.INCONCLUSIVE, Cause.UNREAD, (f"Not found out: {', '.join(unread)}.",))
    for cause, problems in (
        (Cause.CORRUPTION, _damage(facts)),
        (Cause.COVERAGE, _coverage(facts, sources)),
        (Cause.MISMATCH, _mismatch(facts)),
        (Cause.STALE, _age(facts, recovery_point, at)),
    ):
        if problems:
            return Judgement(RestoreVerdict.FAIL, cause, tuple(problems))
    notes = _notes(facts, recovery_time)
    count = facts.restored[1] if facts.restored else 0
    summary = f"{count} files came back whole, {facts.sample[0] if facts.sample else 0} of a sample are the same as they live."
    return Judgement(RestoreVerdict.NOTES if notes else RestoreVerdict.PASS, Cause.NONE, (*notes, summary))


def _unread(facts: Facts) -> list[str]:
    needed = {
        "the snapshot": facts.snapshot, "its paths": facts.paths, "its size": facts.expected, "what came back": facts.restored,
        "the sample": facts.sample, "what is missing": facts.missing, "the age of the newest snapshot": facts.newest_at,
        "how long it took": facts.seconds("restore"),
    }  # fmt: skip
    return [*(name for name, value in needed.items() if value is None), *([] if facts.verifier else ["that the verifier works"])]


def _damage(facts: Facts) -> list[str]:
    if facts.read is not None and not facts.read[1]:
        return [f"Reading part {facts.read[0]} of all data found damage. The tool said: {facts.said}"]
    return []


def _coverage(facts: Facts, sources: Sequence[str]) -> list[str]:
    paths, expected, restored = facts.paths or (), facts.expected or (0, 0), facts.restored or (0, 0)
    problems = [f"{source} is not in the snapshot." for source in sources if not any(_inside(source, path) for path in paths)]
    problems += [
        f"Nothing of {source} came back."
        for source in sources
        if facts.sources.get(source, 0) == 0 and f"{source} is not in the snapshot." not in problems
    ]
    if restored[1] == 0:
        problems.append("Not a single file came back.")
    elif restored[0] != expected[0]:
        problems.append(f"{restored[0]} bytes came back; the snapshot lists {expected[0]}.")
    if facts.missing:
        names = ", ".join(facts.absent[:5])
        problems.append(f"{facts.missing} files that lay in the sources before the snapshot did not come back: {names}.")
    return problems


def _inside(path: str, folder: str) -> bool:
    return folder in {path, "/"} or path.startswith(folder.rstrip("/") + "/")


def _mismatch(facts: Facts) -> list[str]:
    bad = facts.sample[3] if facts.sample else 0
    names = ", ".join(facts.differs[:5])
    return [f"{bad} files did not change since the snapshot and are not what came back: {names}."] if bad else []


def _age(facts: Facts, recovery_point: timedelta, at: datetime) -> list[str]:
    age = at - (facts.newest_at or at)
    if age <= recovery_point:
        return []
    return [f"The newest snapshot is {_hours(age)} old; promised are {_hours(recovery_point)}."]


def _notes(facts: Facts, recovery_time: timedelta) -> list[str]:
    notes = []
    seconds = facts.seconds("restore") or 0.0
    if seconds > recovery_time.total_seconds():
        minutes = recovery_time.total_seconds() / 60
        notes.append(f"Getting the data back took {seconds / 60:.0f} minutes; promised are {minutes:.0f}.")
    if facts.locks:
        notes.append(f"{facts.locks} lock lies in the repository: where it is stale, old snapshots are never removed.")
    if facts.modes:
        notes.append(f"Owner or mode differ from the live file in {facts.modes[0]} cases, such as {facts.modes[1]}.")
    notes += [f"The source {source} does not live on the host any more." for source in facts.live_gone]
    same, changed, gone, _ = facts.sample or (0, 0, 0, 0)
    if not same and not facts.live_gone:
        notes.append(f"Nothing of the sample could be compared: {changed} changed since, {gone} are gone.")
    return notes


def _hours(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 72 else f"{hours:.0f} hours"
