"""Results over longer times, and who may read a client's state."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from portal.accounts.tenancy import ClientOwned


class Rollup(ClientOwned):
    """What a check said within 5 minutes, an hour or a day. Partitioned by that and by time (monitoring/migrations)."""

    pk = models.CompositePrimaryKey("step", "check_row", "at")
    # Seconds: 300, 3600 or 86400.
    step = models.PositiveIntegerField()
    check_row = models.ForeignKey("Check", on_delete=models.PROTECT, related_name="rollups", db_column="check_id")
    at = models.DateTimeField()
    # Values that there were, their sum, and the least and the greatest.
    values_n = models.PositiveIntegerField()
    total = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    # For how long it was known to work (in order, or with a warning), and known not to. The rest is not known.
    up_s = models.FloatField()
    down_s = models.FloatField()

    def __str__(self) -> str:
        return f"rollup of check {self.check_row_id}"


class RolledUp(models.Model):
    """How far results are rolled up."""

    step = models.PositiveIntegerField(primary_key=True)
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(step__in=[300, 3600, 86_400]), name="rolled_up_step_known")
        ]

    def __str__(self) -> str:
        return f"{self.step} s until {self.until}"


class StatusPage(ClientOwned):
    """A client's state for everybody who has its address, where the client wants that."""

    # One page for each client.
    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=100)
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client"], condition=Q(ended_at=None), name="one_status_page_of_a_client"),
            models.CheckConstraint(condition=~Q(title="") & ~Q(slug=""), name="a_status_page_has_a_title"),
        ]

    def __str__(self) -> str:
        return self.title


class Blindness(models.Model):
    """A time in which the portal looked at nothing, as the watcher found it afterwards."""

    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    reason = models.CharField(max_length=500)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(ended_at__gt=models.F("began_at")), name="a_blindness_ends"),
            models.UniqueConstraint(fields=["began_at"], name="one_blindness_of_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.began_at} to {self.ended_at}"
