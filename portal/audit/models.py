"""Audit events."""

from typing import Any, ClassVar

from django.db import models

from portal.accounts.tenancy import ClientQuerySet


class AuditEvent(models.Model):
    """One thing that somebody did."""

    at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    user = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey("clients.Client", null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64)
    subject_id = models.BigIntegerField()
    subject_label = models.CharField(max_length=200)
    details = models.JSONField(default=dict)

    objects = ClientQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["-at"], name="audit_newest"),
            models.Index(fields=["subject_type", "subject_id", "-at"], name="audit_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_label}"
