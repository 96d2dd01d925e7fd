"""Pending updates and the decisions about them."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from maintenance.choices import DecisionKind, Ended, Obstacle, Priority, Severity
from portal.accounts.tenancy import ClientOwned


class PendingUpdate(ClientOwned):
    """A newer version of one installed package on one system, from the scan that first saw it to the one that no longer did."""

    system = models.ForeignKey("clients.System", on_delete=models.CASCADE, related_name="pending_updates")
    package = models.CharField(max_length=200)
    architecture = models.CharField(max_length=32)
    # The source package; several packages of one source are one update to people.
    source = models.CharField(max_length=200)
    installed_version = models.CharField(max_length=200)
    candidate_version = models.CharField(max_length=200)
    origin = models.CharField(max_length=300, blank=True, default="")
    # A container's image: `package` is the container, `source` its image's reference, `origin` the engine, versions are image ids.
    of_image = models.BooleanField(default=False, db_default=False)
    # None: this package manager or repository can't tell.
    is_security = models.BooleanField(null=True)
    obstacle = models.CharField(max_length=16, choices=Obstacle, blank=True, default="")
    first_seen_at = models.DateTimeField()
    # Since when this package has waited for any update; a newer candidate does not reset it.
    pending_since = models.DateTimeField()
    due_at = models.DateTimeField()
    # From when the window counts, and why it ends when it does. None: from before this was kept.
    released_at = models.DateTimeField(null=True, blank=True)
    due_reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    gone_at = models.DateTimeField(null=True, blank=True)
    ended = models.CharField(max_length=12, choices=Ended, blank=True, default="", db_default="")
    # Three times that are kept apart: released (above), installed, effective. The promise is met by effective.
    installed_at = models.DateTimeField(null=True, blank=True)
    effective_at = models.DateTimeField(null=True, blank=True)
    # On what is installed and not effective yet: what still runs the old, or what could not be read.
    held_up_by = models.CharField(max_length=300, blank=True, default="", db_default="")
    priority = models.PositiveSmallIntegerField(choices=Priority, default=Priority.NORMAL, db_default=Priority.NORMAL)
    # "nginx on 0.0.0.0:443" where a program of its source listens on an address that is not the host's own; else empty.
    exposure = models.CharField(max_length=200, blank=True, default="", db_default="")
    # What its advisories amount to, kept here for the queue (`advisories` has them). Empty: none is known.
    severity = models.CharField(max_length=16, choices=Severity, blank=True, default="", db_default="")
    advisories_total = models.PositiveIntegerField(default=0, db_default=0)
    # Since when one of its CVEs is known to be exploited; None: not that we know.
    exploited_since = models.DateField(null=True, blank=True)
    # EPSS, the highest of its CVEs: probability of exploitation within 30 days, 0 to 1.
    likelihood = models.DecimalField(max_digits=6, decimal_places=5, null=True, blank=True)

    # The newest decision, kept here for lists; `decisions` has all of them.
    decision = models.ForeignKey("Decision", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["system", "package", "architecture"], condition=Q(gone_at=None), name="one_open_update_per_package"
            ),
            models.CheckConstraint(condition=Q(obstacle__in=Obstacle.values), name="update_obstacle_known"),
            models.CheckConstraint(condition=Q(severity__in=["", *Severity.values]), name="update_severity_known"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="update_priority_known"),
            models.CheckConstraint(condition=Q(ended__in=Ended.values), name="update_end_known"),
            # nothing is effective that is not installed, and nothing installed is still pending
            models.CheckConstraint(condition=Q(effective_at=None) | Q(installed_at__isnull=False), name="effective_was_installed"),
            models.CheckConstraint(condition=Q(installed_at=None) | Q(ended=Ended.INSTALLED), name="installed_is_ended"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["source", "candidate_version"], condition=Q(gone_at=None), name="update_open_by_source"),
            models.Index(fields=["system"], condition=Q(gone_at=None), name="update_open_by_system"),
            models.Index(fields=["system"], condition=Q(ended=Ended.INSTALLED, effective_at=None), name="update_not_effective"),
            models.Index(fields=["client", "due_at"], name="update_by_due"),
            # what changed since yesterday
            models.Index(fields=["first_seen_at"], condition=Q(gone_at=None), name="update_new"),
            models.Index(fields=["exploited_since"], condition=Q(gone_at=None, exploited_since__isnull=False), name="update_exploited"),
            models.Index(fields=["effective_at"], condition=Q(effective_at__isnull=False), name="update_effective"),
            models.Index(fields=["gone_at"], condition=Q(ended=Ended.WITHDRAWN), name="update_withdrawn"),
        ]

    def __str__(self) -> str:
        return f"{self.package} {self.installed_version} to {self.candidate_version}"


class Decision(ClientOwned):
    """What somebody decided about one pending update. Never changed, never removed (a trigger holds that)."""

    update = models.ForeignKey(PendingUpdate, on_delete=models.PROTECT, related_name="decisions")
    # Decisions that were made with one press share it.
    batch = models.UUIDField()
    kind = models.CharField(max_length=16, choices=DecisionKind)
    reason = models.TextField(blank=True, default="")
    defer_until = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField()
    decided_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=DecisionKind.values), name="decision_kind_known"),
            models.CheckConstraint(condition=Q(kind=DecisionKind.APPLY) | ~Q(reason=""), name="defer_and_reject_need_a_reason"),
            models.CheckConstraint(
                condition=Q(kind=DecisionKind.DEFER, defer_until__isnull=False) | (~Q(kind=DecisionKind.DEFER) & Q(defer_until=None)),
                name="defer_iff_until",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.actor_label}"
