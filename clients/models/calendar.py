"""When we owe a client work: business calendars, of which each change is a version of its own."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from portal.accounts.tenancy import ClientOwned


class BusinessHours(ClientOwned):
    """A client's business calendar from a moment on. It is never changed: what was promised by it stays promised by it."""

    since = models.DateTimeField()
    zone = models.CharField(max_length=64)
    # Weekday (Monday is 0) to the wall times between which work lies: {"0": ["09:00", "17:00"], …}
    hours = models.JSONField()
    # Whose public holidays are free: a country, or a country and its part (`DE`, `DE-BY`); empty has none.
    region = models.CharField(max_length=10, blank=True, default="")
    closed = ArrayField(models.DateField(), default=list, blank=True)
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "since"], name="one_calendar_per_moment"),
        ]

    def __str__(self) -> str:
        return f"calendar of client {self.client_id} since {self.since}"
