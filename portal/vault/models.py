"""Client keys and credentials. What is in them is sealed; see crypto.py."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from portal.accounts.tenancy import ClientOwned


class CredentialKind(models.TextChoices):
    """What a credential is."""

    SSH_KEY = "ssh_key", "SSH key"
    PASSWORD = "password", "Password"


class ClientKey(models.Model):
    """A client's own key, wrapped by the master key. All credentials of the client are sealed with it."""

    client = models.OneToOneField("clients.Client", on_delete=models.PROTECT, related_name="vault_key")
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"key of client {self.client_id}"


class Credential(ClientOwned):
    """A sealed secret with its public part, if it has one."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey("clients.System", null=True, blank=True, on_delete=models.PROTECT, related_name="credentials")
    kind = models.CharField(max_length=16, choices=CredentialKind)
    label = models.CharField(max_length=200)
    public_part = models.TextField(blank=True, default="")
    sealed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=CredentialKind.values), name="credential_kind_known"),
            models.UniqueConstraint(fields=["client"], condition=Q(kind="ssh_key", system=None), name="one_ssh_key_per_client"),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.kind})"

    @property
    def identity(self) -> str:
        """What the sealed bytes are bound to: this row of this client."""
        return f"credential:{self.client_id}:{self.uuid}"
