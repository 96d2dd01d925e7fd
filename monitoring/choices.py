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
    """What a check looks at."""

    # One look at a system over SSH, each minute, as the login user.

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
    IO = "io", "Disks at work"
    TEMPERATURE = "temperature", "Temperature"
    SERVICE = "service", "Service"
    # As root, every five minutes (retainer-watch).
    INVENTORY = "inventory", "Look as root"
    ERRORS = "errors", "Errors in the journal"
    WEB_ERRORS = "web-errors", "Failures of a web server"
    SIGN_INS = "sign-ins", "Refused sign-ins"
    SECURITY = "security", "Security"
    FAIL2BAN = "fail2ban", "Fail2ban"
    RESTARTS = "restarts", "Restarts by itself"
    CONTAINER = "container", "Container"
    DATABASE = "database", "Database"
    CERT_FILE = "cert-file", "Certificate file"
    MOUNT = "mount", "Mounted"
    SMART = "smart", "Health of a disk"
    ZFS = "zfs", "ZFS pool"
    RAID = "raid", "RAID"
    # From outside: the addresses of a system that must answer (clients.ServiceCheck).
    HTTP = "http", "Address"
    CERTIFICATE = "certificate", "Certificate"
    # From outside, as somebody set up (monitoring.models.Probe).
    PAGE = "page", "Page"
    TCP = "tcp", "TCP port"
    PING = "ping", "Ping"
    TLS = "tls", "TLS protocols"
    DNS = "dns", "DNS record"
    DNSSEC = "dnssec", "DNSSEC"
    DOMAIN = "domain", "Registration of a domain"
    SMTP = "smtp", "Mail server"
    SUBMISSION = "submission", "Mail submission"
    IMAP = "imap", "IMAP"
    BLOCKLIST = "blocklist", "Blocklist"
    REVERSE_DNS = "reverse-dns", "Reverse DNS"
    SPF = "spf", "SPF"
    DKIM = "dkim", "DKIM"
    DMARC = "dmarc", "DMARC"
    MTA_STS = "mta-sts", "MTA-STS"
    TLS_RPT = "tls-rpt", "TLS reporting"
    COMMAND = "command", "Command"
    HEARTBEAT = "heartbeat", "Heartbeat"
    UPDATES = "updates", "Updates"
    RUNBOOKS = "runbooks", "Runbooks"


class Area(models.TextChoices):
    """Where somebody who got in leaves traces."""

    ACCOUNTS = "accounts", "Accounts"
    GROUPS = "groups", "Groups"
    KEYS = "keys", "SSH keys"
    SUDOERS = "sudoers", "Rights to become root"
    UNITS = "units", "Units of systemd"
    CRON = "cron", "Cron jobs"
    PORTS = "ports", "Listening ports"
    BINARIES = "binaries", "Files of packages"
    SIGN_INS = "sign-ins", "Sign-ins"
    SUDO = "sudo", "Use of sudo"


# An intrusion would show there and nowhere else: anything new is critical. Elsewhere a change is more often somebody's work.
GRAVE = {Area.ACCOUNTS, Area.KEYS, Area.SUDOERS, Area.BINARIES}


class Beat(models.TextChoices):
    """What a job says when it calls."""

    START = "start", "Began"
    DONE = "done", "Done"
    FAIL = "fail", "Failed"


class ThingKind(models.TextChoices):
    """What can run on a system and be checked."""

    SERVICE = "service", "Service"
    PORT = "port", "Listening port"
    SITE = "site", "Site"
    CONTAINER = "container", "Container"
    DATABASE = "database", "Database"
    CERTIFICATE = "certificate", "Certificate file"
    MOUNT = "mount", "Mount"


