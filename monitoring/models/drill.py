"""Drills: conditions made real on purpose, to see that alerts still arrive."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from monitoring.choices import Kind, Outcome
from portal.accounts.tenancy import ClientOwned


class Drill(ClientOwned):
    """One drill on one system: several rules at once, whose messages arrive together."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="drills")
    started_at = models.DateTimeField()
    # From then on what did not arrive is not proven.
    until = models.DateTimeField()
    # What the host made is taken back.
    calmed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    actor_label = models.CharField(max_length=254)
    trouble = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system"], condition=Q(finished_at=None), name="one_drill_at_a_time"),
            models.CheckConstraint(condition=Q(until__gt=models.F("started_at")), name="a_drill_has_an_end"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["system", "-started_at"], name="drill_of_system")]

    def __str__(self) -> str:
        return f"drill {self.pk}"


class Proof(ClientOwned):
    """What a drill showed of one rule: when each station was passed, or at which it ended."""

    drill = models.ForeignKey(Drill, on_delete=models.PROTECT, related_name="proofs")
    kind = models.CharField(max_length=16, choices=Kind)
    # Made real on the host; else a result was written in its place.
    real = models.BooleanField()
    made_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    arrived_at = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.WAITING)
    words = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["drill", "kind"], name="one_proof_of_a_rule"),
            models.CheckConstraint(
                condition=~Q(outcome=Outcome.PROVEN) | Q(made_at__isnull=False, opened_at__isnull=False, arrived_at__isnull=False),
                name="proven_is_what_arrived",
            ),
            models.CheckConstraint(condition=~Q(outcome=Outcome.FAILED) | ~Q(words=""), name="what_is_not_proven_says_why"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["kind", "-arrived_at"], name="proof_of_kind")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_outcome_display()}"

    @property
    def seconds(self) -> float | None:
        """From the condition to the message's arrival."""
        return (self.arrived_at - self.made_at).total_seconds() if self.arrived_at and self.made_at else None
