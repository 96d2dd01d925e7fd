"""What files that came back are judged by."""

from collections.abc import Sequence
from datetime import timedelta

from backups.choices import Cause, Tool
from backups.parsers.facts import PartFacts
from backups.services.promises import PartPromise, Planted


def file_unread(part: PartPromise, facts: PartFacts) -> list[str]:
    """What was not found out and had to be."""
    needed: dict[str, object] = {"its size": facts.expected}
    if part.tool == Tool.RESTIC:
        needed["its paths"] = facts.paths
    if not facts.elsewhere:
        needed |= {"the sample": facts.sample, "what is missing": facts.missing}
    return [words for words, value in needed.items() if value is None] + [
        f"what came back of {source}" for source in part.sources if source not in facts.sources
    ]


def file_problems(part: PartPromise, facts: PartFacts) -> list[tuple[Cause, str]]:
    """What fails the test, each with its cause."""
    return [
        *((Cause.CORRUPTION, words) for words in damage(facts)),
        *((Cause.COVERAGE, words) for words in (*_coverage(part, facts), *_canaries(part, facts))),
        *((Cause.MISMATCH, words) for words in _mismatch(facts)),
    ]


def file_notes(part: PartPromise, facts: PartFacts) -> list[str]:
    """What is to know and fails nothing."""
    notes = []
    if facts.locks:
        notes.append(f"{facts.locks} lock lies in the repository: where it is stale, old snapshots are never removed.")
    if facts.elsewhere:
        return [*notes, "Restored away from the system: compared with the snapshot's own list, not with what lives."]
    if facts.modes:
        notes.append(f"Owner or mode differ from the live file in {facts.modes[0]} cases, such as {facts.modes[1]}.")
    notes += [f"The source {source} does not live on the host any more." for source in facts.live_gone]
    same, changed, gone, _ = facts.sample or (0, 0, 0, 0)
    if not same and not facts.live_gone:
        notes.append(f"Nothing of the sample could be compared: {changed} changed since, {gone} are gone.")
    return notes


def file_summary(facts: PartFacts) -> str:
    """The numbers of a pass."""
    count = facts.restored[1] if facts.restored else 0
    canaries = sum(1 for digest in facts.canaries.values() if digest)
    more = f", {canaries} {'canary' if canaries == 1 else 'canaries'} among them" if canaries else ""
    if facts.elsewhere:
        return f"{count} files came back whole{more}."
    return f"{count} files came back whole{more}, {facts.sample[0] if facts.sample else 0} of a sample are the same as they live."


def sources_not_in(facts: PartFacts, sources: Sequence[str]) -> list[str]:
    """Sources that the snapshot itself does not say it holds; none where the tool does not say."""
    if facts.paths is None:
        return []
    return [source for source in sources if not any(_inside(source, path) for path in facts.paths)]


def damage(facts: PartFacts) -> list[str]:
    """What reading a share of all data found."""
    if facts.read is not None and not facts.read[1]:
        return [f"Reading part {facts.read[0]} of all data found damage. The tool said: {facts.said}"]
    return []


def _coverage(part: PartPromise, facts: PartFacts) -> list[str]:
    expected, restored = facts.expected or (0, 0), facts.restored or (0, 0)
    problems = [f"{source} is not in the snapshot." for source in sources_not_in(facts, part.sources)]
    problems += [
        f"Nothing of {source} came back."
        for source in part.sources
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


def _canaries(part: PartPromise, facts: PartFacts) -> list[str]:
    """The last canary that was left before the snapshot must be in it, or a later one."""
    if facts.snapshot is None:
        return []
    before = facts.snapshot[1] - timedelta(minutes=1)
    problems = []
    for path in sorted({planted.path for planted in part.canaries}):
        ours = sorted((one for one in part.canaries if one.path == path), key=lambda one: one.at)
        due = [one for one in ours if one.at <= before]
        if not due:
            continue
        late_enough: list[Planted] = ours[len(due) - 1 :]
        found = facts.canaries.get(path, "")
        if found not in {one.sha256 for one in late_enough}:
            what = "is an older one" if found else "did not come back"
            problems.append(f"The canary {path} of {due[-1].at:%Y-%m-%d %H:%M} UTC {what}: the snapshot does not hold what lay there.")
    return problems


def _inside(path: str, folder: str) -> bool:
    return folder in {path, "/"} or path.startswith(folder.rstrip("/") + "/")


def _mismatch(facts: PartFacts) -> list[str]:
    bad = facts.sample[3] if facts.sample else 0
    names = ", ".join(facts.differs[:5])
    return [f"{bad} files did not change since the snapshot and are not what came back: {names}."] if bad else []
