"""Questions to a system from outside, as somebody set them up."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from monitoring.choices import PROBED, Kind
from portal.accounts.tenancy import ClientOwned


class Probe(ClientOwned):
    """One question that is asked again and again; the row is the queue. What it says are checks of its system."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="probes")
    kind = models.CharField(max_length=16, choices=Kind)
    # host:port, a URL, a name, a domain or an IP address, by kind; of a command its name.
    target = models.CharField(max_length=200)
    # By kind: text, status, record, values, selector, addresses, script (services/probes.py).
    options = models.JSONField(default=dict, blank=True)
    interval_s = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "kind", "target"], condition=Q(ended_at=None), name="one_probe_of_a_target"),
            models.CheckConstraint(condition=Q(kind__in=list(PROBED)), name="probe_kind_known"),
            models.CheckConstraint(condition=Q(interval_s__gte=10, interval_s__lte=604_800), name="a_probe_has_an_interval"),
            models.CheckConstraint(condition=~Q(target="") & ~Q(actor_label=""), name="a_probe_has_a_target"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["due_at"], condition=Q(ended_at=None), name="probe_due")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.target}"
