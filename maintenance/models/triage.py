"""How updates are told apart: priority rules, rules that decide, views that somebody saved."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clients.choices import Environment
from maintenance.choices import DecisionKind, Priority
from portal.accounts.tenancy import ClientOwned


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


class TriageLine(ClientOwned):
    """What a client has of one update in one environment and state of decision: the queue's rows are made of these.

    Two hundred thousand updates are too many to group for each look at a page. Made by `triage_lines.refresh` alone.
    """

    environment = models.CharField(max_length=16, choices=Environment)
    source = models.CharField(max_length=200)
    candidate_version = models.CharField(max_length=200)
    is_security = models.BooleanField(null=True)
    # Of the newest decision; empty where there is none.
    decision_kind = models.CharField(max_length=16, blank=True)
    defer_until = models.DateTimeField(null=True)
    reasons = ArrayField(models.TextField())
    system_ids = ArrayField(models.BigIntegerField())
    systems_total = models.PositiveIntegerField()
    packages = ArrayField(models.CharField(max_length=200))
    # The same in one text, to search in.
    package_names = models.TextField()
    installed = ArrayField(models.CharField(max_length=200))
    obstacles = ArrayField(models.CharField(max_length=16))
    exposures = ArrayField(models.CharField(max_length=200))
    exposed_ids = ArrayField(models.BigIntegerField())
    first_due_at = models.DateTimeField()
    waiting_since = models.DateTimeField()
    newest_seen_at = models.DateTimeField()
    known_exploited_since = models.DateField(null=True)
    last_exploited_since = models.DateField(null=True)
    # Of the worst severity, by Severity's order; its length where no advisory is known.
    worst_place = models.PositiveSmallIntegerField()
    highest_likelihood = models.DecimalField(max_digits=6, decimal_places=5, null=True)
    advisories_most = models.PositiveIntegerField()
    priority = models.PositiveSmallIntegerField(choices=Priority)
    # The update with the most advisories.
    example_id = models.BigIntegerField()

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["client", "source", "candidate_version"], name="triage_line_of_update"),
            models.Index(fields=["source", "candidate_version"], name="triage_line_by_update"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.candidate_version}"


class TriageStale(ClientOwned):
    """An update of a client whose lines are to be made anew. Written by a trigger on whatever writes pending updates."""

    source = models.CharField(max_length=200)
    candidate_version = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.source} {self.candidate_version}"
