"""Restores for the day they are needed: looked at first, then carried out where somebody said so, or rehearsed."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from backups.choices import OPEN_TEST_STATES, Cause, RestoreMode, RestoreState
from backups.models.detached import DetachedWork


class Restore(DetachedWork):
    """One restore of one backup. What changes anything on the host stands on a dry run that somebody read."""

    class Outcome(models.TextChoices):
        """How it ended."""

        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        INCONCLUSIVE = "inconclusive", "Not begun, or not known"

    job = models.ForeignKey("BackupJob", on_delete=models.PROTECT, related_name="restores")
    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="restores")
    mode = models.CharField(max_length=16, choices=RestoreMode)
    # `newest`, or what the tool calls it.
    snapshot = models.CharField(max_length=300, default="newest")
    # Empty: all of its sources.
    paths = ArrayField(models.CharField(max_length=500), default=list, blank=True)
    target = models.CharField(max_length=500, blank=True, default="")
    # The dry run whose answer somebody read before.
    plan = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="carried_out")
    reason = models.CharField(max_length=2000, blank=True, default="")
    outcome = models.CharField(max_length=16, choices=Outcome, blank=True, default="")
    cause = models.CharField(max_length=16, choices=Cause, blank=True, default="")
    snapshot_id = models.CharField(max_length=300, blank=True, default="")
    snapshot_at = models.DateTimeField(null=True, blank=True)
    # Files that were not there, that were there as they come back, and that were there and are replaced.
    new_files = models.BigIntegerField(null=True, blank=True)
    same_files = models.BigIntegerField(null=True, blank=True)
    replaced_files = models.BigIntegerField(null=True, blank=True)
    size_b = models.BigIntegerField(null=True, blank=True)
    # On the host: where what was replaced is kept.
    kept_at = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system"], condition=Q(state__in=OPEN_TEST_STATES), name="one_open_restore_per_system"),
            models.CheckConstraint(condition=Q(state__in=RestoreState.values), name="restore_state_known"),
            models.CheckConstraint(condition=Q(mode__in=RestoreMode.values), name="restore_mode_known"),
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="restore_cause_known"),
            models.CheckConstraint(
                condition=Q(state=RestoreState.FINISHED, finished_at__isnull=False, outcome__in=["done", "failed", "inconclusive"])
                | Q(state__in=OPEN_TEST_STATES, finished_at=None, outcome=""),
                name="restore_finished_iff_outcome",
            ),
            models.CheckConstraint(
                condition=Q(mode__in=[RestoreMode.DRY_RUN, RestoreMode.REHEARSAL]) | (Q(plan__isnull=False) & ~Q(reason="")),
                name="a_restore_stands_on_a_dry_run",
            ),
            # the folder of its own belongs to what restores beside live data, and only to that
            models.CheckConstraint(condition=~Q(mode=RestoreMode.IN_PLACE, target__gt=""), name="in_place_has_no_folder"),
            models.CheckConstraint(condition=~Q(mode=RestoreMode.FOLDER, target=""), name="a_folder_has_its_name"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["claimed_until"], condition=~Q(state=RestoreState.FINISHED), name="restore_open"),
            models.Index(fields=["job", "-created_at"], name="restore_newest"),
        ]

    def __str__(self) -> str:
        return f"restore {self.pk}"
