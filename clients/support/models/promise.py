"""What we promise a client: until when they have an answer, and until when it is resolved."""

from typing import Any, ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from clients.support.choices import Priority
from portal.accounts.tenancy import ClientOwned


class SupportTarget(ClientOwned):
    """Working hours until the first answer and until the end, for one priority; without a row it is the same day, and no end."""

    priority = models.CharField(max_length=16, choices=Priority)
    response_h = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)])
    resolution_h = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)])
    changed_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "priority"], name="one_target_per_priority"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="target_priority_known"),
            models.CheckConstraint(
                condition=(Q(response_h=None) | Q(response_h__gt=0)) & (Q(resolution_h=None) | Q(resolution_h__gt=0)),
                name="targets_are_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.priority} of {self.client_id}"
