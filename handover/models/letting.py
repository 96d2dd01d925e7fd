"""Letting go: every credential that we knew, every system that we reached, and the proof that we do not any more."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from handover.choices import LettingState, StepKind, StepState
from portal.accounts.tenancy import ClientOwned


class LettingGo(ClientOwned):
    """One round of it. A dry run first; one that was stopped goes on where it stands."""

    state = models.CharField(max_length=8, choices=LettingState, default=LettingState.DRY)
    begun_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    stopped_why = models.CharField(max_length=500, blank=True, default="")
    asked_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client"], condition=~Q(state=LettingState.DONE), name="one_open_letting_go_per_client"),
            models.CheckConstraint(condition=Q(state__in=LettingState.values), name="letting_go_state_known"),
            models.CheckConstraint(
                condition=Q(state=LettingState.DONE, finished_at__isnull=False) | (~Q(state=LettingState.DONE) & Q(finished_at=None)),
                name="letting_go_finished_iff_done",
            ),
        ]

    def __str__(self) -> str:
        return f"letting go of {self.client_id}"


class LettingStep(ClientOwned):
    """One thing: what it is, where it stands, and what shows it."""

    letting = models.ForeignKey(LettingGo, on_delete=models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=12, choices=StepKind)
    system = models.ForeignKey("clients.System", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    credential = models.ForeignKey("vault.Credential", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=StepState, default=StepState.WAITING)
    # What there is to do (dry run), what was done, and what was tried from outside: sentences.
    plan = models.JSONField(default=list)
    evidence = models.JSONField(default=list)
    # The client's word that they set a new one.
    changed_by = models.CharField(max_length=254, blank=True, default="")
    changed_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    proven_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                F("letting"), F("kind"), Coalesce(F("system"), 0), Coalesce(F("credential"), 0), name="one_step_of_a_thing"
            ),
            models.CheckConstraint(condition=Q(kind__in=StepKind.values, state__in=StepState.values), name="letting_step_words_known"),
            models.CheckConstraint(
                condition=Q(kind=StepKind.SYSTEM, system__isnull=False, credential=None)
                | Q(kind=StepKind.CREDENTIAL, credential__isnull=False)
                | Q(kind=StepKind.SCHEDULES, system=None, credential=None),
                name="a_letting_step_is_of_something",
            ),
            # nothing is called proven without what shows it
            models.CheckConstraint(
                condition=~Q(state=StepState.PROVEN) | (Q(proven_at__isnull=False) & ~Q(evidence=[])), name="a_proof_has_evidence"
            ),
            models.CheckConstraint(condition=~Q(state=StepState.STATED) | ~Q(changed_by=""), name="a_statement_has_its_author"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} step {self.pk}"
