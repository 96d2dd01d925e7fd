"""How updates are told apart: priority rules, rules that decide, views that somebody saved."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from maintenance.choices import DecisionKind


class PriorityRules(models.Model):
    """A version of the rules; the newest one is in force. Never changed, never removed (a trigger)."""

    # In order; the first that fits decides (services/priorities.py says what a rule looks like).
    rules = models.JSONField()
    note = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)

    def __str__(self) -> str:
        return f"priority rules {self.pk}"


class TriageRule(models.Model):
    """Decides routine updates by itself, and says so. For one client, or for all; what it says of whom only staff see."""

    name = models.CharField(max_length=100)
    # Not a ClientOwned: a rule may be for all. Rules are the staff's; a client reads them as the reason of a decision.
    for_client = models.ForeignKey("clients.Client", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # As a priority rule's condition, and which sources.
    condition = models.JSONField()
    kind = models.CharField(max_length=16, choices=DecisionKind)
    defer_days = models.PositiveSmallIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["name"], condition=Q(ended_at=None), name="one_triage_rule_per_name"),
            models.CheckConstraint(condition=~Q(reason=""), name="a_triage_rule_says_why"),
            models.CheckConstraint(
                condition=Q(kind=DecisionKind.APPLY, defer_days=None)
                | Q(kind=DecisionKind.DEFER, defer_days__isnull=False, defer_days__gte=1),
                name="a_triage_rule_applies_or_defers",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SavedView(models.Model):
    """Filters of the triage page that somebody gave a name."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["user", "name"], name="one_view_per_name"),
            models.CheckConstraint(condition=~Q(name=""), name="a_view_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
