"""Backup jobs: what is backed up, where to, and what was promised of it."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from backups.choices import Tool
from portal.accounts.tenancy import ClientOwned


class BackupJob(ClientOwned):
    """One backup of one system. It counts only once a restore test proved it, and for as long as that proof holds."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="backup_jobs")
    name = models.CharField(max_length=100)
    tool = models.CharField(max_length=16, choices=Tool)
    # As the tool takes it: a folder, sftp:user@host:/folder, ...
    repository = models.CharField(max_length=500)
    # Absolute paths that must be in every snapshot, and what is left out on purpose (the tool's own patterns).
    sources = ArrayField(models.CharField(max_length=500))
    excludes = ArrayField(models.CharField(max_length=500), default=list, blank=True)
    # Where tests restore to on the host.
    scratch = models.CharField(max_length=500, default="/var/lib/retainer/scratch")
    credential = models.ForeignKey("vault.Credential", on_delete=models.PROTECT, related_name="+")
    # The promise: how old the newest snapshot may be, how long a restore may take.
    recovery_point_h = models.PositiveIntegerField(default=26)
    recovery_time_min = models.PositiveIntegerField(default=240)
    test_every_days = models.PositiveSmallIntegerField(default=30)
    # Within so many tests every byte of the repository is read once.
    read_parts = models.PositiveSmallIntegerField(default=3)
    # The newest test that passed (a trigger holds that it did, and that it is this job's).
    proof = models.ForeignKey("RestoreTest", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "name"], condition=Q(ended_at=None), name="one_job_of_a_name"),
            models.CheckConstraint(condition=Q(tool__in=Tool.values), name="backup_tool_known"),
            models.CheckConstraint(condition=~Q(sources=[]), name="a_job_has_sources"),
            models.CheckConstraint(
                condition=Q(recovery_point_h__gte=1, recovery_time_min__gte=1, test_every_days__gte=1, read_parts__gte=1),
                name="a_job_promises_something",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["client", "name"], condition=Q(ended_at=None), name="backup_job_in_use")]

    def __str__(self) -> str:
        return self.name

    @property
    def proven_until(self) -> datetime | None:
        """Until when the last proof holds; None: never proven."""
        if self.proof is None or self.proof.finished_at is None:
            return None
        return self.proof.finished_at + timedelta(days=self.test_every_days)
