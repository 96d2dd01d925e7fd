"""The words of this area and the allowed steps of its state machine."""

from django.db import models


class Tool(models.TextChoices):
    """What makes the backup; the values are the programs' names."""

    RESTIC = "restic", "restic"


class RestoreState(models.TextChoices):
    """Where a restore test stands."""

    QUEUED = "queued", "Waiting for a worker"
    RUNNING = "running", "Running on the host"
    FINISHED = "finished", "Finished"


OPEN_TEST_STATES = [RestoreState.QUEUED, RestoreState.RUNNING]


class RestoreVerdict(models.TextChoices):
    """How a restore test ended. Only the first two renew a proof."""

    PASS = "pass", "Passed"
    NOTES = "notes", "Passed with notes"
    FAIL = "fail", "Failed"
    INCONCLUSIVE = "inconclusive", "Inconclusive"


PROVING = [RestoreVerdict.PASS, RestoreVerdict.NOTES]


class Cause(models.TextChoices):
    """Why a test did not pass."""

    NONE = "", "None"
    KEY = "key", "The key does not open the repository"
    REPOSITORY = "repository", "No repository there"
    CORRUPTION = "corruption", "The repository is damaged"
    STALE = "stale", "The newest snapshot is too old"
    COVERAGE = "coverage", "Something that should be in it is missing"
    MISMATCH = "mismatch", "What came back is not what lives"
    BUSY = "busy", "Another test or a lock is in the way"
    HOST = "host", "The host can't be worked on"
    SCRATCH = "scratch", "The scratch area is too small or unusable"
    TOOL = "tool", "The tool is missing"
    VERIFIER = "verifier", "The verifier did not prove itself"
    UNREAD = "unread", "What was found can't be read"
