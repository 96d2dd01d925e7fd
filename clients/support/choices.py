"""Words of support that stand in the database. Those that clients read are translated."""

from collections.abc import Mapping
from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Of a ticket."""

    NEW = "new", _("New")
    OPEN = "open", _("In work")
    WAITING = "waiting", _("Waiting for your answer")
    RESOLVED = "resolved", _("Resolved")
    MERGED = "merged", _("Joined with another")


# Somebody has to do something about these; the clock runs for all but the one that waits for the client.
OPEN_STATES = [State.NEW, State.OPEN, State.WAITING]
RUNNING = [State.NEW, State.OPEN]
# Which states may follow which; the same table stands in the database (migration 0002).
NEXT: Mapping[State, frozenset[State]] = {
    State.NEW: frozenset({State.OPEN, State.WAITING, State.RESOLVED, State.MERGED}),
    State.OPEN: frozenset({State.WAITING, State.RESOLVED, State.MERGED}),
    State.WAITING: frozenset({State.OPEN, State.RESOLVED, State.MERGED}),
    State.RESOLVED: frozenset({State.OPEN}),
    State.MERGED: frozenset(),
}


class Priority(models.TextChoices):
    """How urgent."""

    LOW = "low", _("Can wait")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("Hinders work")
    URGENT = "urgent", _("Nobody can work")


class Form(models.TextChoices):
    """What somebody asks; four of them are looked into on the system before a human reads."""

    QUESTION = "question", _("Something else")
    MAIL_DEVICE = "mail_device", _("Mail on a phone or computer")
    PERMISSION = "permission", _("I can't open something")
    SHARING = "sharing", _("Sharing files with somebody")
    PASSWORD = "password", _("A password")


class MessageKind(models.TextChoices):
    """What a line of a thread is, and who reads it."""

    PUBLIC = "public", _("Message")
    NOTE = "note", "Internal note"
    EVENT = "event", _("What happened")
    DIAGNOSIS = "diagnosis", "What the portal found"


class Via(models.TextChoices):
    """Which way it came."""

    PAGE = "page", _("in the portal")
    MAIL = "mail", _("by e-mail")
    PORTAL = "portal", _("by the portal")


class ActionKind(models.TextChoices):
    """What the portal does on a system for a ticket."""

    PASSWORD = "password", "A new password"  # a word, not a secret
    SHARE = "share", "A share link"


class ActionState(models.TextChoices):
    """Of something that the portal does on a system for a ticket."""

    ASKED = "asked", "Asked for"
    RUNNING = "running", "Under way"
    DONE = "done", "Done and verified"
    FAILED = "failed", "Failed, nothing was changed"
    UNKNOWN = "unknown", "Not known whether it happened"


class LinkKind(models.TextChoices):
    """What a ticket may be linked to."""

    INCIDENT = "incident", "Incident"
    RUN = "run", "Update run"
    ROLLOUT = "rollout", "Rollout"
    RESTORE = "restore", "Restore"
    TICKET = "ticket", "Ticket"


class MailState(models.TextChoices):
    """What became of a mail that came in. The original is kept in each case."""

    WAITING = "waiting", "To be read"
    TAKEN = "taken", "In a ticket"
    HELD = "held", "Held: unknown sender"
    REFUSED = "refused", "Refused, the sender was told"
    IGNORED = "ignored", "Automatic, ignored"
    BOUNCE = "bounce", "A bounce"
    DISCARDED = "discarded", "Discarded by somebody of ours"


class SendState(models.TextChoices):
    """Of a mail on its way out."""

    WAITING = "waiting", "Waiting"
    SENT = "sent", "Handed over"
    FAILED = "failed", "Given up"


class Work(models.TextChoices):
    """What hours were spent on."""

    TICKET = "ticket", _("Support")
    CHANGE = "change", _("Change")
    VISIT = "visit", _("Visit")
    OTHER = "other", _("Other")


class Language(models.TextChoices):
    """Which the portal speaks to clients."""

    ENGLISH = "en", "English"
    GERMAN = "de", "Deutsch"


class Topic(models.TextChoices):
    """What a person may be told about."""

    TICKETS = "tickets", _("Answers to my tickets")
    INCIDENTS = "incidents", _("Disturbances of our systems")
    WORK = "work", _("Planned work, announced ahead")
    REPORT = "report", _("The monthly report")


class Delivery(models.TextChoices):
    """How a person is told."""

    AT_ONCE = "at_once", _("By e-mail, at once")
    DIGEST = "digest", _("By e-mail, once a day together")
    NEVER = "never", _("Not by e-mail")


# Decimal hours have quarters of a minute at most; what is typed is rounded up to these minutes.
ROUNDED_TO_MIN = 5
HOUR = Decimal(60)
