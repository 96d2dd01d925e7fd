"""The words of this area and the allowed steps of its state machine."""

from django.db import models


class Tool(models.TextChoices):
    """What makes the backup; the values are the programs' names."""

    RESTIC = "restic", "restic"
    BORG = "borg", "BorgBackup"
    PG_DUMP = "pg_dump", "pg_dump"
    PG_DUMPALL = "pg_dumpall", "pg_dumpall"
    MYSQLDUMP = "mysqldump", "mysqldump or mariadb-dump"
    TAR = "tar", "tar archives"
    RSYNC = "rsync", "rsync copies"
    # Parts that only count together: an application's files and its database.
    COMPOSITE = "composite", "several that count together"


DATABASE_TOOLS = [Tool.PG_DUMP, Tool.PG_DUMPALL, Tool.MYSQLDUMP]
FILE_TOOLS = [Tool.RESTIC, Tool.BORG, Tool.TAR, Tool.RSYNC]
# What can't be opened without a key; borg can be without one, the others have none.
KEYED_TOOLS = [Tool.RESTIC, Tool.BORG]


class Application(models.TextChoices):
    """Whose own check a composite gets beside those of its parts."""

    NONE = "", "None"
    NEXTCLOUD = "nextcloud", "Nextcloud"


class RestoreState(models.TextChoices):
    """Where a restore test stands."""

    QUEUED = "queued", "Waiting for a worker"
    RUNNING = "running", "Running on the host"
    FINISHED = "finished", "Finished"


class Purpose(models.TextChoices):
    """What a restore test is for."""

    TEST = "test", "Restore test"
    # With nothing but the secrets that are kept for handover: an empty home, no key of the host's own.
    DRILL = "drill", "Escrow drill"
    # Any of those that are kept, at random. It tells nothing of the newest, so that it renews no proof.
    OLD = "old", "Test of an old snapshot"


class RestoreMode(models.TextChoices):
    """What a restore does with what came back."""

    DRY_RUN = "dry_run", "Dry run"
    FOLDER = "folder", "Into a folder of its own"
    IN_PLACE = "in_place", "In its place"
    REHEARSAL = "rehearsal", "Rehearsal"


OPEN_TEST_STATES = [RestoreState.QUEUED, RestoreState.RUNNING]


class RestoreVerdict(models.TextChoices):
    """How a restore test ended. Only the first two renew a proof."""

    PASS = "pass", "Passed"
    NOTES = "notes", "Passed with notes"
    FAIL = "fail", "Failed"
    INCONCLUSIVE = "inconclusive", "Inconclusive"


PROVING = [RestoreVerdict.PASS, RestoreVerdict.NOTES]


class Level(models.TextChoices):
    """How a reading or a finding is to be taken. Unknown is never fine."""

    OK = "ok", "In order"
    WARN = "warn", "To look at"
    BAD = "bad", "Bad"
    UNKNOWN = "unknown", "Not known"


class Cause(models.TextChoices):
    """Why a test did not pass."""

    NONE = "", "None"
    KEY = "key", "The key does not open the repository"
    REPOSITORY = "repository", "No repository there"
    CORRUPTION = "corruption", "The backup is damaged"
    STALE = "stale", "The newest snapshot is too old"
    COVERAGE = "coverage", "Something that should be in it is missing"
    MISMATCH = "mismatch", "What came back is not what it should be"
    BUSY = "busy", "Another test or a lock is in the way"
    LOAD = "load", "The dump does not load"
    HOST = "host", "The host can't be worked on"
    SCRATCH = "scratch", "The scratch area is too small or unusable"
    TOOL = "tool", "The tool is missing"
    VERIFIER = "verifier", "The verifier did not prove itself"
    UNREAD = "unread", "What was found can't be read"
