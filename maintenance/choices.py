"""The words of this area and the allowed steps of its state machines."""

from django.db import models


class ScanState(models.TextChoices):
    """Where a scan stands. Only FRESH lets a system be called up to date."""

    QUEUED = "queued", "Waiting"
    FRESH = "fresh", "Fresh"
    STALE = "stale", "Stale"
    FAILED = "failed", "Failed"


class Obstacle(models.TextChoices):
    """Why a plain upgrade would leave a pending update alone."""

    NONE = "", "None"
    HELD = "held", "Held"
    PHASED = "phased", "Phased"
    KEPT_BACK = "kept_back", "Kept back"
    PINNED = "pinned", "Pinned"


class Ended(models.TextChoices):
    """How a pending update stopped being pending."""

    OPEN = "", "Still pending"
    INSTALLED = "installed", "Installed"
    SUPERSEDED = "superseded", "Replaced by a newer version"
    REMOVED = "removed", "The package was removed"
    WITHDRAWN = "withdrawn", "No source offers it any more"


class Priority(models.IntegerChoices):
    """How soon somebody should look at an update."""

    URGENT = 1, "Urgent"
    HIGH = 2, "High"
    NORMAL = 3, "Normal"
    LOW = 4, "Low"


class FeedKind(models.TextChoices):
    """What an advisory feed holds."""

    DEBIAN = "debian", "Debian security tracker"
    OSV = "osv", "OSV archive"
    KEV = "kev", "Known exploited vulnerabilities (CISA)"
    EPSS = "epss", "Likelihood of exploitation (EPSS)"


class Severity(models.TextChoices):
    """How bad an advisory says it is; the order is that of urgency."""

    CRITICAL = "critical", "Critical"
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"
    NEGLIGIBLE = "negligible", "Negligible"
    UNKNOWN = "unknown", "Not known"


class DecisionKind(models.TextChoices):
    """What an operator says of an update."""

    APPLY = "apply", "Apply"
    DEFER = "defer", "Defer"
    REJECT = "reject", "Reject"


class Waiting(models.TextChoices):
    """Why a pending update is not applied yet. There is no "other"."""

    NOT_PENDING = "not_pending", "No longer pending"
    RESTART = "restart", "Restart pending"
    WITHDRAWN = "withdrawn", "Its source is gone"
    ENDED = "ended", "Retainer ended"
    RUNNING = "running", "Being applied"
    HOST = "host", "Host can't be worked on"
    SOURCE = "source", "Scan not fresh"
    KEY = "key", "A source's key expired or is missing"
    HELD = "held", "Held"
    PHASED = "phased", "Phased"
    KEPT_BACK = "kept_back", "Kept back"
    PINNED = "pinned", "Pinned"
    READ_ONLY = "read_only", "Only read by the portal"
    REJECTED = "rejected", "Rejected"
    DEFERRED = "deferred", "Deferred"
    TRIAGE = "triage", "Waiting for triage"
    THIRD_PARTY = "third_party", "From a third party, waiting for triage"
    FAILED = "failed", "Last run not verified"
    STAGING = "staging", "Waiting for staging"
    CONFLICT = "conflict", "Configuration file in conflict"
    APPROVAL = "approval", "Waiting for approval"
    WINDOW = "window", "Waiting for its window"
    ROLLOUT = "rollout", "Waiting for its turn in a rollout"
    START = "start", "Waiting to be applied"


class RunKind(models.TextChoices):
    """What a run does on its host; the values are those of retainer-host."""

    APPLY = "apt-apply", "Apply updates"
    CONFIGURE = "dpkg-configure", "Finish configuring"
    ROLLBACK = "apt-rollback", "Roll back"
    RESTART = "restart", "Restart services"
    REBOOT = "reboot", "Reboot"
    UPGRADE = "upgrade", "Upgrade"
    UPGRADE_UNDO = "upgrade-undo", "Take an upgrade back"
    FS_ROLLBACK = "fs-rollback", "Go back to a snapshot"


# A run of these takes another one back.
UNDOING = [RunKind.ROLLBACK, RunKind.UPGRADE_UNDO, RunKind.FS_ROLLBACK]
# The host boots anew in these.
REBOOTING = [RunKind.REBOOT, RunKind.FS_ROLLBACK]


class SnapshotWish(models.TextChoices):
    """Whether the root file system is kept as it is before a change; the values are those of retainer-host."""

    NONE = "", "No"
    MAY = "may", "Where the host can"
    MUST = "must", "Always: without one nothing is changed"


