"""Planned work: while it lasts nobody is told of what it breaks. It always has an end."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from portal.accounts.tenancy import ClientOwned

LONGEST = timedelta(days=7)


class PlannedWork(ClientOwned):
    """Work on one system that somebody, or a run of updates, announced."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="planned_work")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(ends_at__gte=F("starts_at"), ends_at__lte=F("starts_at") + LONGEST), name="planned_work_ends_within_a_week"
            ),
            models.CheckConstraint(condition=~Q(reason="") & ~Q(actor_label=""), name="planned_work_has_a_reason"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["system", "-ends_at"], name="planned_work_of_system")]

    def __str__(self) -> str:
        return self.reason
