"""Invitations and password resets: links that a worker makes and mails. Only a hash of a link's secret is kept."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Lower

from portal.accounts.roles import STAFF, MemberRole


class MailedLink(models.Model):
    """A link to be mailed: the row is the queue, and the secret in it exists only in the mail."""

    email = models.EmailField(max_length=254)
    digest = models.CharField(max_length=64, blank=True, default="")
    asked_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.email


class Invitation(MailedLink):
    """Somebody is asked to become staff, or one of a client's people. There is no other way to get an account."""

    client = models.ForeignKey("clients.Client", null=True, blank=True, on_delete=models.PROTECT, related_name="invitations")
    role = models.CharField(max_length=16)
    name = models.CharField(max_length=200)
    invited_by = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                Lower("email"), Coalesce(F("client_id"), 0), condition=Q(used_at=None, revoked_at=None), name="one_open_invitation"
            ),
            models.UniqueConstraint(fields=["digest"], condition=~Q(digest=""), name="one_invitation_per_link"),
            models.CheckConstraint(
                condition=Q(client=None, role__in=sorted(STAFF)) | Q(client__isnull=False, role__in=MemberRole.values),
                name="invitation_role_fits",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["asked_at"], condition=Q(sent_at=None), name="invitation_to_send"),
        ]


class PasswordReset(MailedLink):
    """Somebody asked for a new password. There is a row whether or not the address is anybody's."""

    address = models.CharField(max_length=45, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["digest"], condition=~Q(digest=""), name="one_reset_per_link"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["asked_at"], condition=Q(sent_at=None), name="reset_to_send"),
        ]
