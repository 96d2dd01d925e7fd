"""Rollouts: a decided set of updates on its way from staging to production, and the approval that lets it pass."""

import uuid
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from clients.choices import Environment
from maintenance.choices import (
    ENDED_ROLLOUT_STATES,
    OPEN_TARGET_STATES,
    AlternativeKind,
    Keeping,
    RolloutState,
    TargetState,
)
from portal.accounts.tenancy import ClientOwned

_PLANNED = [RolloutState.APPROVAL, RolloutState.SCHEDULED, RolloutState.PRODUCTION]


class Rollout(ClientOwned):
    """Decided updates of one client: staging, soak, approval, production in waves. Carried by whichever worker holds its lease."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=16, choices=RolloutState, default=RolloutState.STAGING)
    # Without soak and window; two people and a reason all the same.
    emergency = models.BooleanField(default=False)
    reason = models.TextField(blank=True, default="")
    soak_h = models.PositiveIntegerField(default=24, validators=[MaxValueValidator(24 * 90)])
    # How much of production the second wave takes; the first is one system, the third the rest.
    share_percent = models.PositiveSmallIntegerField(default=25, validators=[MinValueValidator(1), MaxValueValidator(100)])
    # Whether services that still run what was replaced are restarted, and hosts rebooted that ask for it.
    restarts = models.BooleanField(default=True)
    # An upgrade instead of updates: its document runs on every system.
    document = models.ForeignKey("UpgradeDocument", null=True, blank=True, on_delete=models.PROTECT, related_name="rollouts")
    # Why what the document needs beforehand (a recent restore test) is done without; the approval signs it too.
    waived = models.TextField(blank=True, default="", db_default="")
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    soak_until = models.DateTimeField(null=True, blank=True)
    # What an approval signs: sha256 over every planned change on production. Once it stands the changes stand too (a trigger).
    plan_hash = models.CharField(max_length=64, blank=True, default="")
    planned_at = models.DateTimeField(null=True, blank=True)
    # Why it stopped, or who ended it and why.
    stop_reason = models.TextField(blank=True, default="")
    finished_at = models.DateTimeField(null=True, blank=True)

    claim = models.UUIDField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    # What it waits for, where that is not its state alone: a host, a window.
    waits_for = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=RolloutState.values), name="rollout_state_known"),
            models.CheckConstraint(condition=Q(emergency=False) | ~Q(reason=""), name="an_emergency_says_why"),
            models.CheckConstraint(
                condition=Q(state__in=ENDED_ROLLOUT_STATES, finished_at__isnull=False)
                | (~Q(state__in=ENDED_ROLLOUT_STATES) & Q(finished_at=None)),
                name="rollout_finished_iff_ended",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[RolloutState.STOPPED, RolloutState.CANCELLED]) | ~Q(stop_reason=""), name="a_stop_says_why"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_PLANNED) | (~Q(plan_hash="") & Q(planned_at__isnull=False)), name="approval_needs_a_plan"
            ),
            models.CheckConstraint(condition=Q(waived="") | Q(document__isnull=False), name="only_upgrades_waive"),
            models.CheckConstraint(condition=Q(share_percent__gte=1, share_percent__lte=100), name="share_is_a_percentage"),
            # what the approval's foreign key refers to
            models.UniqueConstraint(fields=["id", "asked_by"], name="rollout_and_who_asked"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["claimed_until"], condition=~Q(state__in=ENDED_ROLLOUT_STATES), name="rollout_open"),
        ]

    def __str__(self) -> str:
        return f"rollout {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether it still goes on."""
        return self.state not in ENDED_ROLLOUT_STATES


class RolloutTarget(ClientOwned):
    """One system's part in a rollout."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="targets")
    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="rollout_targets")
    environment = models.CharField(max_length=16, choices=Environment)
    # On production 1, 2, 3; staging is 0.
    wave = models.PositiveSmallIntegerField()
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=TargetState, default=TargetState.WAITING)
    planned_at = models.DateTimeField(null=True, blank=True)
    # btrfs, lvm or zfs: the snapshot that its run takes first, as it was planned; or why there is none though it is wished for.
    snapshot = models.CharField(max_length=8, blank=True, default="", db_default="")
    snapshot_note = models.TextField(blank=True, default="", db_default="")
    note = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["rollout", "system"], name="one_target_per_system"),
            models.UniqueConstraint(fields=["system"], condition=Q(state__in=OPEN_TARGET_STATES), name="one_open_rollout_per_system"),
            models.CheckConstraint(condition=Q(state__in=TargetState.values), name="target_state_known"),
            models.CheckConstraint(
                condition=Q(environment=Environment.STAGING, wave=0) | Q(environment=Environment.PRODUCTION, wave__gte=1),
                name="staging_is_wave_zero",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system} in rollout {self.rollout_id}"

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done on it."""
        return self.state in OPEN_TARGET_STATES


class PlannedChange(ClientOwned):
    """One package's exact transition on one target, as it was planned and, on production, approved."""

    target = models.ForeignKey(RolloutTarget, on_delete=models.PROTECT, related_name="changes")
    update = models.ForeignKey("PendingUpdate", null=True, on_delete=models.PROTECT, related_name="planned")
    package = models.CharField(max_length=200)
    architecture = models.CharField(max_length=32)
    # Empty: it comes in new.
    from_version = models.CharField(max_length=200, blank=True)
    to_version = models.CharField(max_length=200)
    # Configuration files that were changed on the host and that the new version changes too: ours stay, its come beside them.
    conflicts = ArrayField(models.CharField(max_length=500), default=list, blank=True)
    keeping = models.CharField(max_length=8, choices=Keeping, blank=True, default=Keeping.UNKNOWN)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["target", "package", "architecture"], name="one_change_per_package"),
            models.CheckConstraint(condition=~Q(to_version=""), name="a_change_has_a_version"),
        ]

    def __str__(self) -> str:
        return f"{self.package} {self.from_version} to {self.to_version}"


class RolloutApproval(ClientOwned):
    """A lead lets a plan pass to production: never the one who asked. Never changed, never removed (a trigger)."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="approvals")
    plan_hash = models.CharField(max_length=64)
    # A composite foreign key holds that this is who asked for the rollout.
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    note = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["rollout"], name="one_approval_per_rollout"),
            models.CheckConstraint(condition=~Q(approved_by=F("asked_by")), name="nobody_approves_their_own"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_hash[:12]} approved by {self.actor_label}"


class StagingAlternative(ClientOwned):
    """What stands in for staging where a system has no twin, or its twin lacks a package."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="alternatives")
    kind = models.CharField(max_length=16, choices=AlternativeKind)
    canary = models.ForeignKey("clients.System", null=True, blank=True, on_delete=models.PROTECT, related_name="canary_for")
    reason = models.TextField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=AlternativeKind.values), name="alternative_kind_known"),
            models.CheckConstraint(condition=~Q(reason=""), name="alternative_says_why"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="alternative_expires_later"),
            models.CheckConstraint(
                condition=Q(kind=AlternativeKind.CANARY, canary__isnull=False) | Q(kind=AlternativeKind.EXCEPTION, canary=None),
                name="a_canary_is_a_system",
            ),
            models.CheckConstraint(condition=Q(canary=None) | ~Q(canary=F("system")), name="nobody_is_their_own_canary"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["system", "expires_at"], name="alternative_of_system")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.system_id}"
