"""Reads for pages and the API."""

from monitoring.queries.checks import (
    CheckLine,
    alerts_for,
    channel_lines,
    checks_of,
    closed_alerts,
    line_of,
    open_alerts,
    picture_of,
    pictures,
    planned_work_of,
    somebody_is_told,
    threshold_of,
    wall,
    watch_of,
)
from monitoring.queries.coverage import coverage, far_off, inventory_of, open_events, past_events, thing_lines
from monitoring.queries.probes import heartbeat_lines, line_of_heartbeat, probe_lines

__all__ = [
    "CheckLine", "alerts_for", "channel_lines", "checks_of", "closed_alerts", "coverage", "far_off", "heartbeat_lines",
    "inventory_of", "line_of", "line_of_heartbeat", "open_alerts", "open_events", "past_events", "picture_of", "pictures",
    "planned_work_of", "probe_lines", "somebody_is_told", "thing_lines", "threshold_of", "wall", "watch_of",
]  # fmt: skip
