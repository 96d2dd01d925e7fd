"""Advisories of an update, and what is wrong with the feeds that they come from."""

from datetime import datetime, timedelta

from django.conf import settings

from maintenance.choices import Severity
from maintenance.models import AdvisoryFeed, PendingUpdate, UpdateAdvisory

# The worst severity of several is the one with the smallest place; the last place is "no advisory known".
SEVERITY_OF_PLACE = [severity.value for severity in Severity]


def feed_notices(*, now: datetime) -> list[str]:
    """What is wrong with the advisory feeds, as sentences; severities are only as good as these."""
    feeds = list(AdvisoryFeed.objects.order_by("name"))
    if not any(feed.generation for feed in feeds):
        return ["No advisory feed is imported: severities and exploitation are not known (docs/advisories.md)."]
    oldest = now - timedelta(hours=settings.ADVISORY_MAX_AGE_H)
    notices = [f"The feed {feed} was refused: {feed.refusal}. The last good one stays in use." for feed in feeds if feed.refused_at]
    notices += [f"The feed {feed} could not be fetched: {feed.fetch_trouble}" for feed in feeds if feed.fetch_trouble]
    return notices + [
        f"The feed {feed} is of {feed.good_at:%Y-%m-%d}: newer advisories are not known." for feed in feeds
        if feed.good_at is not None and feed.good_at < oldest
    ]  # fmt: skip


def advisories_of(update: PendingUpdate) -> list[UpdateAdvisory]:
    """The advisories that an update fixes, exploited and worst ones first."""
    place = {value: number for number, value in enumerate(SEVERITY_OF_PLACE)}
    rows = UpdateAdvisory.objects.filter(update=update)
    return sorted(rows, key=lambda row: (row.exploited_since is None, place[row.severity], -(row.likelihood or 0), row.identifier))
