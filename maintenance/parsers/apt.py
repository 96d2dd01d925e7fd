"""dpkg and apt, as Debian prints them under LC_ALL=C. Captures: tests/captures/debian-12/."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maintenance.parsers.values import Installed, PlanStep, UnexpectedOutput, Upgrade

_UPGRADABLE = re.compile(r"(?P<name>[^/\s]+)/(?P<suites>\S+) (?P<version>\S+) (?P<arch>\S+) \[upgradable from: (?P<old>[^\]]+)\]")
_INST = re.compile(
    r"Inst (?P<name>\S+) (?:\[(?P<old>[^\]]+)\] )?\((?P<version>\S+) (?P<origin>.*?) ?\[(?P<arch>[^\]]+)\]\)(?: \[.*\])?\s*"
)
_REMOVE = re.compile(r"(?:Remv|Purg) (?P<name>\S+)(?: \[(?P<old>[^\]]+)\])?.*")
_KEPT_BACK = "The following packages have been kept back:"
_PHASED = ("The following upgrades have been deferred due to phasing:", "Not upgrading yet due to phasing:")


@dataclass(frozen=True, slots=True)
class Plan:
    """What `apt-get -s` says it would do."""

    steps: tuple[PlanStep, ...]
    kept_back: frozenset[str]
    phased: frozenset[str]


def parse_inventory(text: str) -> tuple[Installed, ...]:
    """The packages that dpkg knows and that are not merely removed.

    Args:
        text: `dpkg-query -W` with the format of probes/scan.sh: status, name, version, architecture, source, its version.

    Raises:
        UnexpectedOutput: a line does not have six fields.
    """
    packages = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != 6 or len(fields[0]) < 2:
            raise UnexpectedOutput("dpkg-query", number, line)
        status, name, version, architecture, source, source_version = fields
        # dpkg-query(1): second letter is the state; n is not installed, c has configuration files only
        if status[1] in "nc":
            continue
        whole = status[1] == "i" and (len(status) < 3 or status[2] in " \t")
        packages.append(Installed(name, version, architecture, source, source_version, whole, status.strip()))
    return tuple(packages)


def parse_upgradable(text: str) -> dict[str, tuple[str, str, str, str]]:
    """Name to (architecture, installed, candidate, suites) from `apt list --upgradable`.

    A package of a foreign architecture is named `name:arch`.

    Raises:
        UnexpectedOutput: a line is neither the heading nor a package.
    """
    found: dict[str, tuple[str, str, str, str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith(("Listing...", "N: ")):
            continue
        match = _UPGRADABLE.fullmatch(line.strip())
        if match is None:
            raise UnexpectedOutput("apt list", number, line)
        name = match["name"]
        if name in found:
            name = f"{name}:{match['arch']}"
        found[name] = (match["arch"], match["old"], match["version"], match["suites"])
    return found


def parse_plan(text: str) -> Plan:
    """The plan of `apt-get -s upgrade` and its kin.

    Raises:
        UnexpectedOutput: an Inst or Remv line can't be read; a line that is cut off is one.
    """
    steps: list[PlanStep] = []
    kept: set[str] = set()
    phased: set[str] = set()
    listing: set[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if listing is not None and line.startswith("  "):
            listing.update(line.split())
            continue
        listing = kept if line.startswith(_KEPT_BACK) else phased if line.startswith(_PHASED) else None
        if line.startswith("Inst "):
            match = _INST.fullmatch(line)
            if match is None:
                raise UnexpectedOutput("apt-get -s", number, line)
            steps.append(
                PlanStep(match["name"], match["arch"], "install", match["old"] or "", match["version"], match["origin"].strip())
            )
        elif line.startswith(("Remv ", "Purg ")):
            match = _REMOVE.fullmatch(line)
            if match is None:
                raise UnexpectedOutput("apt-get -s", number, line)
            steps.append(PlanStep(match["name"], "", "remove", match["old"] or "", "", ""))
    return Plan(tuple(steps), frozenset(kept), frozenset(phased))


def parse_showhold(text: str) -> frozenset[str]:
    """Names of held packages.

    Raises:
        UnexpectedOutput: a line is not a package name.
    """
    names = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?", line.strip()):
            raise UnexpectedOutput("apt-mark showhold", number, line)
        names.add(line.strip())
    return frozenset(names)


def parse_refresh_problems(text: str) -> tuple[str, ...]:
    """The lines in which `apt-get update` admits that a source failed; it may exit 0 all the same.

    Args:
        text: stdout and stderr together.
    """
    return tuple(line.strip() for line in text.splitlines() if line.startswith(("W:", "E:", "Err:")))


def upgrades(*, upgradable: str, plan: str, full_plan: str, holds: str) -> tuple[Upgrade, ...]:
    """Every installed package with a newer candidate, with the reason where a plain upgrade would leave it; and the new
    packages that a plain upgrade would bring in with them.

    Raises:
        UnexpectedOutput: one of the four texts can't be read, or the plan names what the list lacks.
    """
    listed = parse_upgradable(upgradable)
    upgrade, full = parse_plan(plan), parse_plan(full_plan)
    held = parse_showhold(holds)
    origins = {step.name: step.origin for step in (*full.steps, *upgrade.steps)}
    planned = {step.name for step in upgrade.steps}
    for step in upgrade.steps:
        if step.installed and step.name not in listed:
            raise UnexpectedOutput("apt list", 0, f"the plan upgrades {step.name}, the list lacks it")
    result = []
    for name, (architecture, installed, candidate, suites) in listed.items():
        origin = origins.get(name, suites)
        if name in held:
            obstacle = "held"
        elif name in upgrade.phased or name in full.phased:
            obstacle = "phased"
        else:
            obstacle = "" if name in planned else "kept_back"
        is_security = "Debian-Security:" in origin or "-security" in f"{origin} {suites}"
        result.append(Upgrade(name.split(":")[0], architecture, installed, candidate, origin, is_security, obstacle))
    for step in upgrade.steps:
        if step.action == "install" and not step.installed:
            security = "Debian-Security:" in step.origin or "-security" in step.origin
            result.append(Upgrade(step.name.split(":")[0], step.architecture, "", step.candidate, step.origin, security, ""))
    return tuple(result)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the sources say of one package.

    Args:
        versions: (version, the highest of its priorities, whether a source offers it and not only the host's own status file).
    """

    installed: str
    candidate: str
    versions: tuple[tuple[str, int, bool], ...]


