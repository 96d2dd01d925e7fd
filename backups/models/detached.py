"""Work that goes on on a host by itself: a row before anything is sent, a lease for the worker that follows it."""

import uuid
from typing import Any, ClassVar

from django.db import models

from backups.choices import RestoreState
from portal.accounts.tenancy import ClientOwned


class DetachedWork(ClientOwned):
    """What a restore test and a restore have in common."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # What it was told, without the key.
    specification = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=RestoreState, default=RestoreState.QUEUED)
    # Why it ended as it did, and what else is to know: sentences.
    findings = models.JSONField(default=list)
    # What the host found, as (name, value) in order.
    facts = models.JSONField(default=list)
    commands = models.JSONField(default=list)
    log = models.TextField(blank=True, default="")
    # How far the host's log was read, in bytes.
    log_offset = models.BigIntegerField(default=0)
    exit_status = models.IntegerField(null=True, blank=True)
    started_by = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    actor_label = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    claim = models.UUIDField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    unreachable_since = models.DateTimeField(null=True, blank=True)
    trouble = models.TextField(blank=True, default="")
    # Written before the host is asked to start, and when the host first told of it.
    start_sent_at = models.DateTimeField(null=True, blank=True)
    seen_on_host_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        constraints: ClassVar[list[Any]] = []

    @property
    def is_open(self) -> bool:
        """Whether it still goes on."""
        return self.state != RestoreState.FINISHED
