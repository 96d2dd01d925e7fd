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
    ENDED = "ended", "Retainer ended"
    RUNNING = "running", "Being applied"
    HOST = "host", "Host can't be worked on"
    SOURCE = "source", "Scan not fresh"
    HELD = "held", "Held"
    PHASED = "phased", "Phased"
    KEPT_BACK = "kept_back", "Kept back"
    READ_ONLY = "read_only", "Only read by the portal"
    REJECTED = "rejected", "Rejected"
    DEFERRED = "deferred", "Deferred"
    TRIAGE = "triage", "Waiting for triage"
    FAILED = "failed", "Last run not verified"
    STAGING = "staging", "Waiting for staging"
    START = "start", "Waiting to be applied"


class RunKind(models.TextChoices):
    """What a run does on its host; the values are those of retainer-host."""

    APPLY = "apt-apply", "Apply updates"
    CONFIGURE = "dpkg-configure", "Finish configuring"


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
