"""Walkthroughs: recorded tours of systems."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from handover.choices import WalkthroughKind
from portal.accounts.tenancy import ClientOwned


class Walkthrough(ClientOwned):
    """A recording of a system: a terminal as asciicast with its secrets masked, or a video in a file of its own."""

    system = models.ForeignKey("clients.System", on_delete=models.PROTECT, related_name="walkthroughs")
    kind = models.CharField(max_length=8, choices=WalkthroughKind)
    title = models.CharField(max_length=200)
    # asciicast v2, masked; empty for a video.
    cast = models.TextField(blank=True, default="")
    # [{"at": seconds, "title", "words"}]
    chapters = models.JSONField(default=list)
    seconds = models.FloatField(default=0)
    masked = models.PositiveIntegerField(default=0)
    # Of a video: its name below the folder of walkthroughs, and what it is.
    file_name = models.CharField(max_length=100, blank=True, default="")
    content_type = models.CharField(max_length=100, blank=True, default="")
    size_b = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    actor_label = models.CharField(max_length=254)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=WalkthroughKind.values), name="walkthrough_kind_known"),
            models.CheckConstraint(
                condition=(Q(kind=WalkthroughKind.VIDEO, cast="") & ~Q(file_name=""))
                | (~Q(kind=WalkthroughKind.VIDEO) & ~Q(cast="") & Q(file_name="")),
                name="a_walkthrough_is_a_cast_or_a_video",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["system", "-made_at"], name="walkthrough_newest")]

    def __str__(self) -> str:
        return self.title
