"""Snapshots of a root file system before it is changed: what a system's policy says. Those taken stand on their runs."""

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from maintenance.choices import SnapshotWish
from portal.accounts.tenancy import ClientOwned


class SnapshotPolicy(ClientOwned):
    """Whether updates and upgrades of a system begin with a snapshot, and how long it is kept. No row: none is taken."""

    system = models.OneToOneField("clients.System", on_delete=models.PROTECT, related_name="snapshot_policy")
    wish = models.CharField(max_length=8, choices=SnapshotWish, blank=True, default=SnapshotWish.NONE)
    keep_days = models.PositiveSmallIntegerField(default=7, validators=[MinValueValidator(1), MaxValueValidator(60)])
    set_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(wish__in=SnapshotWish.values), name="snapshot_wish_known"),
            models.CheckConstraint(condition=Q(keep_days__gte=1, keep_days__lte=60), name="a_snapshot_is_kept_for_days"),
        ]

    def __str__(self) -> str:
        return f"snapshots of {self.system_id}: {self.get_wish_display()}"
