"""Hours of the retainer: what a plan includes, what was spent, what a month's statement said. Corrections are reversals."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from clients.support.choices import Work
from portal.accounts.tenancy import ClientOwned


class Plan(ClientOwned):
    """What a client's retainer includes each month, from a month on. A change is a new row."""

    from_month = models.DateField()
    hours = models.DecimalField(max_digits=6, decimal_places=2)
    # For how many months unused hours stay; what is not used by then is gone.
    carry_months = models.PositiveSmallIntegerField(default=0)
    # For each hour beyond, in the client's currency.
    rate = models.DecimalField(max_digits=8, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")
    actor_label = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "from_month"], name="one_plan_per_month"),
            models.CheckConstraint(condition=Q(hours__gte=0, rate__gte=0), name="a_plan_is_not_negative"),
            models.CheckConstraint(condition=Q(from_month__day=1), name="a_plan_begins_with_a_month"),
        ]

    def __str__(self) -> str:
        return f"{self.hours} h from {self.from_month}"


class Statement(ClientOwned):
    """A month as it was closed: it is never made again. Figures are frozen in it."""

    month = models.DateField()
    included_h = models.DecimalField(max_digits=7, decimal_places=2)
    carried_h = models.DecimalField(max_digits=7, decimal_places=2)
    spent_h = models.DecimalField(max_digits=7, decimal_places=2)
    over_h = models.DecimalField(max_digits=7, decimal_places=2)
    rate = models.DecimalField(max_digits=8, decimal_places=2)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3)
    # What of each month's hours is still there after it: [["2026-10-01", "1.50"], …]
    left = models.JSONField(default=list)
    closed_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "month"], name="one_statement_per_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="a_statement_is_of_a_month"),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} of {self.client_id}"


class TimeEntry(ClientOwned):
    """Hours that somebody spent. What was billed stays; a mistake is taken back by its reversal."""

    ticket = models.ForeignKey("Ticket", null=True, blank=True, on_delete=models.PROTECT, related_name="time_entries")
    work = models.CharField(max_length=16, choices=Work)
    # What it was spent on, in words that the client reads.
    words = models.CharField(max_length=300)
    person = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    person_name = models.CharField(max_length=200)
    spent_on = models.DateField()
    hours = models.DecimalField(max_digits=6, decimal_places=2)
    created_at = models.DateTimeField()
    reverses = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="reversed_by")
    statement = models.ForeignKey(Statement, null=True, blank=True, on_delete=models.PROTECT, related_name="entries")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(work__in=Work.values), name="entry_work_known"),
            models.CheckConstraint(
                condition=Q(reverses=None, hours__gt=0) | Q(reverses__isnull=False, hours__lt=0), name="only_a_reversal_is_negative"
            ),
            models.CheckConstraint(condition=~Q(reverses=F("id")), name="no_entry_reverses_itself"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["client", "spent_on"], condition=Q(statement=None), name="entry_not_billed"),
        ]

    def __str__(self) -> str:
        return f"{self.hours} h: {self.words}"


class Timer(models.Model):
    """A clock that somebody started on a ticket; one for each person."""

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE, primary_key=True, related_name="timer")
    ticket = models.ForeignKey("Ticket", on_delete=models.CASCADE, related_name="timers")
    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="+")
    began_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user_id} since {self.began_at}"
