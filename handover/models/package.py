"""Packages: what a client takes along, as one zip that proved itself before it may be called ready."""

import uuid
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value

from handover.choices import OPEN_PACKAGE, Form, PackageState
from portal.accounts.tenancy import ClientOwned


class SigningKey(models.Model):
    """The key that packages are signed with. Its private part is sealed with the portal's own key."""

    public = models.TextField(max_length=400)
    sealed = models.TextField()
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(Value(1), condition=Q(retired_at=None), name="one_signing_key"),
        ]

    def __str__(self) -> str:
        return f"signing key {self.pk}"


class Package(ClientOwned):
    """One package. The row is the queue; what is written already is in its journal, so that a dead worker costs one member."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=8, choices=PackageState, default=PackageState.QUEUED)
    with_credentials = models.BooleanField(default=True)
    # Plain forms, which a second person must agree to.
    plain_forms = ArrayField(models.CharField(max_length=16, choices=Form), default=list, blank=True)
    plain_reason = models.CharField(max_length=1000, blank=True, default="")
    asked_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    asked_label = models.CharField(max_length=254)
    approved_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    claim = models.UUIDField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    # What it does now, and how far it is.
    progress = models.CharField(max_length=200, blank=True, default="")
    members = models.PositiveIntegerField(default=0)
    # Why it is blocked or failed, and what will not import where: sentences.
    findings = models.JSONField(default=list)
    # What looks like a secret and is none, because somebody looked: their words.
    excused_why = models.CharField(max_length=1000, blank=True, default="")
    excused_by = models.CharField(max_length=254, blank=True, default="")
    proofs = models.JSONField(default=list)
    size_b = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    ready_at = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    downloads_left = models.PositiveSmallIntegerField(default=3)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client"], condition=Q(state__in=OPEN_PACKAGE), name="one_open_package_per_client"),
            models.CheckConstraint(condition=Q(state__in=PackageState.values), name="package_state_known"),
            models.CheckConstraint(
                condition=~Q(state=PackageState.READY)
                | (Q(ready_at__isnull=False, until__isnull=False, size_b__gt=0) & ~Q(sha256="") & ~Q(proofs=[])),
                name="a_ready_package_proved_itself",
            ),
            models.CheckConstraint(condition=Q(plain_forms=[]) | ~Q(plain_reason=""), name="plain_credentials_have_a_reason"),
            # two people, whatever the code says
            models.CheckConstraint(
                condition=Q(plain_forms=[])
                | Q(state=PackageState.ASKED)
                | Q(state=PackageState.GONE)
                | (Q(approved_by__isnull=False) & ~Q(approved_by=F("asked_by"))),
                name="plain_credentials_took_two_people",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["claimed_until"], condition=Q(state__in=["queued", "running"]), name="package_open"),
        ]

    def __str__(self) -> str:
        return f"package {self.pk}"


class Download(ClientOwned):
    """Somebody fetched a package."""

    package = models.ForeignKey(Package, on_delete=models.PROTECT, related_name="downloads")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    user_label = models.CharField(max_length=254)
    address = models.CharField(max_length=45, blank=True, default="")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user_label} on {self.at:%Y-%m-%d}"


class Transfer(ClientOwned):
    """One answer with a download's bytes: the first, and each that goes on where one broke. They cost no download."""

    download = models.ForeignKey(Download, on_delete=models.PROTECT, related_name="transfers")
    from_byte = models.PositiveBigIntegerField()
    address = models.CharField(max_length=45, blank=True, default="")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"from byte {self.from_byte}"
