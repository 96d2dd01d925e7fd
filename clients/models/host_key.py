"""Host keys: seen, confirmed by a person, retired; and the alerts when a host shows another one."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from clients.choices import KeyState, Resolution
from portal.accounts.tenancy import ClientOwned


class SystemHostKey(ClientOwned):
    """A public key that a system showed. Only a pinned one is trusted, and only a person pins."""

    system = models.ForeignKey("clients.System", on_delete=models.CASCADE, related_name="host_keys")
    key_type = models.CharField(max_length=32)
    key = models.TextField()
    fingerprint = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=KeyState, default=KeyState.SEEN)
    seen_at = models.DateTimeField()
    pinned_at = models.DateTimeField(null=True, blank=True)
    pinned_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system", "key_type"], condition=Q(state=KeyState.PINNED), name="one_pinned_key_per_type"),
            models.UniqueConstraint(fields=["system", "fingerprint"], name="one_row_per_host_key"),
            models.CheckConstraint(condition=Q(state__in=KeyState.values), name="host_key_state_known"),
            models.CheckConstraint(condition=~Q(state=KeyState.PINNED) | Q(pinned_at__isnull=False), name="pinned_host_key_has_a_time"),
        ]

    def __str__(self) -> str:
        return f"{self.key_type} {self.fingerprint}"


class HostKeyAlert(ClientOwned):
    """A system showed a key that is not pinned. Nothing is sent to it until an operator says what that was."""

    system = models.ForeignKey("clients.System", on_delete=models.CASCADE, related_name="host_key_alerts")
    key_type = models.CharField(max_length=32)
    key = models.TextField()
    fingerprint = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    times_seen = models.PositiveIntegerField(default=1)
    resolution = models.CharField(max_length=16, choices=Resolution, blank=True, default="")
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["system", "fingerprint"], condition=Q(resolved_at=None), name="one_open_alert_per_host_key"
            ),
            models.CheckConstraint(
                condition=Q(resolved_at=None, resolution="")
                | (Q(resolved_at__isnull=False, resolution__in=Resolution.values) & ~Q(reason="")),
                name="resolved_host_key_alert_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system_id} showed {self.key_type} {self.fingerprint}"
