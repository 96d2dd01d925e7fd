"""Heartbeats: addresses that a job calls when it ran, so that its silence is noticed."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from monitoring.choices import Beat
from portal.accounts.tenancy import ClientOwned


class Heartbeat(ClientOwned):
    """One job that calls. Its address holds a token, of which only the hash is kept."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="heartbeats")
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True)
    # It calls every so many seconds, and may be late by so many.
    period_s = models.PositiveIntegerField()
    grace_s = models.PositiveIntegerField()
    # When something has to be said of it next: it is late then, or still is.
    due_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "name"], condition=Q(ended_at=None), name="one_heartbeat_of_a_name"),
            models.CheckConstraint(condition=Q(period_s__gte=60, period_s__lte=34_560_000), name="a_heartbeat_has_a_period"),
            models.CheckConstraint(condition=Q(grace_s__gte=30, grace_s__lte=2_592_000), name="a_heartbeat_has_a_grace"),
            models.CheckConstraint(condition=~Q(name=""), name="a_heartbeat_has_a_name"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["due_at"], condition=Q(ended_at=None), name="heartbeat_due")]

    def __str__(self) -> str:
        return self.name


class Call(ClientOwned):
    """One call of a job: it began, it is done, or it failed; with what it had to say."""

    heartbeat = models.ForeignKey(Heartbeat, on_delete=models.CASCADE, related_name="calls")
    at = models.DateTimeField()
    what = models.CharField(max_length=8, choices=Beat)
    seconds = models.FloatField(null=True, blank=True)
    log = models.TextField(blank=True, default="", max_length=10_000)

    class Meta:
        constraints: ClassVar[list[Any]] = [models.CheckConstraint(condition=Q(what__in=Beat.values), name="call_known")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["heartbeat", "-at"], name="call_of_heartbeat")]

    def __str__(self) -> str:
        return f"{self.what} {self.at}"
