"""Checks of systems, what they said last, and every result as a time series."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from monitoring.choices import Kind, Level
from portal.accounts.tenancy import ClientOwned


class Watch(ClientOwned):
    """That a system is looked at, how often, and when it was last. One row for each system; the row is the queue."""

    system = models.OneToOneField("clients.System", on_delete=models.PROTECT, related_name="watch")
    interval_s = models.PositiveIntegerField(default=60)
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    # Counters of the last look, which the next one is held against: {"boot": id, "cpu": [busy, total]}
    counters = models.JSONField(default=dict, blank=True)
    # How often it was looked at since `noted_on`; a day's looks are one line in the audit trail.
    looks = models.PositiveIntegerField(default=0)
    noted_on = models.DateField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(interval_s__gte=10, interval_s__lte=86_400), name="a_watch_has_an_interval"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["due_at"], condition=Q(ended_at=None), name="watch_due")]

    def __str__(self) -> str:
        return f"watch {self.pk}"


class Check(ClientOwned):
    """One thing that is looked at on one system, with what it said last and where that was confirmed."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="checks")
    kind = models.CharField(max_length=16, choices=Kind)
    # A mount point or the like; empty where there is only one.
    subject = models.CharField(max_length=200, blank=True, default="")
    # Own thresholds instead of those of its kind.
    warning = models.FloatField(null=True, blank=True)
    critical = models.FloatField(null=True, blank=True)

    # Confirmed: so many results in a row said so.
    level = models.CharField(max_length=8, choices=Level, default=Level.UNKNOWN)
    since = models.DateTimeField()
    # What the last result said, and how many in a row said the same.
    last_level = models.CharField(max_length=8, choices=Level, default=Level.UNKNOWN)
    times = models.PositiveIntegerField(default=0)
    value = models.FloatField(null=True, blank=True)
    words = models.CharField(max_length=500, blank=True, default="")
    last_at = models.DateTimeField(null=True, blank=True)
    # From then on what it said is too old to count.
    stale_at = models.DateTimeField()
    # Confirmed changes of late (seconds), the newest last: too many within an hour is flapping.
    changes = models.JSONField(default=list, blank=True)

    # Made by a drill: it takes the same way as the others, but says nothing of the system.
    drill = models.BooleanField(default=False, db_default=False)
    # Planned work: no message, and always with an end.
    muted_until = models.DateTimeField(null=True, blank=True)
    muted_why = models.CharField(max_length=500, blank=True, default="")
    muted_by = models.CharField(max_length=254, blank=True, default="")
    # Not looked at any more, on purpose.
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "kind", "subject"], name="one_check_of_a_thing"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="check_kind_known"),
            models.CheckConstraint(condition=Q(level__in=Level.values, last_level__in=Level.values), name="check_level_known"),
            models.CheckConstraint(condition=Q(level=Level.UNKNOWN) | Q(last_at__isnull=False), name="nothing_is_known_without_a_look"),
            models.CheckConstraint(
                condition=Q(muted_until=None, muted_why="", muted_by="")
                | Q(muted_until__isnull=False) & ~Q(muted_why="") & ~Q(muted_by=""),
                name="a_mute_has_an_end_and_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_why="") | Q(ended_at__isnull=False) & ~Q(ended_why=""),
                name="an_ended_check_has_a_reason",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["stale_at"], condition=Q(ended_at=None) & ~Q(level=Level.UNKNOWN), name="check_going_stale"),
            models.Index(fields=["client", "system"], condition=Q(ended_at=None), name="check_in_use"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject}".strip()


class Result(ClientOwned):
    """What one look said of one check. Partitioned by day (monitoring/migrations): dropping the old costs nothing."""

    pk = models.CompositePrimaryKey("check_row", "at")
    check_row = models.ForeignKey(Check, on_delete=models.PROTECT, related_name="results", db_column="check_id")
    at = models.DateTimeField()
    # monitoring.choices.RANK
    rank = models.SmallIntegerField()
    value = models.FloatField(null=True)

    def __str__(self) -> str:
        return f"result of check {self.check_row_id}"
