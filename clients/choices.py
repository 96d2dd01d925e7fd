"""The words of this area."""

from django.db import models


class Environment(models.TextChoices):
    """What a system is for."""

    STAGING = "staging", "Staging"
    PRODUCTION = "production", "Production"


class Access(models.TextChoices):
    """What we may do on a system."""

    MANAGE = "manage", "Manage"
    READ_ONLY = "read_only", "Read only"


class SystemRole(models.TextChoices):
    """What runs on a system."""

    WEB = "web", "Web server"
    MAIL = "mail", "Mail"
    DATABASE = "database", "Database"
    FILES = "files", "Files and groupware"
    BACKUP = "backup", "Backup"
    MONITORING = "monitoring", "Monitoring"
    OTHER = "other", "Other"


class Connection(models.TextChoices):
    """How the last attempt to reach a system ended. Anything but OK is shown as a problem; UNKNOWN is not fine."""

    UNKNOWN = "unknown", "Never tested"
    OK = "ok", "Reachable"
    UNREACHABLE = "unreachable", "Unreachable"
    HOST_KEY_MISMATCH = "host_key_mismatch", "Host key not confirmed"
    AUTH_FAILED = "auth_failed", "Key refused"
    SUDO_REFUSED = "sudo_refused", "sudo refused"
    HELPER_MISSING = "helper_missing", "Set-up script not run"
    NO_PACKAGE_MANAGER = "no_package_manager", "No known package manager"
    TIMEOUT = "timeout", "Timed out"
    DISCONNECTED = "disconnected", "Connection lost"
    COMMAND_FAILED = "command_failed", "Command failed"
    OUTPUT_TRUNCATED = "output_truncated", "Too much output"


class KeyState(models.TextChoices):
    """Where a host key stands."""

    SEEN = "seen", "Seen, not confirmed"
    PINNED = "pinned", "Confirmed"
    RETIRED = "retired", "Retired"


class Resolution(models.TextChoices):
    """What an operator said of a refused host key."""

    ACCEPTED = "accepted", "Accepted as the new key"
    REJECTED = "rejected", "Not ours: refused"


class HostWork(models.TextChoices):
    """What a worker is asked to do with a system."""

    READ_HOST_KEYS = "read_host_keys", "Read host keys"
    TEST_CONNECTION = "test_connection", "Test the connection"
