"""Mail in and out. What came in is kept as it came, whatever becomes of it."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from clients.support.choices import MailState, SendState, Topic
from portal.accounts.tenancy import ClientOwned, ClientQuerySet


class IncomingMail(models.Model):
    """A mail as a server handed it over."""

    client = models.ForeignKey("clients.Client", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # Of its bytes: the same mail fetched twice is one.
    sha256 = models.CharField(max_length=64, unique=True)
    message_id = models.CharField(max_length=500, blank=True)
    sender = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=500, blank=True)
    received_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=MailState, default=MailState.WAITING)
    why = models.CharField(max_length=500, blank=True, default="")
    line = models.ForeignKey("Message", null=True, blank=True, on_delete=models.PROTECT, related_name="mails")
    size_b = models.PositiveBigIntegerField()
    original = models.BinaryField()

    objects: ClassVar[ClientQuerySet["IncomingMail"]] = ClientQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=MailState.values), name="mail_state_known"),
            models.CheckConstraint(
                condition=~Q(state=MailState.TAKEN) | Q(line__isnull=False, client__isnull=False), name="a_taken_mail_is_in_a_ticket"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["received_at"], condition=Q(state=MailState.WAITING), name="mail_to_read"),
            models.Index(fields=["-received_at"], condition=Q(state__in=[MailState.HELD, MailState.REFUSED]), name="mail_held"),
            models.Index(fields=["message_id"], name="mail_by_message_id"),
        ]

    def __str__(self) -> str:
        return f"mail {self.pk} from {self.sender}"


class OutgoingMail(models.Model):
    """A mail to one person: the row is the queue. Its Message-ID is ours, so that an answer finds its ticket."""

    client = models.ForeignKey("clients.Client", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ticket = models.ForeignKey("Ticket", null=True, blank=True, on_delete=models.PROTECT, related_name="mails")
    line = models.ForeignKey("Message", null=True, blank=True, on_delete=models.PROTECT, related_name="sent_mails")
    topic = models.CharField(max_length=16, choices=Topic)
    to = models.EmailField(max_length=254)
    subject = models.CharField(max_length=250)
    body = models.TextField()
    message_id = models.CharField(max_length=200, unique=True)
    in_reply_to = models.CharField(max_length=500, blank=True, default="")
    references = models.TextField(blank=True, default="")
    # What goes with it: [{"name", "content_type", "text"}, …], such as an entry for a calendar.
    parts = models.JSONField(default=list, blank=True)
    unsubscribe = models.CharField(max_length=500, blank=True, default="")
    state = models.CharField(max_length=16, choices=SendState, default=SendState.WAITING)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=500, blank=True, default="")
    # The far end refused it afterwards.
    bounced_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ClientQuerySet["OutgoingMail"]] = ClientQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=SendState.values), name="outgoing_state_known"),
            models.CheckConstraint(
                condition=(Q(state=SendState.SENT) & Q(sent_at__isnull=False)) | (~Q(state=SendState.SENT) & Q(sent_at=None)),
                name="sent_mail_has_a_time",
            ),
            models.UniqueConstraint(fields=["line", "to"], name="one_mail_per_message_and_person"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["due_at"], condition=Q(state=SendState.WAITING), name="mail_to_send"),
        ]

    def __str__(self) -> str:
        return f"mail to {self.to}"


class Choice(models.Model):
    """How a person wants to be told of one topic; without a row it is at once."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="choices")
    topic = models.CharField(max_length=16, choices=Topic)
    delivery = models.CharField(max_length=16)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["user", "topic"], name="one_choice_per_topic"),
            models.CheckConstraint(condition=Q(topic__in=Topic.values), name="choice_topic_known"),
            models.CheckConstraint(condition=Q(delivery__in=["at_once", "digest", "never"]), name="choice_delivery_known"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.delivery}"


class DigestLine(ClientOwned):
    """Something that a person is told of together with the rest of the day."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    topic = models.CharField(max_length=16, choices=Topic)
    subject = models.CharField(max_length=250)
    body = models.TextField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["user", "created_at"], condition=Q(sent_at=None), name="digest_to_send"),
        ]

    def __str__(self) -> str:
        return self.subject
