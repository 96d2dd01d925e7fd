"""Live terminals: a person at a host through the portal, recorded for a walkthrough."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from handover.choices import OPEN_TERMINAL, PieceKind, TerminalState
from portal.accounts.tenancy import ClientOwned


class LiveTerminal(ClientOwned):
    """One sitting of one person at one system. The row is the queue; a worker holds the terminal, and nobody opens it again."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="live_terminals")
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=8, choices=TerminalState, default=TerminalState.ASKED)
    started_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254)
    asked_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # When its page last asked for what is new: without anybody there it is ended.
    seen_at = models.DateTimeField()
    # What its person chose: empty while it goes on.
    wish = models.CharField(max_length=8, choices=[(one.value, one.label) for one in (TerminalState.KEPT, TerminalState.DROPPED)],
                            blank=True, default="")  # fmt: skip
    claim = models.UUIDField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    # The key of its pieces, sealed with the portal's own; gone with the end.
    sealed_key = models.TextField(blank=True, default="")
    problem = models.CharField(max_length=500, blank=True, default="")
    walkthrough = models.OneToOneField("handover.Walkthrough", null=True, blank=True, on_delete=models.PROTECT, related_name="terminal")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["system"], condition=Q(state__in=OPEN_TERMINAL), name="one_live_terminal_per_system"),
            models.CheckConstraint(condition=Q(state__in=TerminalState.values), name="live_terminal_state_known"),
            models.CheckConstraint(
                condition=Q(wish__in=["", TerminalState.KEPT, TerminalState.DROPPED]), name="live_terminal_wish_known"
            ),
            models.CheckConstraint(
                condition=(Q(state__in=OPEN_TERMINAL, ended_at=None) & ~Q(sealed_key=""))
                | (~Q(state__in=OPEN_TERMINAL) & Q(ended_at__isnull=False, sealed_key="")),
                name="live_terminal_ended_iff_final",
            ),
            models.CheckConstraint(
                condition=Q(state=TerminalState.KEPT, walkthrough__isnull=False, opened_at__isnull=False)
                | (~Q(state=TerminalState.KEPT) & Q(walkthrough=None)),
                name="kept_terminal_iff_walkthrough",
            ),
            models.CheckConstraint(
                condition=~Q(state=TerminalState.OPEN) | Q(opened_at__isnull=False, claim__isnull=False), name="open_terminal_is_held"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["claimed_until"], condition=Q(state__in=OPEN_TERMINAL), name="live_terminal_open"),
        ]

    def __str__(self) -> str:
        return self.title


class TerminalPiece(ClientOwned):
    """Something typed, shown or said in a live terminal, sealed: nobody looked for secrets in it yet. Gone with the end."""

    terminal = models.ForeignKey(LiveTerminal, on_delete=models.CASCADE, related_name="pieces")
    kind = models.CharField(max_length=8, choices=PieceKind)
    # Seconds since it was opened.
    at_s = models.FloatField()
    sealed = models.BinaryField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=PieceKind.values), name="terminal_piece_kind_known"),
            models.CheckConstraint(condition=Q(at_s__gte=0), name="terminal_piece_at_known"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["terminal", "kind", "id"], name="terminal_piece_order")]

    def __str__(self) -> str:
        return f"{self.kind} of terminal {self.terminal_id}"
