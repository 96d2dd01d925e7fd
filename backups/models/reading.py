"""What backups look like from without, between restore tests: readings of each, and a survey of each system."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from backups.choices import Cause, Level
from portal.accounts.tenancy import ClientOwned


class Reading(ClientOwned):
    """One look at one backup: how old, how large, how locked. Nothing is restored, so it proves nothing."""

    job = models.ForeignKey("BackupJob", on_delete=models.CASCADE, related_name="readings")
    at = models.DateTimeField()
    level = models.CharField(max_length=8, choices=Level)
    # Why the backup could not be read; empty where it was.
    cause = models.CharField(max_length=16, choices=Cause, blank=True, default="")
    findings = models.JSONField(default=list)
    newest_at = models.DateTimeField(null=True, blank=True)
    oldest_at = models.DateTimeField(null=True, blank=True)
    snapshots = models.PositiveIntegerField(null=True, blank=True)
    # Of the newest snapshot.
    size_b = models.BigIntegerField(null=True, blank=True)
    files = models.BigIntegerField(null=True, blank=True)
    # What should not change: tool_version, identity, encryption, keys, paths, excludes.
    traits = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(level__in=Level.values), name="reading_level_known"),
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="reading_cause_known"),
            # green and amber are what was read, and nothing else
            models.CheckConstraint(
                condition=Q(level__in=[Level.BAD, Level.UNKNOWN]) | Q(cause="", newest_at__isnull=False, size_b__isnull=False),
                name="no_good_reading_without_one",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["job", "-at"], name="backup_reading_newest")]

    def __str__(self) -> str:
        return f"reading {self.pk}"


class BackupSurvey(ClientOwned):
    """What on a system makes backups, and what lies there that should be in one; each look replaces the last."""

    system = models.OneToOneField("clients.System", on_delete=models.CASCADE, related_name="backup_survey")
    # As (kind, name, state, text) and (kind, name, where).
    entries = models.JSONField(default=list)
    places = models.JSONField(default=list)
    # Of the last look that succeeded, of the last try, and why that failed.
    looked_at = models.DateTimeField(null=True, blank=True)
    tried_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True, default="")
    claim = models.UUIDField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["tried_at"], name="backup_survey_tried")]

    def __str__(self) -> str:
        return f"survey of {self.system}"


class Baseline(ClientOwned):
    """The configuration of a backup as somebody accepted it; the newest is what looks are compared with."""

    job = models.ForeignKey("BackupJob", on_delete=models.CASCADE, related_name="baselines")
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    reason = models.CharField(max_length=2000)
    actor_label = models.CharField(max_length=254)
    accepted_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(reason="") & ~Q(actor_label=""), name="a_baseline_has_a_reason"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["job", "-accepted_at"], name="backup_baseline_newest")]

    def __str__(self) -> str:
        return f"baseline {self.pk}"


class BackupFinding(ClientOwned):
    """Something that changed since it was accepted, or that no backup covers; open until it is accepted, excused or gone."""

    class Kind(models.TextChoices):
        """What is wrong."""

        DRIFT = "drift", "Drift"
        UNCOVERED = "uncovered", "Not in any backup"

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        EXCUSED = "excused", "Excused"
        GONE = "gone", "Gone"

    system = models.ForeignKey("clients.System", on_delete=models.CASCADE, related_name="backup_findings")
    # Of drift: which backup's.
    job = models.ForeignKey("BackupJob", null=True, blank=True, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=16, choices=Kind)
    subject = models.CharField(max_length=600)
    before = models.TextField(blank=True, default="")
    after = models.TextField(blank=True, default="")
    level = models.CharField(max_length=8, choices=Level)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    found_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=2000, blank=True, default="")
    actor_label = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                F("system"), models.functions.Coalesce("job", 0), "kind", "subject", condition=Q(state__in=["open", "excused"]),
                name="one_standing_finding",
            ),
            models.CheckConstraint(
                condition=Q(kind="drift", job__isnull=False) | Q(kind="uncovered", job=None), name="drift_is_of_a_job"
            ),
            models.CheckConstraint(condition=Q(level__in=["warn", "bad"]), name="backup_finding_level_known"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None)
                | Q(state="gone", closed_at__isnull=False)
                | (Q(state__in=["accepted", "excused"], closed_at__isnull=False) & ~Q(reason="") & ~Q(actor_label="")),
                name="who_closes_a_finding_says_why",
            ),
            models.CheckConstraint(condition=~Q(state="excused") | Q(kind="uncovered"), name="only_gaps_are_excused"),
        ]  # fmt: skip
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["client", "level"], condition=Q(state="open"), name="backup_finding_open"),
        ]

    def __str__(self) -> str:
        return self.subject


class FoundBackup(ClientOwned):
    """A backup that a system makes and nobody watches: proposed, not invented."""

    system = models.ForeignKey("clients.System", on_delete=models.CASCADE, related_name="found_backups")
    tool = models.CharField(max_length=16)
    repository = models.CharField(max_length=500)
    sources = ArrayField(models.CharField(max_length=500), default=list)
    databases = ArrayField(models.CharField(max_length=63), default=list)
    excludes = ArrayField(models.CharField(max_length=500), default=list)
    # Which entries of the survey say so.
    places = ArrayField(models.CharField(max_length=600), default=list)
    found_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=2000, blank=True, default="")
    actor_label = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "tool", "repository"], name="a_backup_is_found_once"),
            models.CheckConstraint(
                condition=Q(dismissed_at=None) | (~Q(reason="") & ~Q(actor_label="")), name="who_dismisses_a_backup_says_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.repository}"
