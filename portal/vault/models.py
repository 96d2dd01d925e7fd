"""Data keys, credentials and their versions. What is in them is sealed; see crypto.py."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from portal.accounts.tenancy import ClientOwned


class CredentialKind(models.TextChoices):
    """What a credential is."""

    PASSWORD = "password", "Password"
    SSH_KEY = "ssh_key", "SSH key"
    API_TOKEN = "api_token", "API token"
    NOTE = "note", "Note"
    TOTP_SEED = "totp_seed", "TOTP seed"
    LICENCE = "licence", "Licence"


class DataKey(models.Model):
    """A client's own key, wrapped by a master key; the newest one seals what is stored from now on.

    The one without a client seals what is the portal's own: the seeds of people's second factors. A retired key is destroyed:
    nothing is sealed with it any more, and its wrapped bytes are gone.
    """

    client = models.ForeignKey("clients.Client", null=True, on_delete=models.PROTECT, related_name="data_keys")
    number = models.PositiveIntegerField(default=1, db_default=1)
    wrapped = models.BinaryField()
    # Which master key wraps it (`crypto.master_id`); empty on keys from before this was kept, filled in at the next start.
    master_id = models.CharField(max_length=16, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(Coalesce(F("client_id"), 0), F("number"), name="one_data_key_per_number"),
            models.CheckConstraint(condition=Q(retired_at=None) | Q(wrapped=b""), name="retired_data_key_is_destroyed"),
        ]

    def __str__(self) -> str:
        return f"key {self.number} of client {self.client_id}"

    @property
    def identity(self) -> str:
        """What the wrapped bytes are bound to. The first key's identity is from before keys had numbers."""
        owner = self.client_id or "portal"
        return f"client-key:{owner}" if self.number == 1 else f"client-key:{owner}:{self.number}"


class Credential(ClientOwned):
    """A secret that somebody needs, with its public part if it has one. Its versions hold it, sealed."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    system = models.ForeignKey("clients.System", null=True, blank=True, on_delete=models.PROTECT, related_name="credentials")
    kind = models.CharField(max_length=16, choices=CredentialKind)
    label = models.CharField(max_length=200)
    username = models.CharField(max_length=200, blank=True, default="", db_default="")
    public_part = models.TextField(blank=True, default="")
    # Where it is used, and what whoever uses it has to know. Neither is secret.
    url = models.CharField(max_length=500, blank=True, default="", db_default="")
    notes = models.TextField(max_length=5_000, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=CredentialKind.values), name="credential_kind_known"),
            models.UniqueConstraint(
                fields=["client"], condition=Q(kind="ssh_key", system=None, archived_at=None), name="one_ssh_key_per_client"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.get_kind_display()})"


class CredentialVersion(ClientOwned):
    """One value that a credential had. The newest is the one in use; older ones stay readable."""

    credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    key = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="versions")
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["credential", "number"], name="one_credential_version_per_number"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of credential {self.credential_id}"

    def identity(self, credential_uuid: uuid.UUID) -> str:
        """What the sealed bytes are bound to: this version of this credential of this client.

        The first version's identity is from before credentials had versions.
        """
        base = f"credential:{self.client_id}:{credential_uuid}"
        return base if self.number == 1 else f"{base}:{self.number}"
