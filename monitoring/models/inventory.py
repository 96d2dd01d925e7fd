"""What runs on a system, as looks as root found it, and what changed there that somebody who got in would change."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from monitoring.choices import Area, ThingKind
from portal.accounts.tenancy import ClientOwned


class Inventory(ClientOwned):
    """When a system is looked at as root, and what the next look is held against. One row for each; the row is the queue."""

    system = models.OneToOneField("clients.System", on_delete=models.PROTECT, related_name="inventory")
    interval_s = models.PositiveIntegerField(default=300)
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    # The last one that could be read, and the last that verified the files of packages.
    last_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    began_at = models.DateTimeField()
    problem = models.CharField(max_length=500, blank=True, default="")
    # {"logs": {path: [inode, offset]}, "restarts": {unit: n}, "ordinary": {what: [n, mean, variance]}, "clock": host's seconds}
    counters = models.JSONField(default=dict, blank=True)
    # Fingerprints that are known and accepted: {area: {thing: fingerprint}}
    known = models.JSONField(default=dict, blank=True)
    # Of the things that could be checked, how many there are and how many are.
    things = models.PositiveIntegerField(default=0)
    covered = models.PositiveIntegerField(default=0)
    looks = models.PositiveIntegerField(default=0)
    noted_on = models.DateField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(interval_s__gte=60, interval_s__lte=86_400), name="an_inventory_has_an_interval"),
            models.CheckConstraint(condition=Q(covered__lte=models.F("things")), name="no_more_covered_than_there_are"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["due_at"], name="inventory_due")]

    def __str__(self) -> str:
        return f"inventory of {self.system_id}"


class Thing(ClientOwned):
    """Something that runs on a system and could be checked: a service, a site, a container, a mount…"""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="things")
    kind = models.CharField(max_length=16, choices=ThingKind)
    name = models.CharField(max_length=200)
    first_at = models.DateTimeField()
    # Since when it is not there any more.
    gone_at = models.DateTimeField(null=True, blank=True)
    # Somebody said that it needs no check, or that it may be gone.
    excused_at = models.DateTimeField(null=True, blank=True)
    excused_by = models.CharField(max_length=254, blank=True, default="")
    excused_why = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "kind", "name"], name="one_row_of_a_thing"),
            models.CheckConstraint(condition=Q(kind__in=ThingKind.values), name="thing_kind_known"),
            models.CheckConstraint(
                condition=Q(excused_at=None, excused_by="", excused_why="")
                | Q(excused_at__isnull=False) & ~Q(excused_by="") & ~Q(excused_why=""),
                name="who_excuses_a_thing_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name}"


class SecurityEvent(ClientOwned):
    """Something changed on a system that nobody has said is meant. Open until somebody does, or until it is as it was."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="security_events")
    area = models.CharField(max_length=16, choices=Area)
    thing = models.CharField(max_length=500)
    # Fingerprints before and now; empty: it was not there, or is not any more.
    was = models.CharField(max_length=500, blank=True, default="")
    now_is = models.CharField(max_length=500, blank=True, default="")
    seen_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.CharField(max_length=254, blank=True, default="")
    accepted_why = models.CharField(max_length=500, blank=True, default="")
    # It is as it was before.
    reverted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["system", "area", "thing"], condition=Q(accepted_at=None, reverted_at=None), name="one_open_event_of_a_thing"
            ),
            models.CheckConstraint(condition=Q(area__in=Area.values), name="event_area_known"),
            models.CheckConstraint(
                condition=Q(accepted_at=None, accepted_by="", accepted_why="")
                | Q(accepted_at__isnull=False) & ~Q(accepted_by="") & ~Q(accepted_why=""),
                name="who_accepts_an_event_says_why",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["system", "-seen_at"], name="event_of_system")]

    def __str__(self) -> str:
        return f"{self.get_area_display()}: {self.thing}"

    @property
    def is_open(self) -> bool:
        """Whether nobody said yet that it is meant."""
        return self.accepted_at is None and self.reverted_at is None
