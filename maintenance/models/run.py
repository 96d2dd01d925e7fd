"""Update runs: one change on one system, with all evidence of it."""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from maintenance.choices import OPEN_RUN_STATES, UNDOING, Moment, RunKind, RunState, SnapshotWish, Verdict
from portal.accounts.tenancy import ClientOwned


class UpdateRun(ClientOwned):
    """A change of one system: written before anything reaches the host, finished with a verdict."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="update_runs")
    kind = models.CharField(max_length=16, choices=RunKind, default=RunKind.APPLY)
    # The part of a rollout that it carries out; a run of one kind is made once for each.
    target = models.ForeignKey("RolloutTarget", null=True, blank=True, on_delete=models.PROTECT, related_name="runs")
    # On a rollback: the run that it takes back.
    undoes = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by")
    # On an upgrade, and on what takes it back: the document.
    document = models.ForeignKey(
        "UpgradeDocument", null=True, blank=True, on_delete=models.PROTECT, related_name="runs", db_index=False
    )
    # On a restart: the units.
    units = ArrayField(models.CharField(max_length=256), default=list, blank=True, db_default=[])
    # Whether it begins with a snapshot of the root file system, and for how long that is kept.
    snapshot = models.CharField(max_length=8, choices=SnapshotWish, blank=True, default=SnapshotWish.NONE, db_default="")
    snapshot_days = models.PositiveSmallIntegerField(default=0, db_default=0)
    state = models.CharField(max_length=16, choices=RunState, default=RunState.QUEUED)
    verdict = models.CharField(max_length=16, choices=Verdict, blank=True, default="")
    # Why the verdict is what it is: sentences.
    findings = models.JSONField(default=list)
    started_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    # Who works on it, and until when that is believed.
    claim = models.UUIDField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    unreachable_since = models.DateTimeField(null=True, blank=True)
    # What the last attempt to talk to the host said; empty while all is well.
    trouble = models.TextField(blank=True, default="")

    # As the host tells it.
    # Written before the host is asked to start: from then on "nothing was changed" can't be said unseen.
    start_sent_at = models.DateTimeField(null=True, blank=True)
    seen_on_host_at = models.DateTimeField(null=True, blank=True)
    ended_on_host_at = models.DateTimeField(null=True, blank=True)
    host_state = models.CharField(max_length=16, blank=True, default="")
    exit_status = models.IntegerField(null=True, blank=True)
    # What dpkg --audit said at the end; empty is whole.
    audit = models.TextField(blank=True, default="")
    reboot_required = models.BooleanField(null=True)
    # btrfs, lvm or zfs: the snapshot that it took; and since when the host has it no more.
    snapshot_kind = models.CharField(max_length=8, blank=True, default="", db_default="")
    snapshot_gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system"], condition=Q(state__in=OPEN_RUN_STATES), name="one_open_run_per_system"),
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="update_run_state_known"),
            models.CheckConstraint(condition=Q(kind__in=RunKind.values), name="update_run_kind_known"),
            models.CheckConstraint(
                condition=Q(state=RunState.FINISHED, finished_at__isnull=False, verdict__in=Verdict.values)
                | Q(state__in=OPEN_RUN_STATES, finished_at=None, verdict=""),
                name="update_run_finished_iff_verdict",
            ),
            models.UniqueConstraint(fields=["target", "kind"], name="a_target_is_run_once"),
            models.UniqueConstraint(
                fields=["undoes"], condition=Q(state__in=OPEN_RUN_STATES) | Q(verdict=Verdict.VERIFIED), name="a_run_is_undone_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=UNDOING, undoes__isnull=False) | (~Q(kind__in=UNDOING) & Q(undoes=None)),
                name="a_rollback_says_of_what",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[RunKind.UPGRADE, RunKind.UPGRADE_UNDO], document__isnull=False)
                | (~Q(kind__in=[RunKind.UPGRADE, RunKind.UPGRADE_UNDO]) & Q(document=None)),
                name="an_upgrade_has_its_document",
            ),
            # A verified run is one whose command ended with 0 and whose package system is whole.
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.VERIFIED)
                | Q(exit_status__isnull=False, exit_status=0, audit="", ended_on_host_at__isnull=False),
                name="verified_needs_its_evidence",
            ),
            models.CheckConstraint(
                condition=Q(snapshot="", snapshot_days=0)
                | Q(
                    snapshot__in=[SnapshotWish.MAY, SnapshotWish.MUST], snapshot_days__gte=1, kind__in=[RunKind.APPLY, RunKind.UPGRADE]
                ),
                name="a_snapshot_is_before_a_change",
            ),
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.VERIFIED) | ~Q(snapshot=SnapshotWish.MUST) | ~Q(snapshot_kind=""),
                name="verified_has_the_snapshot_it_must",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["claimed_until"], condition=~Q(state=RunState.FINISHED), name="update_run_open"),
            models.Index(fields=["system", "-created_at"], name="update_run_newest"),
            models.Index(fields=["document"], condition=Q(document__isnull=False), name="update_run_of_document"),
            models.Index(fields=["system"], condition=~Q(snapshot_kind="") & Q(snapshot_gone_at=None), name="update_run_snapshots"),
        ]

    def __str__(self) -> str:
        return f"update run {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether it still holds the system."""
        return self.state != RunState.FINISHED

    @property
    def has_snapshot(self) -> bool:
        """Whether the host still keeps the root file system as it was before this run."""
        return bool(self.snapshot_kind) and self.snapshot_gone_at is None

    @property
    def snapshot_until(self) -> datetime | None:
        """Until when its snapshot is kept, where it took one."""
        if not self.snapshot_kind or self.ended_on_host_at is None:
            return None
        kept = self
        while not kept.snapshot_days and kept.undoes is not None:
            kept = kept.undoes
        return self.ended_on_host_at + timedelta(days=kept.snapshot_days)


