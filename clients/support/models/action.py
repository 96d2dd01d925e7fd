"""Guided actions: what an operator has done on a system for a ticket, by a form instead of a shell."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from clients.support.choices import ActionKind, ActionState
from portal.accounts.tenancy import ClientOwned

FINAL = [ActionState.DONE, ActionState.FAILED, ActionState.UNKNOWN]


class Action(ClientOwned):
    """A new password for an account, or a share link to a file; written before anything is sent, which happens once and never again."""

    ticket = models.ForeignKey("Ticket", on_delete=models.PROTECT, related_name="actions")
    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=ActionKind, default=ActionKind.PASSWORD)
    # Whose password, or in whose files.
    account = models.CharField(max_length=64)
    # Of a share link: the file, who makes it (a login in the vault), until when it works, and where it is.
    path = models.CharField(max_length=500, blank=True, default="")
    login = models.ForeignKey("vault.Credential", null=True, on_delete=models.PROTECT, related_name="+")
    ends_on = models.DateField(null=True, blank=True)
    url = models.CharField(max_length=500, blank=True, default="")
    # Where the password is sealed; who reveals it is recorded there.
    credential = models.ForeignKey("vault.Credential", null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=ActionState, default=ActionState.ASKED)
    words = models.CharField(max_length=500, blank=True, default="")
    actor_label = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(state__in=ActionState.values), name="action_state_known"),
            models.CheckConstraint(
                condition=Q(kind=ActionKind.PASSWORD, login=None)
                | (Q(kind=ActionKind.SHARE, login__isnull=False, ends_on__isnull=False) & ~Q(path="")),
                name="a_share_link_says_of_what",
            ),
            models.CheckConstraint(
                condition=Q(state__in=FINAL, finished_at__isnull=False) | (~Q(state__in=FINAL) & Q(finished_at=None)),
                name="action_finished_iff_final",
            ),
            models.UniqueConstraint(
                fields=["system", "account", "kind", "path"],
                condition=Q(state__in=[ActionState.ASKED, ActionState.RUNNING]),
                name="one_open_action_of_an_account",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["asked_at"], condition=Q(state__in=[ActionState.ASKED, ActionState.RUNNING]), name="action_open"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.path or self.account}"