_VERSION_LINE = re.compile(r" (?:\*\*\*|   ) (?P<version>\S+)(?: \(phased \d+%\))? (?P<pin>-?\d+)\s*")
_SOURCE_LINE = re.compile(r" {8,}(?P<pin>-?\d+) (?P<where>\S.*)")


def parse_policy(text: str) -> dict[str, Offer]:
    """Package to what its sources offer, from `apt-cache policy NAME…` (apt_preferences(5) explains the numbers).

    Raises:
        UnexpectedOutput: a line fits nothing that apt prints here.
    """
    found: dict[str, Offer] = {}
    name, installed, candidate = "", "", ""
    versions: list[list[Any]] = []

    def keep() -> None:
        if name:
            found[name] = Offer(installed, candidate, tuple((v, pin, offered) for v, pin, offered in versions))

    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line.startswith(" "):
            keep()
            name, installed, candidate, versions = line.rstrip(":"), "", "", []
        elif line.startswith("  Installed: "):
            installed = line.partition(": ")[2].strip().replace("(none)", "")
        elif line.startswith("  Candidate: "):
            candidate = line.partition(": ")[2].strip().replace("(none)", "")
        elif match := _VERSION_LINE.fullmatch(line):
            versions.append([match["version"], int(match["pin"]), False])
        elif (match := _SOURCE_LINE.fullmatch(line)) and versions:
            versions[-1][1] = max(versions[-1][1], int(match["pin"]))
            versions[-1][2] = versions[-1][2] or not match["where"].startswith("/var/lib/dpkg/status")
        elif line.strip() and not line.startswith(("  Version table:", "  Package pin: ")):
            raise UnexpectedOutput("apt-cache policy", number, line)
    keep()
    return found


def sourceless(offers: Mapping[str, Offer]) -> tuple[str, ...]:
    """Installed packages that no source offers in any version: a repository is gone, or they came by hand."""
    return tuple(sorted(name for name, offer in offers.items() if offer.installed and not any(o for _, _, o in offer.versions)))


def pinned(offers: Mapping[str, Offer]) -> dict[str, tuple[str, str]]:
    """Package to (installed, newest offered) where a pin keeps a newer version away: it is offered first and not the candidate.

    apt lists versions newest first.
    """
    found = {}
    for name, offer in offers.items():
        newest = next((version for version, _, offered in offer.versions if offered), "")
        order = [version for version, _, _ in offer.versions]
        if (
            offer.installed
            and offer.candidate == offer.installed
            and newest not in {"", offer.installed}
            and order.index(newest) < order.index(offer.installed)
        ):
            found[name] = (offer.installed, newest)
    return found


def parse_new_sources(text: str) -> dict[str, str]:
    """Package to source from the Package and Source fields of `apt-cache show`; without a Source field it is its own."""
    sources: dict[str, str] = {}
    package = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == "Package":
            package = value.strip()
            sources[package] = package
        elif key == "Source" and package:
            sources[package] = value.split("(")[0].strip()
    return sources
