"""Incidents: what an alert that matters opens, with its timeline, what the client was told, and what was learnt."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from monitoring.choices import EntryKind, IncidentState
from portal.accounts.tenancy import ClientOwned


class Incident(ClientOwned):
    """Something that a client would miss, from its first alert until all of its alerts are closed and somebody said so."""

    title = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=IncidentState, default=IncidentState.OPEN)
    opened_at = models.DateTimeField()
    # Until then somebody answers: told the client, or said that they are on it.
    answer_due_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    owner = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    resolved_at = models.DateTimeField(null=True, blank=True)
    # In Markdown: what happened, why, what is done so that it does not happen again.
    post_mortem = models.TextField(blank=True, default="", max_length=20_000)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(state=IncidentState.OPEN, resolved_at=None) | Q(state=IncidentState.RESOLVED, resolved_at__isnull=False),
                name="resolved_iff_resolved",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="an_incident_has_a_title"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["client", "-opened_at"], name="incident_of_client"),
            models.Index(fields=["answer_due_at"], condition=Q(state=IncidentState.OPEN), name="incident_open"),
        ]

    def __str__(self) -> str:
        return self.title


class IncidentEntry(ClientOwned):
    """One line of an incident's timeline; it stays as it was written."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="entries")
    at = models.DateTimeField()
    kind = models.CharField(max_length=8, choices=EntryKind)
    words = models.TextField(max_length=5_000)
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=EntryKind.values), name="entry_kind_known"),
            models.CheckConstraint(condition=~Q(words="") & ~Q(actor_label=""), name="an_entry_says_something"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["incident", "at"], name="entry_of_incident")]

    def __str__(self) -> str:
        return self.words[:80]
