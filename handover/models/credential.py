"""How a client receives credentials, and what shows that these work."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from handover.choices import Form, KeyKind, Outcome, ProofHow
from portal.accounts.tenancy import ClientOwned


class ReceivingKey(ClientOwned):
    """What a client's credentials are encrypted to, chosen by their owner on a page that staff never see.

    A passphrase is sealed like a credential, opened by the worker that makes a package and by nobody else, and erased when another is
    chosen or the handover is closed. A public key is kept as it is.
    """

    kind = models.CharField(max_length=12, choices=KeyKind)
    forms = ArrayField(models.CharField(max_length=16, choices=Form))
    sealed = models.TextField(blank=True, default="")
    public = models.TextField(blank=True, default="", max_length=4000)
    # What a person can compare: of a passphrase nothing.
    fingerprint = models.CharField(max_length=100, blank=True, default="")
    set_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client"], condition=Q(ended_at=None), name="one_receiving_key_per_client"),
            models.CheckConstraint(condition=Q(kind__in=KeyKind.values), name="receiving_key_kind_known"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=False, sealed="")
                | (Q(ended_at=None, kind=KeyKind.PASSPHRASE, public="") & ~Q(sealed=""))
                | (Q(ended_at=None, sealed="") & ~Q(kind=KeyKind.PASSPHRASE) & ~Q(public="")),
                name="an_ended_passphrase_is_erased",
            ),
        ]

    def __str__(self) -> str:
        return f"receiving key of client {self.client_id}"


class CredentialProof(ClientOwned):
    """That a credential was tried, how, and what came of it."""

    credential = models.ForeignKey("vault.Credential", on_delete=models.PROTECT, related_name="proofs")
    # The version that was tried: a newer one is not proven by it.
    version = models.PositiveIntegerField()
    how = models.CharField(max_length=8, choices=ProofHow)
    outcome = models.CharField(max_length=16, choices=Outcome)
    words = models.CharField(max_length=500, blank=True, default="")
    at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                condition=Q(how__in=ProofHow.values, outcome__in=Outcome.values), name="credential_proof_words_known"
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["credential", "-at"], name="credential_proof_newest")]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} ({self.get_how_display()})"
