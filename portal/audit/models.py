"""Audit events, chained; and the scripts that ran on hosts, by their hash."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F
from django.db.models.functions import Coalesce

from portal.accounts.tenancy import ClientQuerySet


class AuditEvent(models.Model):
    """One thing that somebody did.

    Each client has a chain of its own, and what belongs to no client has one; position and hashes are the database's work
    (a trigger that the portal's own role can't change), rows are never changed or removed.
    """

    at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    user = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey("clients.Client", null=True, on_delete=models.PROTECT, related_name="+")
    # From where the request came; empty for the portal's own work.
    address = models.CharField(max_length=45, db_default="")
    action = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64)
    subject_id = models.BigIntegerField()
    subject_label = models.CharField(max_length=200)
    details = models.JSONField(default=dict)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    position = models.BigIntegerField()
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = ClientQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(Coalesce(F("client_id"), 0), F("position"), name="one_event_per_position"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["-at"], name="audit_newest"),
            models.Index(fields=["client", "-at"], name="audit_of_client"),
            models.Index(fields=["subject_type", "subject_id", "-at"], name="audit_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_label}"


class AuditChain(models.Model):
    """Where a chain ends now: client id (0: no client), the newest event's position and hash. The trigger alone writes it."""

    chain = models.BigIntegerField(primary_key=True)
    position = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"chain {self.chain} at {self.position}"


class HostScript(models.Model):
    """The text of a script of ours that ran on hosts; events name it by its hash instead of repeating it."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    text = models.TextField()
    first_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.sha256
