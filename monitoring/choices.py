"""The words of this area."""

from dataclasses import dataclass

from django.db import models


class Level(models.TextChoices):
    """What a check last said. Unknown is never fine."""

    UP = "up", "In order"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"
    UNKNOWN = "unknown", "Unknown"


# As results keep it, and as "worse" is meant: a warning is known, unknown may be anything.
RANK = {Level.UP: 0, Level.WARNING: 1, Level.UNKNOWN: 2, Level.CRITICAL: 3}


class Kind(models.TextChoices):
    """What a check looks at. All of these come out of one look at a system over SSH."""

    REACH = "reach", "Reached over SSH"
    CPU = "cpu", "Processor"
    LOAD = "load", "Load"
    MEMORY = "memory", "Memory"
    SWAP = "swap", "Swap"
    PRESSURE = "pressure", "Pressure"
    DISK = "disk", "Disk"
    INODES = "inodes", "Inodes"
    UNITS = "units", "Failed units"
    CLOCK = "clock", "Clock"
    RESTART = "restart", "Restart needed"
    # From outside: the addresses of a system that must answer (clients.ServiceCheck).
    HTTP = "http", "Address"
    CERTIFICATE = "certificate", "Certificate"


@dataclass(frozen=True, slots=True)
class Threshold:
    """From where on a value is a warning, and critical; None: never.

    Args:
        low: the smaller the worse.
        confirm: so many results in a row make a change for the worse true.
        unit: behind the number.
    """

    warning: float | None
    critical: float | None
    confirm: int = 2
    unit: str = "%"
    low: bool = False


# Sane for a server that does ordinary work; a check can have its own. Processor, load and pressure are noisy, so that they are
# believed later.
THRESHOLDS: dict[Kind, Threshold] = {
    Kind.REACH: Threshold(None, None, confirm=2, unit=" s"),
    Kind.CPU: Threshold(90, 98, confirm=10),
    Kind.LOAD: Threshold(2, 5, confirm=10, unit=" for each processor"),
    Kind.MEMORY: Threshold(90, 96, confirm=3),
    Kind.SWAP: Threshold(50, 85, confirm=5),
    Kind.PRESSURE: Threshold(20, 60, confirm=5),
    Kind.DISK: Threshold(85, 95, confirm=2),
    Kind.INODES: Threshold(85, 95, confirm=2),
    Kind.UNITS: Threshold(None, 1, confirm=2, unit=""),
    Kind.CLOCK: Threshold(2, 30, confirm=3, unit=" s"),
    Kind.RESTART: Threshold(1, None, confirm=2, unit=""),
    Kind.HTTP: Threshold(3, 10, confirm=2, unit=" s"),
    Kind.CERTIFICATE: Threshold(21, 7, confirm=2, unit=" days", low=True),
}


class AlertState(models.TextChoices):
    """Where an alert stands."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Somebody is on it"
    CLOSED = "closed", "Closed"


OPEN_ALERT_STATES = [AlertState.OPEN, AlertState.ACKNOWLEDGED]


class ChannelKind(models.TextChoices):
    """How a message travels."""

    EMAIL = "email", "E-mail"


class Event(models.TextChoices):
    """What a message tells."""

    OPENED = "opened", "Opened"
    CLOSED = "closed", "Closed"


class DeliveryState(models.TextChoices):
    """Where one message over one channel stands."""

    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
