"""Reads for the pages of this area."""

from maintenance.queries.advisories import SEVERITY_OF_PLACE, advisories_of, feed_notices
from maintenance.queries.changes import (
    ReadySystem,
    clients_ready,
    emergencies_since,
    ready_systems,
    rollouts_for,
    runs_for,
    targets_of,
    updates_of,
    upgrade_plans,
)
from maintenance.queries.systems import Health, SystemLine, health, system_lines
from maintenance.queries.triage import SinceYesterday, TriageFilter, TriageRow, since_yesterday, triage_keys, triage_rows

__all__ = [
    "SEVERITY_OF_PLACE",
    "Health",
    "ReadySystem",
    "SinceYesterday",
    "SystemLine",
    "TriageFilter",
    "TriageRow",
    "advisories_of",
    "clients_ready",
    "emergencies_since",
    "feed_notices",
    "health",
    "ready_systems",
    "rollouts_for",
    "runs_for",
    "since_yesterday",
    "system_lines",
    "targets_of",
    "triage_keys",
    "triage_rows",
    "updates_of",
    "upgrade_plans",
]
