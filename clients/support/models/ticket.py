"""Tickets and their threads."""

from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from clients.support.choices import OPEN_STATES, RUNNING, Form, Language, LinkKind, MessageKind, Priority, State, Via
from clients.support.models.words import searched
from portal.accounts.tenancy import ClientOwned


class Ticket(ClientOwned):
    """A question of a client's person, from when it was raised until it is resolved."""

    subject = models.CharField(max_length=200)
    state = models.CharField(max_length=16, choices=State, default=State.NEW)
    priority = models.CharField(max_length=16, choices=Priority, default=Priority.NORMAL)
    form = models.CharField(max_length=16, choices=Form, default=Form.QUESTION)
    language = models.CharField(max_length=2, choices=Language, default=Language.ENGLISH)
    # For whom: somebody with an account, or a colleague who has none.
    requester = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="tickets")
    requester_name = models.CharField(max_length=200)
    requester_email = models.EmailField(max_length=254)
    raised_by = models.CharField(max_length=254)
    system = models.ForeignKey("clients.System", null=True, blank=True, on_delete=models.PROTECT, related_name="tickets")
    assigned_to = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    # What was promised when it was raised: a calendar and hours that later edits do not touch (services/promises.py).
    calendar = models.ForeignKey("clients.BusinessHours", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    response_h = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    resolution_h = models.DecimalField(max_digits=6, decimal_places=2, null=True)
    response_due_at = models.DateTimeField()
    resolution_due_at = models.DateTimeField(null=True)
    # Until when the client's newest message is answered; none while nothing waits for us.
    answer_due_at = models.DateTimeField(null=True, blank=True)
    responded_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    broken_at = models.DateTimeField(null=True, blank=True)
    # One click: whether it helped, and words if there are any.
    helped = models.BooleanField(null=True, blank=True)
    helped_words = models.CharField(max_length=1000, blank=True, default="")
    helped_at = models.DateTimeField(null=True, blank=True)
    # The probe of its form: asked of a worker, and done (services/diagnosis.py).
    diagnose_at = models.DateTimeField(null=True, blank=True)
    diagnosed_at = models.DateTimeField(null=True, blank=True)
    about = models.JSONField(default=dict, blank=True)
    search = searched(subject="A")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="ticket_state_known"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="ticket_priority_known"),
            models.CheckConstraint(condition=Q(form__in=Form.values), name="ticket_form_known"),
            models.CheckConstraint(condition=Q(language__in=Language.values), name="ticket_language_known"),
            models.CheckConstraint(condition=~Q(subject=""), name="a_ticket_has_a_subject"),
            models.CheckConstraint(
                condition=Q(state=State.RESOLVED, resolved_at__isnull=False)
                | Q(state__in=[*OPEN_STATES, State.MERGED], resolved_at=None),
                name="resolved_tickets_have_a_time",
            ),
            models.CheckConstraint(
                condition=Q(state=State.MERGED, merged_into__isnull=False) | (~Q(state=State.MERGED) & Q(merged_into=None)),
                name="merged_tickets_lead_somewhere",
            ),
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="no_ticket_is_merged_into_itself"),
            models.CheckConstraint(
                condition=Q(helped=None, helped_at=None) | Q(helped__isnull=False, helped_at__isnull=False),
                name="an_opinion_has_a_time",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["answer_due_at"], condition=Q(answer_due_at__isnull=False), name="ticket_to_answer"),
            models.Index(fields=["resolution_due_at"], condition=Q(state__in=RUNNING), name="ticket_to_resolve"),
            models.Index(fields=["client", "-changed_at"], name="ticket_of_client"),
            models.Index(F("answer_due_at").asc(nulls_last=True), F("changed_at").desc(), F("id").desc(), name="ticket_list"),
            models.Index(fields=["-changed_at", "-id"], name="ticket_newest"),
            models.Index(fields=["diagnose_at"], condition=Q(diagnosed_at=None, diagnose_at__isnull=False), name="ticket_to_diagnose"),
            GinIndex(fields=["search"], name="ticket_search"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.subject}"


class Message(ClientOwned):
    """One line of a thread. It stays as it was written; the database holds that."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="messages")
    kind = models.CharField(max_length=16, choices=MessageKind)
    via = models.CharField(max_length=8, choices=Via)
    author = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    author_label = models.CharField(max_length=254)
    # Written by one of us, as far as the client can tell.
    is_ours = models.BooleanField()
    body = models.TextField(max_length=200_000, blank=True)
    # What an e-mail quoted of earlier ones, folded away on the page.
    quoted = models.TextField(max_length=1_000_000, blank=True, default="")
    language = models.CharField(max_length=2, choices=Language)
    created_at = models.DateTimeField()
    search = searched(body="B")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=MessageKind.values), name="message_kind_known"),
            models.CheckConstraint(condition=Q(via__in=Via.values), name="message_via_known"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["ticket", "created_at", "id"], name="message_thread"),
            GinIndex(fields=["search"], name="message_search"),
        ]

    def __str__(self) -> str:
        return f"message {self.pk} of {self.ticket_id}"


class Attachment(ClientOwned):
    """A file that came with a message. It is handed out as a file and never rendered."""

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size_b = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=~Q(name=""), name="an_attachment_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Watcher(ClientOwned):
    """Somebody who is told of a ticket as well."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="watchers")
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["ticket", "user"], name="one_watcher_per_ticket")]

    def __str__(self) -> str:
        return f"{self.user_id} watches {self.ticket_id}"


class Wait(ClientOwned):
    """A time in which a ticket waited for the client: no clock of ours ran."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="waits")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["ticket"], condition=Q(ended_at=None), name="one_open_wait_per_ticket"),
            models.CheckConstraint(condition=Q(ended_at=None) | Q(ended_at__gte=F("began_at")), name="a_wait_ends_after_it_began"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} waited from {self.began_at}"


class Link(ClientOwned):
    """What a ticket is about, elsewhere in the portal; the number is that of the other thing."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(max_length=16, choices=LinkKind)
    target_id = models.PositiveBigIntegerField()
    label = models.CharField(max_length=200)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["ticket", "kind", "target_id"], name="one_link_per_target"),
            models.CheckConstraint(condition=Q(kind__in=LinkKind.values), name="link_kind_known"),
        ]

    def __str__(self) -> str:
        return self.label


class AnswerTemplate(models.Model):
    """Words that operators answer with often, in one language."""

    name = models.CharField(max_length=100)
    language = models.CharField(max_length=2, choices=Language)
    text = models.TextField(max_length=20_000)
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["name", "language"], condition=Q(ended_at=None), name="one_template_per_name"),
            models.CheckConstraint(condition=~Q(text="") & ~Q(name=""), name="a_template_has_words"),
        ]

    def __str__(self) -> str:
        return self.name
