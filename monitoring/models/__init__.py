"""Models of this area."""

from monitoring.models.alert import Alert, Channel, Delivery
from monitoring.models.check import Check, Result, Watch

__all__ = ["Alert", "Channel", "Check", "Delivery", "Result", "Watch"]