class RunState(models.TextChoices):
    """Where an update run stands."""

    QUEUED = "queued", "Waiting for a worker"
    PREPARING = "preparing", "Recording what runs"
    RUNNING = "running", "Running on the host"
    VERIFYING = "verifying", "Verifying"
    FINISHED = "finished", "Finished"


OPEN_RUN_STATES = [RunState.QUEUED, RunState.PREPARING, RunState.RUNNING, RunState.VERIFYING]
RUN_STEPS: dict[str, tuple[str, ...]] = {
    RunState.QUEUED: (RunState.PREPARING, RunState.FINISHED),
    RunState.PREPARING: (RunState.RUNNING, RunState.FINISHED),
    RunState.RUNNING: (RunState.VERIFYING, RunState.FINISHED),
    RunState.VERIFYING: (RunState.FINISHED,),
    RunState.FINISHED: (),
}


class Verdict(models.TextChoices):
    """How a run ended. Only VERIFIED is green."""

    VERIFIED = "verified", "Verified"
    REGRESSED = "regressed", "Regressed"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"


class Moment(models.TextChoices):
    """When evidence was taken."""

    BEFORE = "before", "Before"
    AFTER = "after", "After"


class RolloutState(models.TextChoices):
    """Where a rollout stands."""

    STAGING = "staging", "On staging"
    SOAKING = "soaking", "Soaking"
    PLANNING = "planning", "Planning production"
    APPROVAL = "approval", "Waiting for approval"
    SCHEDULED = "scheduled", "Waiting for its window"
    PRODUCTION = "production", "On production"
    FINISHED = "finished", "Finished"
    STOPPED = "stopped", "Stopped"
    CANCELLED = "cancelled", "Cancelled"


ENDED_ROLLOUT_STATES = [RolloutState.FINISHED, RolloutState.STOPPED, RolloutState.CANCELLED]
OPEN_ROLLOUT_STATES = [state for state in RolloutState if state not in ENDED_ROLLOUT_STATES]
# The database has the same table (migration 0008).
ROLLOUT_STEPS: dict[str, tuple[str, ...]] = {
    RolloutState.STAGING: (RolloutState.SOAKING, RolloutState.FINISHED, RolloutState.STOPPED, RolloutState.CANCELLED),
    RolloutState.SOAKING: (RolloutState.PLANNING, RolloutState.STOPPED, RolloutState.CANCELLED),
    RolloutState.PLANNING: (RolloutState.APPROVAL, RolloutState.STOPPED, RolloutState.CANCELLED),
    RolloutState.APPROVAL: (RolloutState.SCHEDULED, RolloutState.STOPPED, RolloutState.CANCELLED),
    RolloutState.SCHEDULED: (RolloutState.PRODUCTION, RolloutState.STOPPED, RolloutState.CANCELLED),
    RolloutState.PRODUCTION: (RolloutState.FINISHED, RolloutState.STOPPED),
    RolloutState.FINISHED: (),
    RolloutState.STOPPED: (),
    RolloutState.CANCELLED: (),
}


class TargetState(models.TextChoices):
    """Where one system of a rollout stands."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Being updated"
    RESTARTING = "restarting", "Being restarted"
    VERIFIED = "verified", "Verified"
    FAILED = "failed", "Not verified"
    SKIPPED = "skipped", "Not touched"


OPEN_TARGET_STATES = [TargetState.WAITING, TargetState.RUNNING, TargetState.RESTARTING]


class Keeping(models.TextChoices):
    """Whether a planned change can be rolled back."""

    UNKNOWN = "", "Not known yet"
    KEPT = "kept", "The version before is kept on the host"
    MISSING = "missing", "Can't be rolled back: the version before is not to be had"
    NEW = "new", "New on the host: a rollback leaves it installed"


class AlternativeKind(models.TextChoices):
    """What stands in for a staging twin."""

    CANARY = "canary", "Another system gets the updates first"
    EXCEPTION = "exception", "An exception, for a time"


class CheckKind(models.TextChoices):
    """How a verification check asks."""

    COMMAND = "command", "Command"
    HTTP = "http", "HTTP request"


class WindowKind(models.TextChoices):
    """How a maintenance window recurs; the values are those of portal.clock."""

    WEEK = "week", "Every week"
    MONTH_DAY = "month_day", "On a day of the month"
    MONTH_WEEKDAY = "month_weekday", "On a weekday of the month"
