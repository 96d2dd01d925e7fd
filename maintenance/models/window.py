"""Maintenance windows: when a client's production may be changed."""

import calendar
from datetime import time
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from maintenance.choices import WindowKind
from portal.accounts.tenancy import ClientOwned
from portal.clock.recurrence import Every, Recurrence


class MaintenanceWindow(ClientOwned):
    """A recurring window by the client's wall clock; never changed, but ended and made anew."""

    name = models.CharField(max_length=100)
    # None: every system of the client.
    system = models.ForeignKey("clients.System", null=True, blank=True, on_delete=models.PROTECT, related_name="maintenance_windows")
    every = models.CharField(max_length=16, choices=WindowKind, default=WindowKind.WEEK)
    # Monday is 0.
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    day = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(31)])
    ordinal = models.SmallIntegerField(null=True, blank=True)
    start = models.TimeField()
    end = models.TimeField()
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(every=WindowKind.WEEK, day=None, ordinal=None, weekdays__len__gt=0)
                | Q(every=WindowKind.MONTH_DAY, day__isnull=False, day__gte=1, day__lte=31, ordinal=None)
                | Q(every=WindowKind.MONTH_WEEKDAY, day=None, weekdays__len=1, ordinal__isnull=False, ordinal__in=[1, 2, 3, 4, -1]),
                name="window_recurrence_whole",
            ),
            models.CheckConstraint(condition=Q(weekdays__contained_by=[0, 1, 2, 3, 4, 5, 6]), name="window_weekdays_known"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def in_words(self) -> str:
        """How often, as people say it."""
        days = ", ".join(calendar.day_name[day] for day in self.weekdays)
        if self.every == WindowKind.WEEK:
            return "every day" if len(self.weekdays) == 7 else f"every {days}"
        if self.every == WindowKind.MONTH_DAY:
            return f"on day {self.day} of the month" + (", or its last" if (self.day or 0) > 28 else "")
        place = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}[self.ordinal or 1]
        return f"on the {place} {days} of the month"

    def recurrence(self, zone: str) -> Recurrence:
        """The rule, by the wall clock of a zone."""
        start, end = (time(at.hour, at.minute) for at in (self.start, self.end))
        return Recurrence(
            Every(self.every), start, end, zone, weekdays=frozenset(self.weekdays), day=self.day or 0, ordinal=self.ordinal or 0
        )
