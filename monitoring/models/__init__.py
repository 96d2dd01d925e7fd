"""Models of this area."""

from monitoring.models.alert import Alert, Channel, Delivery
from monitoring.models.check import Check, Result, Watch
from monitoring.models.work import PlannedWork

__all__ = ["Alert", "Channel", "Check", "Delivery", "PlannedWork", "Result", "Watch"]
