"""The verdict of a restore test: pure functions over what the host found. Judged by content; unknown never passes."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from backups.choices import DATABASE_TOOLS, Cause, RestoreVerdict
from backups.parsers.facts import Facts, PartFacts
from backups.services.judging_databases import database_notes, database_problems, database_summary, database_unread
from backups.services.judging_files import file_notes, file_problems, file_summary, file_unread
from backups.services.promises import PartPromise, Promise

# Exit statuses of retainer-restore that say that the test, not the backup, is at fault.
_INCONCLUSIVE = {
    40: (Cause.TOOL, "The tool is not installed on the host."),
    41: (Cause.BUSY, "Another restore test runs on the host."),
    42: (Cause.SCRATCH, "The scratch area is too small for this snapshot."),
    43: (Cause.SCRATCH, "The scratch area can't be used."),
    44: (Cause.VERIFIER, "A backup that was broken on purpose was not refused on this host, so a pass would prove nothing."),
    48: (Cause.UNREAD, "What was restored could not be compared."),
    49: (Cause.TOOL, "The host has no database server that could load this dump."),
}
# What the tools say: restic 0.12 to 0.18 (exit statuses are all 1 before 0.17), borg 1.2 and 1.4 by message id.
_KEY = ("wrong password", "no key found", "ciphertext verification failed: wrong", "passphrasewrong", "keyfilenotfounderror")
_NOWHERE = (
    "is there a repository at the following location", "unable to open config file", "repository does not exist",
    "repository.doesnotexist", "repository.invalidrepository",
)  # fmt: skip
_MOVED = ("repositoryaccessaborted", "encryptionmethodmismatch")
# Of storage elsewhere: it is not reached, which says nothing of the backup; or it does not let us in.
_AWAY = (
    "connection refused", "no route to host", "i/o timeout", "no such host", "network is unreachable", "connection timed out",
    "could not resolve hostname", "host key verification failed", "unable to start the sftp session", "connectionclosedwithhint",
    "connection closed by remote host",
)  # fmt: skip
_REFUSED = (
    "(401)",
    "access denied",
    "access key id you provided",
    "signature we calculated does not match",
    "permission denied (publickey",
    # what ssh says before it says that, and what borg may end with: a busy host passes on no more
    "remote: permission denied",
)
_LOCKED = ("unable to create lock", "repository is already locked", "locktimeout")
_HOST_FULL = ("no space left on device", "disk quota exceeded")
_DAMAGED = (
    "does not go to its end", "unexpected end of file", "unexpected eof", "crc error", "invalid compressed data",
    "could not uncompress", "could not read from input file", "could not close data file",
    "integrityerror", "checksum error", "corrupt",
)  # fmt: skip
_NOT_HERE = ("is not available", "could not open extension control file", "could not access file", "unknown storage engine")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its cause and reasons, as sentences."""

    verdict: RestoreVerdict
    cause: Cause
    findings: tuple[str, ...]


def judge(*, exit_status: int, facts: Facts, promise: Promise, at: datetime) -> Judgement:
    """Weigh what a finished test found.

    Args:
        exit_status: of retainer-restore.
        at: when the test began. The age is that of the newest snapshot, whichever was restored.
    """
    name = _naming(promise, facts.current)
    if exit_status in _INCONCLUSIVE:
        cause, words = _INCONCLUSIVE[exit_status]
        room = f"{facts.room[0]} bytes are needed, {facts.room[1]} are free." if exit_status == 42 and facts.room else ""
        more = [text for text in (facts.unusable and f"{facts.unusable}.", room, facts.here.verifier, facts.here.said) if text]
        return Judgement(RestoreVerdict.INCONCLUSIVE, cause, (name + words, *more))
    if exit_status == 46 or facts.here.snapshots_total == 0:
        return Judgement(RestoreVerdict.FAIL, Cause.COVERAGE, (f"{name}There is no snapshot in the repository.",))
    if exit_status in {45, 47}:
        return _tool_failed(exit_status, facts.here, promise, facts.current)
    if exit_status != 0:
        return Judgement(RestoreVerdict.INCONCLUSIVE, Cause.UNREAD, (f"The test ended with exit status {exit_status}.",))
    return _content(facts, promise, at)


