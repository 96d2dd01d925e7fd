"""Importing advisory feeds: a file is streamed into a generation of its own, which is put into use whole or not at all.

What is broken, cut or suddenly much smaller than before is refused, and the last good generation stays. All of it is one
transaction: whoever is killed in the middle leaves nothing.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import OperationalError, connection, transaction

from maintenance.choices import FeedKind
from maintenance.errors import FeedBusy, FeedRefused
from maintenance.models import Advisory, AdvisoryFeed, CveSignal
from maintenance.parsers import advisories as parsers
from maintenance.parsers.values import UnexpectedOutput
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

logger = logging.getLogger(__name__)

# A feed that loses more than this share of its entries at once is refused: feeds grow.
MAY_SHRINK = 0.1
# By the first word of a file's name: `debian.json`, `osv-ubuntu.zip`, `kev.json`, `epss.csv.gz`.
KIND_OF = {"debian": FeedKind.DEBIAN, "osv": FeedKind.OSV, "kev": FeedKind.KEV, "epss": FeedKind.EPSS}
_ADVISORY_COLUMNS = (
    "feed_id", "generation", "identifier", "ecosystem", "source", "fixed_version", "severity", "summary", "published_at", "cves",
)  # fmt: skip
_SIGNAL_COLUMNS = ("feed_id", "generation", "cve", "exploited_since", "ransomware", "likelihood")


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of a file: entries in use now; `unchanged` where it was the one in use already."""

    feed: str
    entries: int
    unchanged: bool = False


def import_file(*, path: Path, actor: Actor, now: datetime, accept_shrunk: bool = False) -> Imported:
    """Import one feed from a file whose name says which: `debian.json`, `osv-ubuntu.zip`, `kev.json`, `epss.csv.gz`.

    Locks the feed's row for the time of the import.

    Args:
        accept_shrunk: take it although it lost more than a tenth of its entries.

    Raises:
        PortalError: the name says nothing, or the file can't be read.
        FeedRefused: broken, cut or shrunken; the refusal is kept on the feed, and the last good generation stays in use.
        FeedBusy: another import of this feed is under way.
    """
    actor.require(Permission.OPERATE)
    name = path.name.partition(".")[0]
    kind = KIND_OF.get(name.partition("-")[0])
    if kind is None:
        raise PortalError(
            f"{path.name} does not say which feed it is.", hint="Name it debian.json, osv-….zip, kev.json or epss.csv.gz."
        )
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            feed, _ = AdvisoryFeed.objects.get_or_create(name=name, defaults={"kind": kind})
            if feed.sha256 == digest:
                return Imported(name, feed.entries, unchanged=True)
            entries = _replace(feed, stream, digest, actor=actor, now=now, accept_shrunk=accept_shrunk)
    except OSError as error:
        raise PortalError(f"{path.name} can't be read: {error.strerror}.") from error
    except (UnexpectedOutput, FeedRefused) as error:
        _refuse(name, digest, str(error), actor=actor, now=now)
        raise FeedRefused(f"{name} was refused: {error}", hint="The last good one stays in use.") from error
    logger.info("feed.imported", extra={"feed": name, "entries": entries})
    return Imported(name, entries)


def import_folder(*, now: datetime) -> list[str]:
    """Schedule: import every file of ADVISORY_FOLDER that is new; returns a sentence per refused one. A refused file is tried once."""
    folder = Path(settings.ADVISORY_FOLDER)
    refusals = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.partition(".")[0].partition("-")[0] not in KIND_OF or _refused_already(path):
            continue
        try:
            import_file(path=path, actor=Actor.portal("feed schedule"), now=now)
        except PortalError as error:
            refusals.append(str(error))
    return refusals


def _replace(feed: AdvisoryFeed, stream: BinaryIO, digest: str, *, actor: Actor, now: datetime, accept_shrunk: bool) -> int:
    with transaction.atomic():
        try:
            locked = AdvisoryFeed.objects.select_for_update(nowait=True).get(pk=feed.pk)
        except OperationalError as error:
            raise FeedBusy(f"{feed} is being imported already.") from error
        generation = locked.generation + 1
        entries = _load(locked, generation, stream)
        if entries == 0:
            raise FeedRefused("it holds nothing")
        if entries < locked.entries * (1 - MAY_SHRINK) and not accept_shrunk:
            raise FeedRefused(f"it holds {entries} entries and had {locked.entries}")
        Advisory.objects.filter(feed=locked, generation__lt=generation).delete()
        CveSignal.objects.filter(feed=locked, generation__lt=generation).delete()
        AdvisoryFeed.objects.filter(pk=locked.pk).update(
            generation=generation, entries=entries, sha256=digest, good_at=now, refused_at=None, refusal="", refused_sha256=""
        )
        audit.record(
            action="feed.import", actor=actor, subject=locked, client_id=None, now=now, before={"entries": locked.entries},
            after={"entries": entries, "sha256": digest},
        )  # fmt: skip
    return entries


def _load(feed: AdvisoryFeed, generation: int, stream: BinaryIO) -> int:
    """Stream the file's entries into the tables; returns how many there were."""
    if feed.kind == FeedKind.DEBIAN:
        return _copy("maintenance_advisory", _ADVISORY_COLUMNS, _advisory_rows(feed, generation, parsers.debian_tracker(stream)))
    if feed.kind == FeedKind.OSV:
        return _copy("maintenance_advisory", _ADVISORY_COLUMNS, _advisory_rows(feed, generation, parsers.osv_archive(stream)))
    rows: Iterator[tuple[Any, ...]]
    if feed.kind == FeedKind.KEV:
        rows = ((feed.pk, generation, one.cve, one.added_on, one.ransomware, None) for one in parsers.known_exploited(stream))
    else:
        rows = ((feed.pk, generation, one.cve, None, False, one.score) for one in parsers.likelihoods(stream))
    return _copy("maintenance_cvesignal", _SIGNAL_COLUMNS, rows)


def _advisory_rows(feed: AdvisoryFeed, generation: int, entries: Iterable[parsers.AdvisoryEntry]) -> Iterator[tuple[Any, ...]]:
    for entry in entries:
        for fix in entry.fixes:
            yield (feed.pk, generation, entry.identifier[:100], fix.ecosystem[:60], fix.source[:200], fix.fixed_version[:200],
                   entry.severity, entry.summary.replace("\x00", ""), entry.published_at, list(entry.cves))  # fmt: skip


def _copy(table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> int:
    count = 0
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def _refuse(name: str, digest: str, why: str, *, actor: Actor, now: datetime) -> None:
    with transaction.atomic():
        feed = AdvisoryFeed.objects.get(name=name)
        AdvisoryFeed.objects.filter(pk=feed.pk).update(refused_at=now, refusal=why[:2000], refused_sha256=digest)
        audit.record(action="feed.refuse", actor=actor, subject=feed, client_id=None, now=now, why=why[:2000], sha256=digest)
    logger.warning("feed.refused", extra={"feed": name})


def _refused_already(path: Path) -> bool:
    feed = AdvisoryFeed.objects.filter(name=path.name.partition(".")[0]).exclude(refused_sha256="").first()
    if feed is None:
        return False
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == feed.refused_sha256
    except OSError:
        return False
