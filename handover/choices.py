"""The words of this area."""

from django.db import models


class Outcome(models.TextChoices):
    """How a rehearsal of a runbook ended."""

    WORKS = "works", "Works"
    FAILS = "fails", "Does not work"
    INCONCLUSIVE = "inconclusive", "Not begun, or not known"


class WalkthroughKind(models.TextChoices):
    """How a walkthrough was made."""

    TOUR = "tour", "Recorded by the portal"
    LIVE = "live", "Recorded by a person"
    VIDEO = "video", "Video"


class TerminalState(models.TextChoices):
    """Of a live terminal."""

    ASKED = "asked", "Being opened"
    OPEN = "open", "Open"
    KEPT = "kept", "Kept as a walkthrough"
    DROPPED = "dropped", "Thrown away"
    FAILED = "failed", "Came to nothing"


OPEN_TERMINAL = (TerminalState.ASKED, TerminalState.OPEN)


class PieceKind(models.TextChoices):
    """What a piece of a live terminal is."""

    TYPED = "typed", "Typed"
    SHOWN = "shown", "Shown"
    CHAPTER = "chapter", "A chapter begins"


class KeyKind(models.TextChoices):
    """What a client's credentials are encrypted to."""

    PASSPHRASE = "passphrase", "A passphrase"
    AGE = "age", "An age key"
    SSH = "ssh", "An SSH key"


class Form(models.TextChoices):
    """Into which form credentials are put."""

    KDBX = "kdbx", "KeePass (KDBX 4)"
    BITWARDEN = "bitwarden", "Bitwarden (protected JSON)"
    BITWARDEN_PLAIN = "bitwarden_plain", "Bitwarden (plain JSON)"
    ONEPASSWORD = "onepassword", "1Password (CSV)"
    CSV = "csv", "Any other (CSV)"


# Forms that protect themselves by a passphrase; the others are plain inside, and need a key around them or a second person.
PROTECTED = frozenset({Form.KDBX, Form.BITWARDEN})


class ProofHow(models.TextChoices):
    """How it was found out that a credential works."""

    SSH = "ssh", "Tried over SSH"
    STATED = "stated", "Somebody tried it and said so"


class PackageState(models.TextChoices):
    """Of a package."""

    ASKED = "asked", "Waits for a second person"
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Being made"
    BLOCKED = "blocked", "Blocked: something in it must not be there"
    FAILED = "failed", "Failed"
    READY = "ready", "Ready, and proven"
    GONE = "gone", "Not there any more"


OPEN_PACKAGE = (PackageState.ASKED, PackageState.QUEUED, PackageState.RUNNING)


class Phase(models.TextChoices):
    """Where a handover stands."""

    PREPARE = "prepare", "Prepare"
    DOCUMENT = "document", "Document"
    TEACH = "teach", "Teach"
    HAND_OVER = "hand_over", "Hand over"
    STAND_BY = "stand_by", "Stand by"
    CLOSED = "closed", "Closed"


PHASES = tuple(Phase)


class ItemState(models.TextChoices):
    """Of a line of the checklist."""

    OPEN = "open", "Open"
    DONE = "done", "Done"
    DROPPED = "dropped", "Left out"


class LettingState(models.TextChoices):
    """Of letting go."""

    DRY = "dry", "Looked at only"
    RUNNING = "running", "Under way"
    STOPPED = "stopped", "Stopped"
    DONE = "done", "Done"


class StepKind(models.TextChoices):
    """One thing to let go of."""

    CREDENTIAL = "credential", "A credential that we knew"
    SYSTEM = "system", "Our access to a system"
    SCHEDULES = "schedules", "Checks and schedules"


class StepState(models.TextChoices):
    """Where it stands."""

    WAITING = "waiting", "To do"
    RUNNING = "running", "Under way"
    GONE = "gone", "Gone, not proven yet"
    PROVEN = "proven", "Proven from outside"
    STATED = "stated", "Stated, can't be tried"
    UNPROVEN = "unproven", "Could not be proven"
