"""The verdict of a run: pure functions over the evidence before and after. Unknown is never verified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maintenance.choices import REBOOTING, RunKind, Verdict

Facts = Mapping[str, Any]

# Exit statuses of retainer-host itself; apt's own failure is 100.
OWN_EXITS = {
    65: "The candidate moved: the host would now install another version than the decided one. Nothing was changed.",
    66: "apt found no way to install exactly these versions. Nothing was changed.",
    67: "Installing these versions would also change packages that nobody decided about. Nothing was changed.",
    68: "A package is no longer installed on the host. Nothing was changed.",
    69: "A version to go back to is not kept on the host. Nothing was changed.",
    70: "The host was asked to reboot and did not.",
    71: "The host could not start the run as a unit. Nothing was changed.",
    76: "A check of the document did not hold. Nothing was changed.",
    78: "A step of the upgrade failed; the steps after it were not begun.",
    79: "Taking a step back failed, or it has no way back; the steps before it stay as they are.",
    75: "The run never began on the host and was withdrawn. Nothing was changed.",
    80: "The snapshot that had to come first could not be taken. Nothing was changed.",
    81: "The snapshot is not there any more. Nothing was changed.",
    82: "The file system could not be brought back to the snapshot. It is as it was.",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reasons, as sentences."""

    verdict: Verdict
    findings: tuple[str, ...]


# Errors in the journal within ten minutes: so many more, and so many times as many, are a regression.
ERRORS_MORE = 20
ERRORS_TIMES = 3


def judge(
    *, exit_status: int, audit: str, before: Facts, after: Facts, wanted: Mapping[str, str], kind: RunKind = RunKind.APPLY,
    replaced: frozenset[str] = frozenset(), lacks_snapshot: bool = False,
) -> Judgement:  # fmt: skip
    """Weigh what a finished run left behind.

    Args:
        audit: what `dpkg --audit` printed at the end.
        before, after: facts as `evidence.take` records them.
        wanted: `package:architecture` to the decided version; empty for a run that changes no version.
        replaced: units that an upgrade's document says may be gone or changed.
        lacks_snapshot: it had to begin with a snapshot and the host tells of none.
    """
    changed = exit_status not in OWN_EXITS
    failures = _exit(exit_status, lacks_snapshot=lacks_snapshot)
    if audit.strip():
        failures.append("dpkg holds packages that are not wholly installed: " + " ".join(audit.split())[:500])
    versions: Mapping[str, str] = after.get("packages") or {}
    for package, version in wanted.items():
        found = versions.get(package, "")
        if found != version and changed:
            failures.append(f"{package} is at {found or 'an unknown version'}, not at {version}.")
    unread = [str(gap) for facts in (before, after) for gap in facts.get("gaps", [])] + _never_answered(before, after)
    regressions = compare(_without(before, replaced), after)
    if kind in REBOOTING and before.get("boot_id") == after.get("boot_id"):
        failures.append("The host did not reboot: its boot id is the same.")
    if failures:
        return Judgement(Verdict.FAILED, (*failures, *regressions))
    if regressions:
        return Judgement(Verdict.REGRESSED, tuple(regressions))
    if unread:
        return Judgement(Verdict.UNKNOWN, tuple(f"Not read, so not verified: {gap}" for gap in unread))
    return Judgement(Verdict.VERIFIED, ("Versions, units, listening sockets and answers are as they should be.",))


def _exit(status: int, *, lacks_snapshot: bool) -> list[str]:
    if status in OWN_EXITS:
        return [OWN_EXITS[status]]
    failed = [f"The package manager ended with exit status {status}."] if status != 0 else []
    return [*(["The host changed without the snapshot that had to come first."] if lacks_snapshot else []), *failed]


def _without(facts: Facts, units: frozenset[str]) -> Facts:
    """Without what may go: a unit of these that is newly failed counts all the same."""
    return {**facts, "units": {name: unit for name, unit in (facts.get("units") or {}).items() if name not in units}}


def compare(before: Facts, after: Facts) -> list[str]:
    """What worked before and does not now, as sentences."""
    return [
        *_units(before, after),
        *_sockets(before, after),
        *_answers(before, after),
        *_checks(before, after),
        *_watched(before, after),
        *_errors(before, after),
    ]