def _tool_failed(exit_status: int, facts: PartFacts, promise: Promise, number: int) -> Judgement:
    loads = bool(promise.parts) and promise.parts[number].tool in DATABASE_TOOLS and exit_status == 47
    verdict, cause, words = why(exit_status, facts, loads=loads)
    return Judgement(verdict, cause, (_naming(promise, number) + words, f"The tool said: {_plain(facts.said)}"))


def why(exit_status: int, facts: PartFacts, *, loads: bool) -> tuple[RestoreVerdict, Cause, str]:
    """By what the tool said; the first that fits. What nobody knows is damage."""
    said = facts.said.lower()

    def told(words: tuple[str, ...]) -> bool:
        return any(text in said for text in words)

    fail, inconclusive = RestoreVerdict.FAIL, RestoreVerdict.INCONCLUSIVE
    what = "Restoring failed" if exit_status == 47 else "The repository can't be read"
    rules = (
        (told(_HOST_FULL), inconclusive, Cause.SCRATCH, "The scratch area filled up while restoring."),
        (told(_LOCKED), inconclusive, Cause.BUSY, "A lock is in the way."),
        (loads and told(_NOT_HERE), inconclusive, Cause.TOOL, "The dump needs something that this host's server lacks."),
        (told(_REFUSED), fail, Cause.KEY, "The storage where the repository lies refuses the login."),
        (told(_AWAY), inconclusive, Cause.HOST, "The storage where the repository lies is not reached from this system."),
        (_ran_out_of_time(facts) and not told(_DAMAGED), inconclusive, Cause.HOST, "It did not end within its time, or was killed."),
        (told(_KEY), fail, Cause.KEY, "The key that we keep does not open the repository."),
        (bool(facts.nowhere) or told(_NOWHERE), fail, Cause.REPOSITORY, "There is no repository where the job says."),
        (told(_MOVED), fail, Cause.REPOSITORY, "The repository is not the one that it was."),
        (loads and not told(_DAMAGED), fail, Cause.LOAD, "The dump does not load."),
        (True, fail, Cause.CORRUPTION, f"{what}: its data is damaged or missing."),
    )
    return next((verdict, cause, words) for fits, verdict, cause, words in rules if fits)


def _ran_out_of_time(facts: PartFacts) -> bool:
    """Whether `timeout` ended the last phase: 124, or 137 where it had to kill."""
    return bool(facts.phases) and facts.phases[-1].exit_status in {124, 137}


def _content(facts: Facts, promise: Promise, at: datetime) -> Judgement:
    if len(facts.parts) != len(promise.parts) or not promise.parts:
        return Judgement(RestoreVerdict.INCONCLUSIVE, Cause.UNREAD, ("Not every part was reached.",))
    pairs = list(zip(promise.parts, facts.parts, strict=True))
    unread = [f"{_naming(promise, n)}{words}" for n, (part, found) in enumerate(pairs) for words in _unread(part, found)]
    if unread:
        return Judgement(RestoreVerdict.INCONCLUSIVE, Cause.UNREAD, (f"Not found out: {', '.join(unread)}.",))
    problems: list[tuple[Cause, str]] = []
    for number, (part, found) in enumerate(pairs):
        named = file_problems(part, found) if part.tool not in DATABASE_TOOLS else database_problems(part, found)
        problems += [(cause, _naming(promise, number) + words) for cause, words in named]
        problems += [(Cause.STALE, _naming(promise, number) + words) for words in _age(found, promise.recovery_point, at)]
    problems += [(Cause.MISMATCH, words) for words in (*_apart(promise, facts), *_application(promise, facts))]
    for cause in (Cause.CORRUPTION, Cause.COVERAGE, Cause.MISMATCH, Cause.STALE):
        words = tuple(sentence for one, sentence in problems if one == cause)
        if words:
            others = tuple(sentence for one, sentence in problems if one != cause)
            return Judgement(RestoreVerdict.FAIL, cause, (*words, *others))
    notes = _slow(facts, promise)
    if facts.code is not None and facts.code[1]:
        notes.append(f"{facts.code[1]} files of its code are not as their maker signed them, nor where they live.")
    for number, (part, found) in enumerate(pairs):
        named_notes = file_notes(part, found) if part.tool not in DATABASE_TOOLS else database_notes(part, found)
        notes += [_naming(promise, number) + words for words in named_notes]
    summary = [file_summary(found) if part.tool not in DATABASE_TOOLS else database_summary(part, found) for part, found in pairs]
    if promise.application and facts.rows_and_files:
        summary.append(f"{facts.rows_and_files[0]} of its rows have their file.")
    if facts.code is not None:
        summary.append(f"{facts.code[0]} files of its code are as their maker signed them.")
    return Judgement(RestoreVerdict.NOTES if notes else RestoreVerdict.PASS, Cause.NONE, (*notes, *summary))


