"""Backup jobs: what is backed up, where to, and what was promised of it."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from backups.choices import DATABASE_TOOLS, FILE_TOOLS, Application, Tool
from portal.accounts.tenancy import ClientOwned


class BackupJob(ClientOwned):
    """One backup of one system. It counts only once a restore test proved it, and for as long as that proof holds."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="backup_jobs")
    name = models.CharField(max_length=100)
    tool = models.CharField(max_length=16, choices=Tool)
    # As the tool takes it: a folder, sftp:user@host:/folder, ...; of dumps, archives and copies a path whose last part is a
    # pattern (/var/backups/shop-*.dump): the newest that matches is the newest snapshot. Of a composite its first part's.
    repository = models.CharField(max_length=500)
    # Absolute paths that must be in every snapshot, and what is left out on purpose (the tool's own patterns; of databases
    # patterns of table names).
    sources = ArrayField(models.CharField(max_length=500), default=list, blank=True)
    excludes = ArrayField(models.CharField(max_length=500), default=list, blank=True)
    # Databases that must be in every dump.
    databases = ArrayField(models.CharField(max_length=63), default=list, blank=True)
    # Of archives and copies: the folder on the system that their paths are relative to.
    archive_root = models.CharField(max_length=500, default="/")
    # Asked of a restored database, as [query, expectation] (backups.parsers.expectations).
    queries = models.JSONField(default=list, blank=True)
    # Whether each test leaves a canary in each source, which the next snapshots must bring back.
    canaries = models.BooleanField(default=False)
    # Of a composite: whose own check it gets, and how far apart its parts may be; of a part: which composite.
    application = models.CharField(max_length=16, choices=Application, blank=True, default=Application.NONE)
    apart_min = models.PositiveIntegerField(default=15)
    part_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="parts")
    # Where it is restored, if not on the system itself.
    restore_on = models.ForeignKey("clients.System", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # Where tests restore to on the host.
    scratch = models.CharField(max_length=500, default="/var/lib/retainer/scratch")
    credential = models.ForeignKey("vault.Credential", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # Of borg in keyfile mode: the exported key, without which the passphrase opens nothing.
    key_export = models.ForeignKey("vault.Credential", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # Of storage that asks for a login of its own (restic over REST or S3): its name; its secret is in the vault.
    storage_login = models.CharField(max_length=200, blank=True, default="", db_default="")
    storage_credential = models.ForeignKey("vault.Credential", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # The promise: how old the newest snapshot may be, how long a restore may take.
    recovery_point_h = models.PositiveIntegerField(default=26)
    recovery_time_min = models.PositiveIntegerField(default=240)
    test_every_days = models.PositiveSmallIntegerField(default=30)
    # No snapshot is to be kept for longer; empty: not known.
    keep_days = models.PositiveIntegerField(null=True, blank=True)
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
            models.CheckConstraint(
                condition=Q(tool__in=FILE_TOOLS, databases=[]) & ~Q(sources=[])
                | Q(tool__in=DATABASE_TOOLS, sources=[]) & ~Q(databases=[])
                | Q(tool=Tool.COMPOSITE, sources=[], databases=[]),
                name="a_job_says_what_it_holds",
            ),
            models.CheckConstraint(condition=~Q(tool=Tool.RESTIC, credential=None), name="restic_has_a_key"),
            models.CheckConstraint(condition=Q(key_export=None) | Q(tool=Tool.BORG), name="only_borg_exports_a_key"),
            models.CheckConstraint(
                condition=Q(storage_login="", storage_credential=None)
                | Q(tool=Tool.RESTIC, storage_credential__isnull=False) & ~Q(storage_login=""),
                name="a_storage_login_has_its_secret",
            ),
            models.CheckConstraint(condition=Q(part_of=None) | ~Q(tool=Tool.COMPOSITE), name="no_composite_of_composites"),
            models.CheckConstraint(condition=Q(application__in=Application.values), name="backup_application_known"),
            models.CheckConstraint(condition=Q(application="") | Q(tool=Tool.COMPOSITE), name="only_composites_have_an_application"),
            models.CheckConstraint(
                condition=Q(recovery_point_h__gte=1, recovery_time_min__gte=1, test_every_days__gte=1, read_parts__gte=1),
                name="a_job_promises_something",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["client", "name"], condition=Q(ended_at=None), name="backup_job_in_use")]

    def __str__(self) -> str:
        return self.name

    @property
    def holds(self) -> list[str]:
        """What must be in every snapshot: paths or databases."""
        return list(self.sources or self.databases)

    @property
    def proven_until(self) -> datetime | None:
        """Until when the last proof holds; None: never proven."""
        if self.proof is None or self.proof.finished_at is None:
            return None
        return self.proof.finished_at + timedelta(days=self.test_every_days)
