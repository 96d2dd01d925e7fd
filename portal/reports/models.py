"""Monthly reports, as they were sent."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from portal.accounts.tenancy import ClientOwned


class ReportState(models.TextChoices):
    """Of a report."""

    DRAFT = "draft", "To be reviewed"
    SENT = "sent", "Sent"


class Report(ClientOwned):
    """A client's month: its figures as they were gathered, an operator's words, and the PDF once it was sent. Sent, it stands."""

    month = models.DateField()
    state = models.CharField(max_length=8, choices=ReportState, default=ReportState.DRAFT)
    language = models.CharField(max_length=2, choices=[("en", "English"), ("de", "Deutsch")])
    # All figures with what proves them; pages and the PDF are made from these alone (portal/reports/gather.py).
    facts = models.JSONField()
    words = models.TextField(blank=True, default="", max_length=20_000)
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    sent_by = models.CharField(max_length=254, blank=True, default="")
    pdf = models.BinaryField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "month"], name="one_report_per_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="a_report_is_of_a_month"),
            models.CheckConstraint(
                condition=Q(state=ReportState.DRAFT, sent_at=None, pdf=None, sha256="")
                | (Q(state=ReportState.SENT, sent_at__isnull=False, pdf__isnull=False) & ~Q(sha256="") & ~Q(sent_by="")),
                name="a_sent_report_is_kept",
            ),
        ]

    def __str__(self) -> str:
        return f"report {self.month:%Y-%m}"