def _naming(promise: Promise, number: int) -> str:
    """The part's name before a sentence, where there is more than one."""
    return f"{promise.parts[number].name}: " if len(promise.parts) > 1 and number < len(promise.parts) else ""


def _unread(part: PartPromise, facts: PartFacts) -> list[str]:
    needed = {
        "the snapshot": facts.snapshot, "what came back": facts.restored, "the age of the newest snapshot": facts.newest_at,
        "how long it took": facts.recovery_s(), "what the verifier found": facts.verifier or None,
    }  # fmt: skip
    unread = [words for words, value in needed.items() if value is None]
    return unread + (database_unread(part, facts) if part.tool in DATABASE_TOOLS else file_unread(part, facts))


def _age(facts: PartFacts, recovery_point: timedelta, at: datetime) -> list[str]:
    age = at - (facts.newest_at or at)
    if age <= recovery_point:
        return []
    return [f"The newest snapshot is {hours(age)} old; promised are {hours(recovery_point)}."]


def _apart(promise: Promise, facts: Facts) -> list[str]:
    times = [part.snapshot[1] for part in facts.parts if part.snapshot]
    apart = max(times) - min(times)
    if len(times) < 2 or apart <= promise.apart:
        return []
    minutes = promise.apart.total_seconds() / 60
    return [f"The parts are {hours(apart, small=True)} apart; they count together only within {minutes:.0f} minutes."]


def _application(promise: Promise, facts: Facts) -> list[str]:
    if not promise.application:
        return []
    problems = [f"{words[:1].upper()}{words[1:]}." for words in facts.application]
    if facts.rows_and_files is None:
        return problems or ["Whether the files fit the database was not found out."]
    whole, broken, unknown = facts.rows_and_files
    if broken:
        names = ", ".join(facts.rows_without_file[:5])
        problems.append(f"{broken} of {whole + broken} rows of the file cache have no file of that size: {names}.")
    if unknown:
        problems.append(f"{unknown} files have no row in the database: {', '.join(facts.files_without_row[:5])}.")
    if not whole and not broken:
        problems.append("The file cache has no row of any file.")
    if facts.code is not None and facts.code[2]:
        names = ", ".join(facts.code_wrong[:5])
        problems.append(f"{facts.code[2]} files of its code are neither as their maker signed them nor as they live here: {names}.")
    return problems


def _slow(facts: Facts, promise: Promise) -> list[str]:
    seconds = facts.recovery_s() or 0.0
    limit = promise.recovery_time.total_seconds()
    return [f"Getting the data back took {seconds / 60:.0f} minutes; promised are {limit / 60:.0f}."] if seconds > limit else []


def _plain(said: str) -> str:
    """borg's lines of JSON as their messages."""
    return re.sub(r'\{[^{}]*"message": "((?:[^"\\]|\\.)*)"[^{}]*\}', r"\1", said)


def hours(age: timedelta, *, small: bool = False) -> str:
    """An age in words: hours, from three days on days; with `small` minutes below two hours."""
    number = age.total_seconds() / 3600
    if small and number < 2:
        return f"{number * 60:.0f} minutes"
    return f"{number / 24:.0f} days" if number >= 72 else f"{number:.0f} hours"
