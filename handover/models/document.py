"""What a system is and how it is set up: collected, versioned, with an operator's words beside it."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from portal.accounts.tenancy import ClientOwned


class Papers(ClientOwned):
    """When a system's document and tour are made next. One row for each system; the row is the queue."""

    system = models.OneToOneField("clients.System", on_delete=models.PROTECT, related_name="papers")
    document_due_at = models.DateTimeField()
    tour_due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    # Why the last try came to nothing; empty: it did not.
    document_problem = models.CharField(max_length=500, blank=True, default="")
    tour_problem = models.CharField(max_length=500, blank=True, default="")
    tried_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["document_due_at"], name="papers_due")]

    def __str__(self) -> str:
        return f"papers of {self.system_id}"


class SystemDocument(ClientOwned):
    """A version of a system's document. A new one is kept when something is not as it was; else the last one is confirmed."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="documents")
    number = models.PositiveIntegerField()
    # {"rows": {area: [[words]]}, "files": [{path, why, text, default}], "unread": [areas]}; secrets masked
    facts = models.JSONField()
    sha256 = models.CharField(max_length=64)
    # How many secrets were masked in it.
    masked = models.PositiveIntegerField(default=0)
    collected_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "number"], name="one_version_of_a_document"),
            models.CheckConstraint(condition=Q(confirmed_at__gte=F("collected_at")), name="confirmed_after_collected"),
        ]

    def __str__(self) -> str:
        return f"document {self.number} of {self.system_id}"


class MonthDifference(ClientOwned):
    """What became different on a system within a month, kept when the month is over."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="month_differences")
    month = models.DateField()
    # [{"area", "gone": [rows], "new": [rows]}], and for files {"area": "configuration", "path", "lines": unified difference}
    changes = models.JSONField(default=list)
    made_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "month"], name="one_difference_per_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="a_difference_is_of_a_month"),
        ]

    def __str__(self) -> str:
        return f"difference of {self.system_id} in {self.month:%Y-%m}"


class Prose(ClientOwned):
    """What an operator wrote beside a system's document, or of the client as a whole, in Markdown. The newest version counts."""

    system = models.ForeignKey("clients.System", null=True, blank=True, on_delete=models.PROTECT, related_name="prose")
    number = models.PositiveIntegerField()
    body = models.TextField(max_length=100_000)
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(F("client"), Coalesce(F("system"), 0), F("number"), name="one_prose_per_number"),
        ]

    def __str__(self) -> str:
        return f"prose {self.number}"
