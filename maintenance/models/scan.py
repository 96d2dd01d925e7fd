"""Scans and the package inventory."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from maintenance.choices import ScanState
from portal.accounts.tenancy import ClientOwned


class Scan(ClientOwned):
    """One look at a system: what it is, what is installed and what is pending, with the evidence of each command."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="scans")
    state = models.CharField(max_length=16, choices=ScanState, default=ScanState.QUEUED)
    queued_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Why it is stale or failed, in words.
    reason = models.TextField(blank=True, default="")
    error_code = models.CharField(max_length=24, blank=True, default="")
    # Per section of the probe: {"exit_status", "stderr"}; and what was sudo-only and could not be read.
    evidence = models.JSONField(default=dict)

    index_refreshed_at = models.DateTimeField(null=True, blank=True)
    # None is unknown, never "no".
    reboot_required = models.BooleanField(null=True)
    reboot_reason = models.CharField(max_length=300, blank=True, default="")
    running_kernel = models.CharField(max_length=100, blank=True, default="")
    uptime_s = models.BigIntegerField(null=True)
    services_to_restart = models.JSONField(null=True)
    # Half-configured packages, held locks, broken sources, full disks: sentences.
    problems = models.JSONField(default=list)
    # Installed packages that no source offers in any version: nobody will update them.
    sourceless = ArrayField(models.CharField(max_length=200), null=True, blank=True)
    # What no package manager knows: [[name, version, folder], …]; None is not read.
    applications = models.JSONField(null=True)
    packages_total = models.PositiveIntegerField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system"], condition=Q(state=ScanState.QUEUED), name="one_open_scan_per_system"),
            models.CheckConstraint(condition=Q(state__in=ScanState.values), name="scan_state_known"),
            models.CheckConstraint(
                condition=Q(state=ScanState.QUEUED, finished_at=None) | (~Q(state=ScanState.QUEUED) & Q(finished_at__isnull=False)),
                name="scan_finished_iff_final",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[ScanState.STALE, ScanState.FAILED]) | ~Q(reason=""), name="scan_not_fresh_says_why"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["system", "-finished_at"], name="scan_newest_of_system"),
            models.Index(fields=["queued_at"], condition=Q(state=ScanState.QUEUED), name="scan_open"),
        ]

    def __str__(self) -> str:
        return f"scan {self.pk} of {self.system_id}"


class InstalledPackage(ClientOwned):
    """A package that the last readable scan found on a system."""

    system = models.ForeignKey("clients.System", on_delete=models.CASCADE, related_name="packages")
    name = models.CharField(max_length=200)
    architecture = models.CharField(max_length=32)
    version = models.CharField(max_length=200)
    source = models.CharField(max_length=200, blank=True, default="")
    source_version = models.CharField(max_length=200, blank=True, default="")
    status = models.CharField(max_length=8, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "name", "architecture"], name="one_row_per_installed_package"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["source", "system"], name="package_by_source")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
