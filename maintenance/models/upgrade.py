"""Upgrade plans: what brings an application or a release to its next version, as versioned documents."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q


class UpgradePlan(models.Model):
    """A plan by name; what it does stands in its documents. Of no client: the same one serves all."""

    name = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class UpgradeDocument(models.Model):
    """One version of a plan. Never changed, never removed (a trigger): a change is the next version, and staging proves it anew."""

    plan = models.ForeignKey(UpgradePlan, on_delete=models.PROTECT, related_name="documents")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    text = models.TextField()
    # Of `text` in UTF-8: what staging proves, an approval signs and the host's administrator allows.
    sha256 = models.CharField(max_length=64)
    note = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["plan", "number"], name="one_document_per_number"),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="document_has_its_hash"),
            models.CheckConstraint(condition=~Q(text=""), name="document_says_something"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["sha256"], name="document_by_hash")]

    def __str__(self) -> str:
        return f"{self.plan} #{self.number}"
