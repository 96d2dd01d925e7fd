"""Verification checks: what operators want answered before and after a change, per system or role."""

from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from clients.choices import SystemRole
from maintenance.choices import CheckKind
from portal.accounts.tenancy import ClientOwned


class VerificationCheck(ClientOwned):
    """A command or an HTTP request with what it must answer. A command runs as the login user, never as root."""

    name = models.CharField(max_length=100)
    system = models.ForeignKey("clients.System", null=True, blank=True, on_delete=models.PROTECT, related_name="verification_checks")
    # Where no system is named: every system with this role.
    role = models.CharField(max_length=16, choices=SystemRole, blank=True, default="")
    kind = models.CharField(max_length=8, choices=CheckKind)
    # A shell command, or an address; `{address}` in it is the system's.
    question = models.TextField(max_length=2000)
    # Exit status or HTTP status.
    expected = models.PositiveSmallIntegerField(default=0)
    # Text that the answer must contain; empty asks for nothing.
    contains = models.CharField(max_length=500, blank=True, default="")
    timeout_s = models.PositiveSmallIntegerField(default=20, validators=[MinValueValidator(1), MaxValueValidator(120)])
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "name"], condition=Q(ended_at=None), name="one_check_per_name"),
            models.CheckConstraint(condition=Q(kind__in=CheckKind.values), name="verification_kind_known"),
            models.CheckConstraint(condition=~Q(question=""), name="a_check_asks_something"),
            models.CheckConstraint(
                condition=Q(system__isnull=False, role="") | (Q(system=None) & ~Q(role="")), name="check_of_system_or_role"
            ),
            models.CheckConstraint(condition=Q(timeout_s__gte=1, timeout_s__lte=120), name="verification_ends"),
        ]

    def __str__(self) -> str:
        return self.name
