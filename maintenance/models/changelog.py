"""What a pending version says of itself, as its package's changelog has it."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from portal.accounts.tenancy import ClientOwned


class UpdateChangelog(ClientOwned):
    """The changelog of one version, read once for a client on whichever of its systems. Never shared: a host may say anything."""

    source = models.CharField(max_length=200)
    candidate_version = models.CharField(max_length=200)
    # Beginning of the file, newest entries first; empty where it could not be read.
    text = models.TextField(blank=True, default="")
    # When the version's packager closed its entry.
    released_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField()
    # Why there is none.
    trouble = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["client", "source", "candidate_version"], name="one_changelog_per_version"),
            models.CheckConstraint(
                condition=(~Q(text="") & Q(trouble="")) | (Q(text="", released_at=None) & ~Q(trouble="")),
                name="a_changelog_or_why_not",
            ),
        ]

    def __str__(self) -> str:
        return f"changelog of {self.source} {self.candidate_version}"
