"""Fetching advisory feeds from their publishers into the folder that imports look at: whole files, renamed when they are there."""

import logging
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from django.conf import settings

from maintenance.models import AdvisoryFeed
from maintenance.services.feeds import KIND_OF
from portal import outbound

logger = logging.getLogger(__name__)

# The largest of them, an OSV archive of everything, is under 1 GiB.
LONGEST = 1024 * 1024 * 1024


def fetch_due(*, now: datetime) -> int:
    """Ask every publisher that was not asked lately; returns how many files are new.

    What could not be fetched is said on the feed, and the pages; the file before it stays. Done again at once, nobody is asked.
    """
    return sum(_fetch(name, address, now=now) for name, address in settings.ADVISORY_SOURCES.items())


def _fetch(file_name: str, address: str, *, now: datetime) -> bool:
    name = file_name.partition(".")[0]
    kind = KIND_OF.get(name.partition("-")[0])
    if kind is None or "/" in file_name:
        logger.error("feed.source_unknown", extra={"feed": file_name})
        return False
    feed, _ = AdvisoryFeed.objects.get_or_create(name=name, defaults={"kind": kind})
    # claimed by one conditional update: of two workers one asks
    due = AdvisoryFeed.objects.filter(pk=feed.pk).exclude(asked_at__gt=now - timedelta(hours=settings.ADVISORY_FETCH_H))
    if not due.update(asked_at=now):
        return False
    fresh, trouble, etag = _download(feed, address, Path(settings.ADVISORY_FOLDER) / file_name)
    AdvisoryFeed.objects.filter(pk=feed.pk).update(fetch_trouble=trouble[:500], etag=etag[:200])
    if trouble:
        logger.warning("feed.not_fetched", extra={"feed": name})
    return fresh


def _download(feed: AdvisoryFeed, address: str, there: Path) -> tuple[bool, str, str]:
    """Whether a new file is there, what went wrong, and what the publisher calls the state that we have."""
    there.parent.mkdir(parents=True, exist_ok=True)
    # asked for only if it changed, where we still have what it is compared with
    headers = {"If-None-Match": feed.etag} if feed.etag and there.exists() else {}
    with tempfile.NamedTemporaryFile(dir=there.parent, prefix=f".{there.name}.", delete=False) as part:
        try:
            answer = outbound.download(address, part, longest=LONGEST, allowed=settings.ADVISORY_NETWORKS, headers=headers)
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                return False, "", feed.etag
            if answer.status_code != httpx.codes.OK:
                return False, f"status {answer.status_code}.", feed.etag
            part.flush()
            Path(part.name).rename(there)
        except (httpx.HTTPError, outbound.Refused, OSError) as error:
            return False, f"{type(error).__name__}: {error}", feed.etag
        finally:
            Path(part.name).unlink(missing_ok=True)
    return True, "", answer.headers.get("etag", "")
