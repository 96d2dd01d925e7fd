"""Advisories from published feeds, and which of them a pending update fixes."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from maintenance.choices import FeedKind, Severity
from portal.accounts.tenancy import ClientOwned


class AdvisoryFeed(models.Model):
    """A feed and the generation of it that is in use. A refused file leaves the last good one standing."""

    name = models.SlugField(max_length=40, unique=True)
    kind = models.CharField(max_length=16, choices=FeedKind)
    generation = models.PositiveIntegerField(default=0)
    entries = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    # When the generation in use was accepted.
    good_at = models.DateTimeField(null=True, blank=True)
    # When all open updates were last matched with it; before `good_at`: that is still to be done.
    matched_at = models.DateTimeField(null=True, blank=True)
    # The newest file, where it was refused: when, why, and which (so that it is not tried again and again).
    refused_at = models.DateTimeField(null=True, blank=True)
    refusal = models.TextField(blank=True, default="")
    refused_sha256 = models.CharField(max_length=64, blank=True, default="")
    # Where the portal fetches it itself: when it last asked, what the publisher calls that state, and what went wrong.
    asked_at = models.DateTimeField(null=True, blank=True)
    etag = models.CharField(max_length=200, blank=True, default="", db_default="")
    fetch_trouble = models.CharField(max_length=500, blank=True, default="", db_default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(kind__in=FeedKind.values), name="feed_kind_known"),
            models.CheckConstraint(condition=Q(refused_at=None) | ~Q(refusal=""), name="refused_feed_says_why"),
            models.CheckConstraint(condition=Q(generation=0) | Q(good_at__isnull=False), name="feed_in_use_has_a_time"),
        ]

    def __str__(self) -> str:
        return self.name


class Advisory(models.Model):
    """One source package of one release that an advisory is about. Written by COPY, a generation at a time."""

    feed = models.ForeignKey(AdvisoryFeed, on_delete=models.CASCADE, related_name="+")
    generation = models.PositiveIntegerField()
    identifier = models.CharField(max_length=100)
    ecosystem = models.CharField(max_length=60)
    source = models.CharField(max_length=200)
    # Empty: no fix is published.
    fixed_version = models.CharField(max_length=200, blank=True)
    severity = models.CharField(max_length=16, choices=Severity)
    summary = models.TextField(blank=True)
    published_at = models.DateTimeField(null=True)
    cves = ArrayField(models.CharField(max_length=30))

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="advisory_severity_known"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["ecosystem", "source"], name="advisory_by_source"),
            models.Index(fields=["feed", "generation"], name="advisory_of_generation"),
        ]

    def __str__(self) -> str:
        return self.identifier


class CveSignal(models.Model):
    """What is known of a CVE beyond advisories: that it is exploited, or how likely that is. One row per feed and CVE."""

    feed = models.ForeignKey(AdvisoryFeed, on_delete=models.CASCADE, related_name="+")
    generation = models.PositiveIntegerField()
    cve = models.CharField(max_length=30)
    exploited_since = models.DateField(null=True)
    ransomware = models.BooleanField(default=False)
    likelihood = models.DecimalField(max_digits=6, decimal_places=5, null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["feed", "generation", "cve"], name="one_signal_per_cve"),
            models.CheckConstraint(
                condition=Q(likelihood=None) | Q(likelihood__gte=0, likelihood__lte=1), name="likelihood_is_a_probability"
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["cve"], name="signal_by_cve")]

    def __str__(self) -> str:
        return self.cve


class UpdateAdvisory(ClientOwned):
    """An advisory that a pending update fixes, as it stood when the two were matched."""

    update = models.ForeignKey("PendingUpdate", on_delete=models.CASCADE, related_name="advisories")
    identifier = models.CharField(max_length=100)
    fixed_version = models.CharField(max_length=200)
    severity = models.CharField(max_length=16, choices=Severity)
    summary = models.TextField(blank=True)
    published_at = models.DateTimeField(null=True)
    cves = ArrayField(models.CharField(max_length=30))
    exploited_since = models.DateField(null=True)
    likelihood = models.DecimalField(max_digits=6, decimal_places=5, null=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["update", "identifier"], name="one_row_per_update_advisory"),
        ]

    def __str__(self) -> str:
        return self.identifier
