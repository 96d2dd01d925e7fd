"""Which advisories a pending update fixes: by source package and fixed version, in the distribution's own version order.

An advisory counts where its fixed version is newer than what is installed and not newer than what the update brings
(deb-version(7), by univers). A version that can't be read matches nothing, and says so in the log.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from univers.versions import DebianVersion, InvalidVersion

from clients.models import System
from maintenance.choices import Severity
from maintenance.models import (
    Advisory,
    AdvisoryFeed,
    CveSignal,
    InstalledPackage,
    PendingUpdate,
    UpdateAdvisory,
    UpdateChangelog,
    WindowPolicy,
)
from maintenance.services import bulk, priorities, triage_lines, windows

logger = logging.getLogger(__name__)

CHUNK = 1000
_WRITTEN = ("severity", "advisories_total", "exploited_since", "likelihood", "due_at", "released_at", "due_reason")
URGENCY = {severity.value: place for place, severity in enumerate(Severity)}


def match_system(system: System) -> None:
    """Match the open updates of one system, after a scan read them. Runs in the caller's transaction."""
    _match(list(PendingUpdate.objects.filter(system=system, gone_at=None).select_related("system__client").order_by("pk")))


def match_all(*, client_id: int | None = None) -> int:
    """Match every open update (of one client) anew, after a feed or a policy changed; done again, it changes nothing.

    Returns how many there were.
    """
    done, last = 0, 0
    open_updates = PendingUpdate.objects.filter(gone_at=None)
    if client_id is not None:
        open_updates = open_updates.filter(client_id=client_id)
    while True:
        rows = open_updates.filter(pk__gt=last).select_related("system__client").order_by("pk")
        chunk = list(rows[:CHUNK])
        if not chunk:
            triage_lines.refresh()
            return done
        with transaction.atomic():
            _match(chunk)
        done, last = done + len(chunk), chunk[-1].pk


def match_new_feeds(*, now: datetime) -> int:
    """Match every open update where a feed came into use since that was last done; killed midway, it is done anew."""
    fresh = AdvisoryFeed.objects.filter(Q(matched_at=None) | Q(matched_at__lt=F("good_at")), good_at__isnull=False)
    ids = list(fresh.values_list("pk", flat=True))
    if not ids:
        return 0
    done = match_all()
    # one that came into use meanwhile is newer than this, and matched the next time
    AdvisoryFeed.objects.filter(pk__in=ids).update(matched_at=now)
    return done


def match_some(updates: QuerySet[PendingUpdate]) -> None:
    """Match some open updates anew, after something about them became known. Runs in the caller's transaction."""
    _match(list(updates.select_related("system__client").order_by("pk")))


def _match(updates: Sequence[PendingUpdate]) -> None:
    by_source = _advisories({_key(update) for update in updates})
    own_versions = _with_versions_of_their_own(updates)
    found = {update.pk: [] if update.pk in own_versions else _fixed_by(update, by_source[_key(update)]) for update in updates}
    signals = signals_of({cve for advisories in found.values() for advisory in advisories for cve in advisory.cves})
    policies = {policy.client_id: policy for policy in WindowPolicy.objects.filter(client_id__in={u.client_id for u in updates})}
    releases = _releases(updates)
    before = {update.pk: tuple(getattr(update, name) for name in _WRITTEN) for update in updates}
    links: list[UpdateAdvisory] = []
    for update in updates:
        own = [_link(update, advisory, signals) for advisory in found[update.pk]]
        links += own
        _sum_up(update, own)
        policy = policies.get(update.client_id) or WindowPolicy(client_id=update.client_id)
        _set_due(update, own, policy, releases.get((update.client_id, update.source, update.candidate_version)))
        if update.pk in own_versions and by_source[_key(update)]:
            update.severity = Severity.UNKNOWN  # there are advisories, and whether it fixes them can't be told
    _write_links(updates, links)
    bulk.write([update for update in updates if tuple(getattr(update, name) for name in _WRITTEN) != before[update.pk]], _WRITTEN)
    priorities.apply(PendingUpdate.objects.filter(pk__in=[update.pk for update in updates]))


def _write_links(updates: Sequence[PendingUpdate], links: Sequence[UpdateAdvisory]) -> None:
    """Make the advisories of these updates equal to what was found; those that have the same already are not touched."""
    fields = ["identifier", "fixed_version", "severity", "summary", "published_at", "cves", "exploited_since", "likelihood"]

    def by_update(rows: Iterable[UpdateAdvisory]) -> defaultdict[int, list[Any]]:
        grouped: defaultdict[int, list[Any]] = defaultdict(list)
        for row in rows:
            grouped[row.update_id].append([getattr(row, name) for name in fields])
        return grouped

    there = by_update(UpdateAdvisory.objects.filter(update_id__in=[update.pk for update in updates]))
    found = by_update(links)
    stale = {update.pk for update in updates if sorted(there[update.pk], key=str) != sorted(found[update.pk], key=str)}
    UpdateAdvisory.objects.filter(update_id__in=stale).delete()
    UpdateAdvisory.objects.bulk_create([link for link in links if link.update_id in stale], batch_size=1000)