def _units(before: Facts, after: Facts) -> list[str]:
    """Units that ran and are enabled must run; nothing may be newly failed; nothing may restart again and again."""
    found: list[str] = []
    earlier: Mapping[str, Facts] = before.get("units") or {}
    for name, unit in (after.get("units") or {}).items():
        old = earlier.get(name, {})
        if unit["active"] == "failed" and old.get("active") != "failed":
            found.append(f"{name} is failed now ({unit['result']}).")
        elif _runs(old) and old.get("enabled") == "enabled" and not _runs(unit):
            found.append(f"{name} ran before and is {unit['active']} ({unit['sub']}) now.")
        elif unit["sub"] == "auto-restart" and old.get("sub") != "auto-restart":
            found.append(f"{name} ends and is restarted again and again.")
        elif name in (after.get("flapping") or []):
            found.append(f"{name} was restarted by systemd while we looked.")
    gone = [name for name, unit in earlier.items() if _runs(unit) and name not in (after.get("units") or {})]
    if after.get("units"):
        found += [f"{name} ran before and is not known now." for name in gone if earlier[name].get("enabled") == "enabled"]
    return sorted(found)


def _runs(unit: Facts) -> bool:
    return unit.get("active") == "active" and unit.get("sub") == "running"


def _sockets(before: Facts, after: Facts) -> list[str]:
    if after.get("listening") is None or before.get("listening") is None:
        return []
    now = set(after["listening"])
    return [f"Nothing listens on {socket} any more." for socket in sorted(set(before["listening"]) - now)]


def _answers(before: Facts, after: Facts) -> list[str]:
    answers: Mapping[str, Facts] = after.get("answers") or {}
    found = []
    for url, old in (before.get("answers") or {}).items():
        new = answers.get(url)
        if old["ok"] and not (new and new["ok"]):
            found.append(f"{url} answered before; now: {new['message'] if new else 'not asked'}.")
    return found


def _checks(before: Facts, after: Facts) -> list[str]:
    """Checks that operators defined: what passed before passes now."""
    now: Mapping[str, Facts] = after.get("checks") or {}
    found = []
    for name, old in (before.get("checks") or {}).items():
        new = now.get(name)
        if old["ok"] and not (new and new["ok"]):
            found.append(f"The check “{name}” passed before; now: {new['message'] if new else 'not asked'}.")
    return found


def _watched(before: Facts, after: Facts) -> list[str]:
    """What monitoring looks at: what was in order before is not critical now."""
    now: Mapping[str, Facts] = after.get("watched") or {}
    return [
        f"{name} was in order before; now: {now[name]['message']}"
        for name, old in (before.get("watched") or {}).items()
        if old["ok"] and name in now and not now[name]["ok"]
    ]


def _errors(before: Facts, after: Facts) -> list[str]:
    """The journal's error rate."""
    old, new = before.get("errors"), after.get("errors")
    if old is None or new is None or new - old < ERRORS_MORE or new < ERRORS_TIMES * old:
        return []
    return [f"The journal has {new} errors within ten minutes; before there were {old}."]


def _never_answered(before: Facts, after: Facts) -> list[str]:
    """What answered neither before nor after: what the update did to it can't be known."""
    lines = []
    for kind in ("answers", "checks"):
        answers: Mapping[str, Facts] = after.get(kind) or {}
        lines += [
            f"{name} does not answer ({answers[name]['message']}), and did not before"
            for name, old in (before.get(kind) or {}).items()
            if not old["ok"] and name in answers and not answers[name]["ok"]
        ]
    return lines


def changes(before: Facts, after: Facts) -> Sequence[str]:
    """What differs at all between the two moments, for the run's page; no judgement."""
    lines = []
    earlier: Mapping[str, Facts] = before.get("units") or {}
    for name, unit in sorted((after.get("units") or {}).items()):
        old = earlier.get(name)
        if old is None:
            lines.append(f"{name}: new, {unit['active']} ({unit['sub']})")
        elif (old["active"], old["sub"]) != (unit["active"], unit["sub"]):
            lines.append(f"{name}: {old['active']} ({old['sub']}) → {unit['active']} ({unit['sub']})")
    sockets = set(before.get("listening") or []), set(after.get("listening") or [])
    lines += [f"no longer listens: {socket}" for socket in sorted(sockets[0] - sockets[1])]
    lines += [f"listens now: {socket}" for socket in sorted(sockets[1] - sockets[0])]
    for name, label in (("kernel", "kernel"), ("load", "load"), ("errors", "errors in the journal within ten minutes")):
        if before.get(name) != after.get(name):
            lines.append(f"{label}: {before.get(name, 'not known')} → {after.get(name, 'not known')}")
    return lines
