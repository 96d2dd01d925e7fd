"""What a change would do on a host, asked of the host itself: before an approval, and again before anything is changed."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from maintenance.choices import Keeping
from maintenance.models import PlannedChange, Rollout, RunPackage
from maintenance.parsers.apt import parse_plan
from maintenance.parsers.values import UnexpectedOutput
from portal.ssh import detached
from portal.ssh.pool import Shell


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One package's transition on a host; what does not have `from_version` comes in new."""

    package: str
    architecture: str
    from_version: str
    to_version: str
    conflicts: tuple[str, ...] = ()
    keeping: Keeping = Keeping.UNKNOWN


@dataclass(frozen=True, slots=True)
class HostAnswer:
    """The changes, or the sentences that say why there is no plan."""

    changes: tuple[Change, ...]
    problems: tuple[str, ...]


def words(changes: Iterable[PlannedChange | RunPackage], *, own_architecture: str) -> tuple[str, ...]:
    """Changes as the host's helper takes them: `name=version`, + for new ones, the architecture where it is not the host's own."""
    own = {"all", own_architecture or "amd64"}
    return tuple(
        f"{'' if row.from_version else '+'}{row.package}{'' if row.architecture in own else ':' + row.architecture}={row.to_version}"
        for row in changes
    )


def look(shell: Shell, wanted: Sequence[PlannedChange], *, own_architecture: str) -> HostAnswer:
    """Ask a host what bringing these packages to these versions would do there now. Installs nothing.

    Raises:
        SSHError, UnexpectedStatus: the host could not be asked.
    """
    answer = detached.plan(shell, packages=words(wanted, own_architecture=own_architecture))
    return read(answer, wanted)


def read(answer: detached.HostPlan, wanted: Sequence[PlannedChange]) -> HostAnswer:
    """A host's answer against what was decided; what is at its version already is no change any more."""
    if answer.exit_status != 0:
        return HostAnswer((), (f"apt has no plan for it: {' '.join(answer.text.split())[-600:]}",))
    try:
        steps = parse_plan(answer.text).steps
    except UnexpectedOutput as error:
        return HostAnswer((), (f"The plan can't be read: {error}",))
    decided = {(row.package, row.architecture): row for row in wanted}
    problems: list[str] = []
    changes: list[Change] = []
    for step in steps:
        name = step.name.partition(":")[0]
        row = decided.get((name, step.architecture))
        if step.action == "remove":
            problems.append(f"It would remove {name}.")
        elif row is None:
            problems.append(f"It would also change {name} to {step.candidate}, which nobody decided about.")
        elif row.to_version != step.candidate:
            problems.append(f"{name} would come to {step.candidate}, not to {row.to_version}.")
        else:
            conflicts = tuple(sorted(path for package, path in answer.conflicts if package == name))
            changes.append(
                Change(name, step.architecture, step.installed, step.candidate, conflicts, _keeping(step.installed, name, answer))
            )
    if changes and not answer.fetched:
        problems.append("What it needs could not be fetched to the host.")
    return HostAnswer(tuple(sorted(changes)), tuple(problems))


def planned(rows: Iterable[PlannedChange]) -> tuple[Change, ...]:
    """What stands in the database, for comparing."""
    return tuple(
        sorted(
            Change(row.package, row.architecture, row.from_version, row.to_version, tuple(sorted(row.conflicts)), Keeping(row.keeping))
            for row in rows
        )
    )


def differences(before: Sequence[Change], now: Sequence[Change]) -> list[str]:
    """What is not as it was planned, as sentences. That a version is no longer kept for a rollback counts too."""
    old = {(change.package, change.architecture): change for change in before}
    new = {(change.package, change.architecture): change for change in now}
    found = []
    for key in sorted(old.keys() | new.keys()):
        one, other = old.get(key), new.get(key)
        if one is None and other is not None:
            found.append(f"{key[0]} would change too, to {other.to_version}")
        elif other is None and one is not None:
            found.append(f"{key[0]} would no longer change")
        elif one is not None and other is not None and one != other:
            if (one.from_version, one.to_version) != (other.from_version, other.to_version):
                found.append(f"{key[0]} would go from {other.from_version} to {other.to_version}")
            if one.conflicts != other.conflicts:
                found.append(f"configuration files in conflict: {', '.join(other.conflicts) or 'none'}")
            if one.keeping != other.keeping:
                found.append(f"{key[0]}: {other.keeping.label.lower()}")
    return found


def hash_of(rollout: Rollout) -> str:
    """What an approval signs: sha256 over every change on production, its order, and how the rollout goes about it."""
    targets = rollout.targets.filter(wave__gte=1).select_related("system").order_by("wave", "position", "pk")
    content = {
        "rollout": str(rollout.uuid),
        "emergency": rollout.emergency,
        "restarts": rollout.restarts,
        "document": rollout.document.sha256 if rollout.document else "",
        "waived": rollout.waived,
        "targets": [
            {
                "system": target.system_id, "destination": target.system.destination, "wave": target.wave, "position": target.position,
                "snapshot": [target.snapshot, target.snapshot_note],
                "changes": [
                    [c.package, c.architecture, c.from_version, c.to_version, list(c.conflicts), c.keeping.value]
                    for c in planned(target.changes.all())
                ],
            }
            for target in targets
        ],
    }  # fmt: skip
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _keeping(installed: str, name: str, answer: detached.HostPlan) -> Keeping:
    if not installed:
        return Keeping.NEW
    return Keeping.KEPT if answer.kept.get(name) else Keeping.MISSING
