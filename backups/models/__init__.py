"""Backup jobs and their restore tests."""

from backups.models.job import BackupJob
from backups.models.restore_test import RestoreTest

__all__ = ["BackupJob", "RestoreTest"]
