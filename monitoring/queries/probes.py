"""Reads for pages: what is asked of systems, and which jobs call."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from clients.models import System
from monitoring.choices import Kind
from monitoring.models import Check, Heartbeat, Probe
from monitoring.queries.checks import CheckLine, checks_of, line_of


@dataclass(frozen=True, slots=True)
class ProbeLine:
    """A question with the checks that it feeds, the worst first."""

    probe: Probe
    lines: list[CheckLine]


def probe_lines(system: System, *, now: datetime) -> list[ProbeLine]:
    """What is asked of a system, by kind. Two queries."""
    probes = list(Probe.objects.filter(system=system, ended_at=None).order_by("kind", "target", "pk"))
    by_subject: dict[tuple[str, str], list[CheckLine]] = defaultdict(list)
    for line in checks_of(system, now=now):
        # a blocklist's check names the list behind the address
        by_subject[line.check.kind, line.check.subject.partition(" in ")[0]].append(line)
    return [ProbeLine(probe, by_subject[probe.kind, probe.target[:200]]) for probe in probes]


def heartbeat_lines(system: System, *, now: datetime) -> list[tuple[Heartbeat, CheckLine | None]]:
    """The heartbeats of a system with their checks, by name. Two queries."""
    checks = {check.subject: line_of(check, now=now) for check in system.checks.filter(kind=Kind.HEARTBEAT, ended_at=None)}
    return [
        (heartbeat, checks.get(heartbeat.name))
        for heartbeat in Heartbeat.objects.filter(system=system, ended_at=None).order_by("name", "pk")
    ]


def line_of_heartbeat(heartbeat: Heartbeat, *, now: datetime) -> CheckLine | None:
    """Its check."""
    check = Check.objects.filter(system=heartbeat.system_id, kind=Kind.HEARTBEAT, subject=heartbeat.name).first()
    return line_of(check, now=now) if check else None
