"""Models of this area."""

from monitoring.models.alert import Alert, Channel, Delivery
from monitoring.models.check import Check, Result, Watch
from monitoring.models.heartbeat import Call, Heartbeat
from monitoring.models.inventory import Inventory, SecurityEvent, Thing
from monitoring.models.probe import Probe
from monitoring.models.work import PlannedWork

__all__ = [
    "Alert",
    "Call",
    "Channel",
    "Check",
    "Delivery",
    "Heartbeat",
    "Inventory",
    "PlannedWork",
    "Probe",
    "Result",
    "SecurityEvent",
    "Thing",
    "Watch",
]