class RunPackage(ClientOwned):
    """A package that a run is to bring to one version, and the version found afterwards."""

    run = models.ForeignKey(UpdateRun, on_delete=models.PROTECT, related_name="packages")
    update = models.ForeignKey("PendingUpdate", null=True, on_delete=models.PROTECT, related_name="+")
    package = models.CharField(max_length=200)
    architecture = models.CharField(max_length=32)
    from_version = models.CharField(max_length=200)
    to_version = models.CharField(max_length=200)
    # Empty while not read.
    after_version = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["run", "package", "architecture"], name="one_row_per_run_package"),
        ]

    def __str__(self) -> str:
        return f"{self.package} to {self.to_version}"


class RunEvidence(ClientOwned):
    """What ran on the system at one moment: units, listening sockets, failed units, HTTP answers, versions."""

    run = models.ForeignKey(UpdateRun, on_delete=models.PROTECT, related_name="evidence")
    moment = models.CharField(max_length=8, choices=Moment)
    taken_at = models.DateTimeField()
    facts = models.JSONField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["run", "moment"], name="one_evidence_per_moment"),
        ]

    def __str__(self) -> str:
        return f"{self.moment} of run {self.run_id}"


class RunCommand(ClientOwned):
    """A command that the run executed on the host, with its exit status."""

    run = models.ForeignKey(UpdateRun, on_delete=models.PROTECT, related_name="commands")
    position = models.PositiveSmallIntegerField()
    command = models.TextField()
    exit_status = models.IntegerField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["run", "position"], name="one_command_per_position"),
        ]

    def __str__(self) -> str:
        return f"{self.exit_status} {self.command[:60]}"


class RunLogChunk(ClientOwned):
    """Bytes of the host's log from an offset on. The same bytes read twice land on the same row."""

    run = models.ForeignKey(UpdateRun, on_delete=models.PROTECT, related_name="log_chunks")
    offset = models.BigIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["run", "offset"], name="one_log_chunk_per_offset"),
        ]

    def __str__(self) -> str:
        return f"log of run {self.run_id} at {self.offset}"


class VerdictOverrule(ClientOwned):
    """Somebody stands for a run whose verdict is not "verified". The verdict stays; this stands beside it, for ever."""

    run = models.ForeignKey(UpdateRun, on_delete=models.PROTECT, related_name="overrules")
    reason = models.TextField()
    overruled_at = models.DateTimeField()
    overruled_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["run"], name="one_overrule_per_run"),
            models.CheckConstraint(condition=~Q(reason=""), name="overrule_says_why"),
        ]

    def __str__(self) -> str:
        return f"run {self.run_id} overruled by {self.actor_label}"