# What can be set up by hand, with how often it is asked (seconds): what changes seldom, or whose owner counts questions, seldom.
PROBED: dict[Kind, int] = {
    **dict.fromkeys([Kind.PAGE, Kind.TCP, Kind.PING], 60),
    **dict.fromkeys([Kind.SMTP, Kind.SUBMISSION, Kind.IMAP, Kind.DNS, Kind.COMMAND], 300),
    **dict.fromkeys([Kind.TLS, Kind.DNSSEC, Kind.BLOCKLIST, Kind.REVERSE_DNS], 3600),
    **dict.fromkeys([Kind.SPF, Kind.DKIM, Kind.DMARC, Kind.MTA_STS, Kind.TLS_RPT], 3600),
    Kind.DOMAIN: 86_400,
}


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
    Kind.IO: Threshold(95, None, confirm=10),
    Kind.TEMPERATURE: Threshold(80, 95, confirm=3, unit=" °C"),
    Kind.SERVICE: Threshold(None, None, confirm=2, unit=""),
    Kind.INVENTORY: Threshold(None, None, confirm=2, unit=" s"),
    Kind.ERRORS: Threshold(None, None, confirm=1, unit=" a minute"),
    Kind.WEB_ERRORS: Threshold(None, None, confirm=1, unit=" a minute"),
    Kind.SIGN_INS: Threshold(None, None, confirm=1, unit=" a minute"),
    Kind.SECURITY: Threshold(None, None, confirm=1, unit=""),
    Kind.FAIL2BAN: Threshold(None, None, confirm=2, unit=""),
    Kind.RESTARTS: Threshold(2, 5, confirm=1, unit=""),
    Kind.CONTAINER: Threshold(None, None, confirm=2, unit=""),
    Kind.DATABASE: Threshold(None, None, confirm=2, unit=""),
    Kind.MOUNT: Threshold(None, None, confirm=2, unit=""),
    Kind.CERT_FILE: Threshold(21, 7, confirm=1, unit=" days", low=True),
    Kind.SMART: Threshold(None, None, confirm=1, unit=""),
    Kind.ZFS: Threshold(80, 90, confirm=2),
    Kind.RAID: Threshold(None, None, confirm=1, unit=""),
    Kind.HTTP: Threshold(3, 10, confirm=2, unit=" s"),
    Kind.CERTIFICATE: Threshold(21, 7, confirm=2, unit=" days", low=True),
    Kind.PAGE: Threshold(3, 10, confirm=2, unit=" s"),
    Kind.TCP: Threshold(3, None, confirm=2, unit=" s"),
    Kind.PING: Threshold(20, 80, confirm=2, unit=" % lost"),
    Kind.TLS: Threshold(None, None, confirm=2, unit=""),
    Kind.DNS: Threshold(None, None, confirm=2, unit=" s"),
    Kind.DNSSEC: Threshold(3, 1, confirm=1, unit=" days", low=True),
    Kind.DOMAIN: Threshold(30, 10, confirm=1, unit=" days", low=True),
    Kind.SMTP: Threshold(21, 7, confirm=2, unit=" days", low=True),
    Kind.SUBMISSION: Threshold(21, 7, confirm=2, unit=" days", low=True),
    Kind.IMAP: Threshold(21, 7, confirm=2, unit=" days", low=True),
    Kind.BLOCKLIST: Threshold(None, None, confirm=1, unit=""),
    Kind.REVERSE_DNS: Threshold(None, None, confirm=2, unit=""),
    Kind.SPF: Threshold(9, 11, confirm=2, unit=" lookups"),
    Kind.DKIM: Threshold(None, None, confirm=2, unit=" bits"),
    Kind.DMARC: Threshold(None, None, confirm=2, unit=""),
    Kind.MTA_STS: Threshold(None, None, confirm=2, unit=""),
    Kind.TLS_RPT: Threshold(None, None, confirm=2, unit=""),
    Kind.COMMAND: Threshold(None, None, confirm=2, unit=""),
    Kind.HEARTBEAT: Threshold(None, None, confirm=1, unit=""),
    Kind.UPDATES: Threshold(None, None, confirm=1, unit=""),
    Kind.RUNBOOKS: Threshold(None, None, confirm=1, unit=""),
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
    WEBHOOK = "webhook", "Webhook"
    APPRISE = "apprise", "A service that Apprise knows"


class Event(models.TextChoices):
    """What a message tells."""

    OPENED = "opened", "Opened"
    CLOSED = "closed", "Closed"
    RAISED = "raised", "Nobody is on it"
    GIVEN = "given", "Given to somebody"


class IncidentState(models.TextChoices):
    """Where an incident stands."""

    OPEN = "open", "Open"
    RESOLVED = "resolved", "Resolved"


class EntryKind(models.TextChoices):
    """What a line of an incident's timeline is."""

    OPENED = "opened", "Opened"
    ALERT = "alert", "Alert"
    NOTE = "note", "Note"
    TOLD = "told", "Told to the client"
    OWNER = "owner", "Who is on it"
    RESOLVED = "resolved", "Resolved"


class Outcome(models.TextChoices):
    """What a drill showed of one rule."""

    WAITING = "waiting", "Under way"
    PROVEN = "proven", "Proven"
    FAILED = "failed", "Not proven"


class DeliveryState(models.TextChoices):
    """Where one message over one channel stands."""

    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
