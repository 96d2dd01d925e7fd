"""Restore tests: a backup really restored, judged by its content, with all that was found."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from backups.choices import OPEN_TEST_STATES, Cause, Purpose, RestoreState, RestoreVerdict
from backups.models.detached import DetachedWork


class RestoreTest(DetachedWork):
    """One test of one job: written before anything reaches the host, finished with a verdict and sealed."""

    job = models.ForeignKey("BackupJob", on_delete=models.PROTECT, related_name="tests")
    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="restore_tests")
    # As the job had it: of one repository one test runs at a time.
    repository = models.CharField(max_length=500)
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.TEST)
    verdict = models.CharField(max_length=16, choices=RestoreVerdict, blank=True, default="")
    cause = models.CharField(max_length=16, choices=Cause, blank=True, default="")

    snapshot_id = models.CharField(max_length=64, blank=True, default="")
    snapshot_at = models.DateTimeField(null=True, blank=True)
    restored_files = models.BigIntegerField(null=True, blank=True)
    restored_bytes = models.BigIntegerField(null=True, blank=True)
    # Of getting the data back alone, in seconds.
    recovery_s = models.DecimalField(max_digits=10, decimal_places=2, null=True, blank=True)
    # sha256 over everything above, which also stands in the audit trail.
    seal = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system"], condition=Q(state__in=OPEN_TEST_STATES), name="one_open_test_per_system"),
            models.UniqueConstraint(
                fields=["client", "repository"], condition=Q(state__in=OPEN_TEST_STATES), name="one_open_test_per_repository"
            ),
            models.CheckConstraint(condition=Q(state__in=RestoreState.values), name="restore_test_state_known"),
            models.CheckConstraint(condition=Q(purpose__in=Purpose.values), name="restore_test_purpose_known"),
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="restore_test_cause_known"),
            models.CheckConstraint(
                condition=(
                    Q(state=RestoreState.FINISHED, finished_at__isnull=False, verdict__in=RestoreVerdict.values) & ~Q(seal="")
                    | Q(state__in=OPEN_TEST_STATES, finished_at=None, verdict="", seal="")
                ),
                name="restore_test_finished_iff_verdict",
            ),
            models.CheckConstraint(
                condition=Q(verdict__in=["", RestoreVerdict.PASS, RestoreVerdict.NOTES], cause="")
                | (Q(verdict__in=[RestoreVerdict.FAIL, RestoreVerdict.INCONCLUSIVE]) & ~Q(cause="")),
                name="what_did_not_pass_has_a_cause",
            ),
            # A pass is a restore that ended well and brought something back.
            models.CheckConstraint(
                condition=~Q(verdict__in=[RestoreVerdict.PASS, RestoreVerdict.NOTES])
                | (
                    Q(exit_status__isnull=False, exit_status=0, restored_files__isnull=False, restored_files__gt=0)
                    & Q(snapshot_at__isnull=False, recovery_s__isnull=False)
                    & ~Q(snapshot_id="")
                ),
                name="a_pass_needs_its_evidence",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["claimed_until"], condition=~Q(state=RestoreState.FINISHED), name="restore_test_open"),
            models.Index(fields=["job", "-created_at"], name="restore_test_newest"),
        ]

    def __str__(self) -> str:
        return f"restore test {self.pk}"
