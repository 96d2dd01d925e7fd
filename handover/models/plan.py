"""The structured handover: phases, a checklist with owners and dates, sessions with the client's people, and what they signed."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from handover.choices import ItemState, Phase
from portal.accounts.tenancy import ClientOwned


class Handover(ClientOwned):
    """A client's handover, from the day it is begun to the day it is closed."""

    phase = models.CharField(max_length=12, choices=Phase, default=Phase.PREPARE)
    begun_at = models.DateTimeField()
    # When the client goes on alone; dates of the checklist follow from it.
    goal_on = models.DateField()
    # How long we stand by after that day.
    stand_by_days = models.PositiveSmallIntegerField(default=30)
    actor_label = models.CharField(max_length=254)
    closed_at = models.DateTimeField(null=True, blank=True)
    # The final report's figures, kept when it is closed.
    report = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client"], condition=Q(closed_at=None), name="one_open_handover_per_client"),
            models.CheckConstraint(condition=Q(phase__in=Phase.values), name="handover_phase_known"),
            models.CheckConstraint(
                condition=Q(phase=Phase.CLOSED, closed_at__isnull=False) | (~Q(phase=Phase.CLOSED) & Q(closed_at=None)),
                name="handover_closed_iff_closed",
            ),
        ]

    def __str__(self) -> str:
        return f"handover of {self.client_id}"


class ChecklistItem(ClientOwned):
    """One thing that has to be done, by whom and until when."""

    handover = models.ForeignKey(Handover, on_delete=models.PROTECT, related_name="items")
    phase = models.CharField(max_length=12, choices=Phase)
    words = models.CharField(max_length=300)
    owner = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    state = models.CharField(max_length=8, choices=ItemState, default=ItemState.OPEN)
    note = models.CharField(max_length=500, blank=True, default="")
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.CharField(max_length=254, blank=True, default="")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(phase__in=Phase.values, state__in=ItemState.values), name="checklist_words_known"),
            models.CheckConstraint(
                condition=Q(state=ItemState.OPEN, done_at=None, done_by="")
                | (~Q(state=ItemState.OPEN) & Q(done_at__isnull=False) & ~Q(done_by="")),
                name="who_ticks_an_item_is_known",
            ),
            models.CheckConstraint(condition=~Q(state=ItemState.DROPPED) | ~Q(note=""), name="who_leaves_an_item_out_says_why"),
        ]

    def __str__(self) -> str:
        return self.words


class TeachingSession(ClientOwned):
    """An hour with the client's people: told, or shadowed (they run a runbook, we watch)."""

    handover = models.ForeignKey(Handover, on_delete=models.PROTECT, related_name="sessions")
    title = models.CharField(max_length=200)
    agenda = models.TextField(max_length=10_000, blank=True, default="")
    runbook = models.ForeignKey("Runbook", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    held_at = models.DateTimeField()
    # How it went, of a shadowing what they did by themselves.
    notes = models.TextField(max_length=10_000, blank=True, default="")
    actor_label = models.CharField(max_length=254)

    def __str__(self) -> str:
        return self.title


class Attendance(ClientOwned):
    """Somebody of the client was there; they sign it themselves in the portal."""

    session = models.ForeignKey(TeachingSession, on_delete=models.PROTECT, related_name="attendances")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["session", "user"], name="one_attendance_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.session_id}"


class Question(ClientOwned):
    """What somebody asked in a session; open until it is answered."""

    session = models.ForeignKey(TeachingSession, on_delete=models.PROTECT, related_name="questions")
    words = models.TextField(max_length=5_000)
    asked_by = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    answer = models.TextField(max_length=5_000, blank=True, default="")
    answered_by = models.CharField(max_length=254, blank=True, default="")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(answer="", answered_by="", answered_at=None)
                | (~Q(answer="") & ~Q(answered_by="") & Q(answered_at__isnull=False)),
                name="an_answer_has_its_author",
            ),
        ]

    def __str__(self) -> str:
        return self.words[:60]
