"""Models of this area."""

from monitoring.models.alert import Alert, Channel, Delivery, Duty, EscalationStep
from monitoring.models.check import Check, Result, Watch
from monitoring.models.drill import Drill, Proof
from monitoring.models.heartbeat import Call, Heartbeat
from monitoring.models.incident import Incident, IncidentEntry
from monitoring.models.inventory import Inventory, SecurityEvent, Thing
from monitoring.models.probe import Probe
from monitoring.models.rollup import Blindness, RolledUp, Rollup, StatusPage
from monitoring.models.work import PlannedWork

__all__ = [
    "Alert",
    "Blindness",
    "Call",
    "Channel",
    "Check",
    "Delivery",
    "Drill",
    "Duty",
    "EscalationStep",
    "Heartbeat",
    "Incident",
    "IncidentEntry",
    "Inventory",
    "PlannedWork",
    "Probe",
    "Proof",
    "Result",
    "RolledUp",
    "Rollup",
    "SecurityEvent",
    "StatusPage",
    "Thing",
    "Watch",
]  # fmt: skip
