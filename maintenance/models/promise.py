"""The promise and where it was not kept: breaches with their reasons, and risks that the client accepted."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from portal.accounts.tenancy import ClientOwned


class Breach(ClientOwned):
    """An update that was not effective on production when it was due. It stays, whatever becomes of the update."""

    update = models.ForeignKey("PendingUpdate", on_delete=models.PROTECT, related_name="breaches")
    due_at = models.DateTimeField()
    noted_at = models.DateTimeField()
    # Stated once by a person; until then it stands on the page as without a reason.
    reason = models.TextField(blank=True, default="")
    stated_at = models.DateTimeField(null=True, blank=True)
    stated_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["update"], name="one_breach_per_update"),
            models.CheckConstraint(
                condition=Q(reason="", stated_at=None, stated_by=None)
                | (~Q(reason="") & Q(stated_at__isnull=False, stated_by__isnull=False)),
                name="a_stated_breach_says_who",
            ),
            models.CheckConstraint(condition=Q(noted_at__gte=F("due_at")), name="a_breach_comes_after_its_due_time"),
        ]

    def __str__(self) -> str:
        return f"breach of update {self.update_id}"


class AcceptedRisk(ClientOwned):
    """The client takes the risk of an update that is put off: asked by staff, accepted by the client's owner, with an end."""

    update = models.ForeignKey("PendingUpdate", on_delete=models.PROTECT, related_name="accepted_risks")
    reason = models.TextField()
    until = models.DateTimeField()
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    asked_label = models.CharField(max_length=254)
    # Accepted or declined, by the client's owner (a trigger holds that).
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    answered_label = models.CharField(max_length=254, blank=True, default="")
    accepted = models.BooleanField(null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["update"], condition=Q(accepted=None), name="one_open_question_per_update"),
            models.CheckConstraint(condition=~Q(reason=""), name="a_risk_says_why"),
            models.CheckConstraint(condition=Q(until__gt=F("asked_at")), name="a_risk_ends_later"),
            models.CheckConstraint(
                condition=Q(accepted=None, answered_at=None, answered_by=None)
                | Q(accepted__isnull=False, answered_at__isnull=False, answered_by__isnull=False),
                name="an_answer_says_who",
            ),
        ]

    def __str__(self) -> str:
        return f"risk of update {self.update_id}"
