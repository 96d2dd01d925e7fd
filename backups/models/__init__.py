"""Backup jobs and their restore tests; what they look like in between, and what drifted."""

from backups.models.job import BackupJob
from backups.models.reading import BackupFinding, BackupSurvey, Baseline, FoundBackup, Reading
from backups.models.restore import Restore
from backups.models.restore_test import RestoreTest

__all__ = ["BackupFinding", "BackupJob", "BackupSurvey", "Baseline", "FoundBackup", "Reading", "Restore", "RestoreTest"]
