"""How ready a client is to go on without us, each day."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from portal.accounts.tenancy import ClientOwned


class ReadinessDay(ClientOwned):
    """A day's score with what it is made of: parts as (name, met, of)."""

    day = models.DateField()
    score = models.PositiveSmallIntegerField()
    parts = models.JSONField(default=list)
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "day"], name="one_readiness_per_day"),
            models.CheckConstraint(condition=Q(score__lte=100), name="readiness_is_a_percentage"),
        ]

    def __str__(self) -> str:
        return f"{self.score} % on {self.day}"
