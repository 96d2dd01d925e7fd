"""Runbooks of systems, and their rehearsals on staging."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from backups.choices import OPEN_TEST_STATES, RestoreState
from backups.models.detached import DetachedWork
from handover.choices import Outcome
from portal.accounts.tenancy import ClientOwned


class Runbook(ClientOwned):
    """A runbook as one system has it: the text, and what its parameters are there."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="runbooks")
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=200)
    text = models.TextField(max_length=100_000)
    # Of the steps alone, which are the same on all systems: what a host's administrator allows, and what a rehearsal proves.
    sha256 = models.CharField(max_length=64)
    values = models.JSONField(default=dict)
    # Where it came with the portal its text follows the portal's; one that somebody changed stays theirs.
    shipped = models.BooleanField(default=False)
    changed_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "slug"], name="one_runbook_of_a_name"),
        ]

    def __str__(self) -> str:
        return self.title


class Rehearsal(DetachedWork):
    """A runbook, run on a staging system to see whether it still works."""

    runbook = models.ForeignKey(Runbook, on_delete=models.PROTECT, related_name="rehearsals")
    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="rehearsals_there")
    # As the runbook was then.
    sha256 = models.CharField(max_length=64)
    outcome = models.CharField(max_length=16, choices=Outcome, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system"], condition=Q(state__in=OPEN_TEST_STATES), name="one_open_rehearsal_per_system"),
            models.CheckConstraint(condition=Q(state__in=RestoreState.values), name="rehearsal_state_known"),
            models.CheckConstraint(
                condition=Q(state=RestoreState.FINISHED, finished_at__isnull=False, outcome__in=Outcome.values)
                | Q(state__in=OPEN_TEST_STATES, finished_at=None, outcome=""),
                name="rehearsal_finished_iff_outcome",
            ),
            models.CheckConstraint(condition=~Q(outcome=Outcome.WORKS) | Q(exit_status=0), name="what_works_ended_with_0"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["claimed_until"], condition=~Q(state=RestoreState.FINISHED), name="rehearsal_open"),
            models.Index(fields=["client", "sha256", "-finished_at"], name="rehearsal_of_steps"),
        ]

    def __str__(self) -> str:
        return f"rehearsal {self.pk}"