def _with_versions_of_their_own(updates: Sequence[PendingUpdate]) -> set[int]:
    """Updates whose binary package does not carry its source's version: advisories speak of the source's, so they can't be compared.

    A binary rebuild's `+b1` is the source's version all the same.
    """
    rows = InstalledPackage.objects.filter(system_id__in={u.system_id for u in updates}, name__in={u.package for u in updates})
    sources = {(row.system_id, row.name, row.architecture): row for row in rows}
    found = set()
    for update in updates:
        row = sources.get((update.system_id, update.package, update.architecture))
        if row is not None and row.source_version and row.version != row.source_version:
            rebuilt = row.version.startswith(row.source_version + "+b")
            if not rebuilt:
                found.add(update.pk)
    return found


def _key(update: PendingUpdate) -> tuple[str, str]:
    """Under which advisories speak of this update: release and source package."""
    return f"{update.system.os_id}:{update.system.os_version}", update.source


def _advisories(keys: set[tuple[str, str]]) -> defaultdict[tuple[str, str], list[Advisory]]:
    """The advisories in use for some (ecosystem, source package)."""
    wanted = Q(ecosystem__in={ecosystem for ecosystem, _ in keys}, source__in={source for _, source in keys})
    found: defaultdict[tuple[str, str], list[Advisory]] = defaultdict(list)
    for advisory in Advisory.objects.filter(wanted, generation=F("feed__generation")).exclude(fixed_version=""):
        found[advisory.ecosystem, advisory.source].append(advisory)
    return found


def _fixed_by(update: PendingUpdate, advisories: Sequence[Advisory]) -> list[Advisory]:
    if not advisories or not update.installed_version:
        return []  # a new package fixes nothing that is installed
    try:
        installed, candidate = DebianVersion(update.installed_version), DebianVersion(update.candidate_version)
    except InvalidVersion:
        logger.warning("advisory.version_unreadable", extra={"update": update.pk})
        return []
    best: dict[str, Advisory] = {}
    for advisory in advisories:
        try:
            fixes = installed < DebianVersion(advisory.fixed_version) <= candidate
        except InvalidVersion:
            continue
        if fixes:
            best.setdefault(advisory.identifier, advisory)
    return list(best.values())


def signals_of(cves: set[str]) -> dict[str, tuple[date | None, Decimal | None]]:
    """Per CVE: since when it is known to be exploited, and how likely that is."""
    found: dict[str, tuple[date | None, Decimal | None]] = {}
    for signal in CveSignal.objects.filter(cve__in=cves, generation=F("feed__generation")):
        since, likelihood = found.get(signal.cve, (None, None))
        found[signal.cve] = (signal.exploited_since or since, signal.likelihood if signal.likelihood is not None else likelihood)
    return found


def _link(update: PendingUpdate, advisory: Advisory, signals: dict[str, tuple[date | None, Decimal | None]]) -> UpdateAdvisory:
    known = [signals[cve] for cve in advisory.cves if cve in signals]
    return UpdateAdvisory(
        client_id=update.client_id, update=update, identifier=advisory.identifier, fixed_version=advisory.fixed_version,
        severity=advisory.severity, summary=advisory.summary, published_at=advisory.published_at, cves=advisory.cves,
        exploited_since=min((since for since, _ in known if since), default=None),
        likelihood=max((likelihood for _, likelihood in known if likelihood is not None), default=None),
    )  # fmt: skip


def _sum_up(update: PendingUpdate, links: Sequence[UpdateAdvisory]) -> None:
    update.advisories_total = len(links)
    update.severity = min((link.severity for link in links), key=URGENCY.__getitem__, default="")
    update.exploited_since = min((link.exploited_since for link in links if link.exploited_since), default=None)
    update.likelihood = max((link.likelihood for link in links if link.likelihood is not None), default=None)


def _releases(updates: Sequence[PendingUpdate]) -> dict[tuple[int, str, str], datetime]:
    """When versions were released, by their changelogs; those that are read and say so."""
    rows = UpdateChangelog.objects.filter(
        client_id__in={update.client_id for update in updates}, source__in={update.source for update in updates},
        released_at__isnull=False,
    )  # fmt: skip
    return {(row.client_id, row.source, row.candidate_version): row.released_at for row in rows if row.released_at is not None}


def _set_due(update: PendingUpdate, links: Sequence[UpdateAdvisory], policy: WindowPolicy, changelog_at: datetime | None) -> None:
    found = windows.due(
        advisories=links, policy=policy, is_security=update.is_security, pending_since=update.pending_since, changelog_at=changelog_at,
        client=update.system.client, in_care_since=update.system.created_at,
    )  # fmt: skip
    update.due_at, update.released_at, update.due_reason = found.at, found.released_at, found.reason[:300]
