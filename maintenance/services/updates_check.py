"""The state of updates as a check of monitoring: what is overdue is told like everything else, and what is not known as well."""

from datetime import datetime

from clients.models import System
from maintenance.queries.systems import SystemLine, system_lines
from monitoring.choices import Kind, Level
from monitoring.services.recording import Look, record
from monitoring.services.rules import Observation

# The task comes every five minutes; a scan itself comes every few hours.
INTERVAL_S = 900


def say(*, now: datetime) -> int:
    """Record the check of every watched system, in bulk; returns how many."""
    systems = System.objects.filter(client__ended_at=None, watch__ended_at=None, watch__isnull=False)
    looks = [
        Look(line.system.client_id, line.system.pk, INTERVAL_S, now, [observation(line)]) for line in system_lines(systems, now=now)
    ]
    record(looks)
    return len(looks)


def observation(line: SystemLine) -> Observation:
    """Pending within their windows is in order; overdue is a warning; where the last scan says nothing, nobody knows."""
    if line.scan is None:
        return Observation(Kind.UPDATES, "", Level.UNKNOWN, None, "Never scanned.")
    if line.overdue:
        words = f"{line.overdue} update{'s' * (line.overdue > 1)} overdue, {line.pending} pending."
        return Observation(Kind.UPDATES, "", Level.WARNING, float(line.overdue), words)
    if line.health.level == "unknown":
        return Observation(Kind.UPDATES, "", Level.UNKNOWN, None, line.health.words)
    return Observation(Kind.UPDATES, "", Level.UP, 0.0, f"{line.pending} pending, none overdue.")
