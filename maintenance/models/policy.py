"""The window within which updates of a client are applied, by how urgent they are."""

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from portal.accounts.tenancy import ClientOwned

HOURS = [MinValueValidator(1), MaxValueValidator(24 * 365)]


class WindowPolicy(ClientOwned):
    """Hours from a fix's release to its application, on the clock. A client without one has these defaults.

    What no advisory says anything about counts by the client's two windows in days (`Client.security_window_days`,
    `routine_window_days`), as before.
    """

    exploited_h = models.PositiveIntegerField("exploited in the wild", default=24, validators=HOURS)
    critical_h = models.PositiveIntegerField("critical", default=72, validators=HOURS)
    high_h = models.PositiveIntegerField("high", default=168, validators=HOURS)
    medium_h = models.PositiveIntegerField("medium", default=336, validators=HOURS)
    low_h = models.PositiveIntegerField("low and negligible", default=720, validators=HOURS)
    # On the clock, or in business days of the client's own calendar (a day for each begun 24 hours).
    business_days = models.BooleanField(default=False, db_default=False)
    # Whose public holidays are free: a country, or a country and its part (`DE`, `DE-BY`); empty has none.
    region = models.CharField(max_length=10, blank=True, default="", db_default="")
    # How long a rollout rests on staging before anybody may approve it.
    soak_h = models.PositiveIntegerField("soak on staging", default=24, db_default=24, validators=[MaxValueValidator(24 * 90)])
    changed_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client"], name="one_window_policy_per_client"),
            models.CheckConstraint(
                condition=Q(exploited_h__gte=1, critical_h__gte=1, high_h__gte=1, medium_h__gte=1, low_h__gte=1),
                name="windows_are_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"windows of client {self.client_id}"
