"""What is known of installed packages and can't be updated away: no fix is published, or none of the host's sources offers it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import F
from univers.versions import DebianVersion, InvalidVersion

from clients.models import System
from maintenance.models import Advisory, InstalledPackage, PendingUpdate
from maintenance.services.matching import URGENCY, signals_of


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """An advisory of an installed source package. `fixed_version` empty: no fix is published."""

    source: str
    installed: str
    identifier: str
    severity: str
    summary: str
    fixed_version: str
    exploited_since: date | None
    likelihood: Decimal | None

    @property
    def why(self) -> str:
        """The one reason why no update is pending for it."""
        return "No fix is published" if not self.fixed_version else "Published, and no source of this host offers it"


def issues_of(system: System) -> list[OpenIssue]:
    """Open issues of a system, exploited and worst ones first. A version that can't be read is left out of the second kind only."""
    installed: dict[str, str] = {}
    for package in InstalledPackage.objects.filter(system=system).exclude(source_version=""):
        installed.setdefault(package.source, package.source_version)
    offered: defaultdict[str, list[str]] = defaultdict(list)
    for update in PendingUpdate.objects.filter(system=system, gone_at=None):
        offered[update.source].append(update.candidate_version)
    ecosystem = f"{system.os_id}:{system.os_version}"
    rows = Advisory.objects.filter(ecosystem=ecosystem, source__in=installed, generation=F("feed__generation"))
    found = [row for row in rows if _is_open(row, installed[row.source], offered[row.source])]
    signals = signals_of({cve for row in found for cve in row.cves})
    issues = {}
    for row in found:
        known = [signals[cve] for cve in row.cves if cve in signals]
        issues[row.source, row.identifier] = OpenIssue(
            row.source, installed[row.source], row.identifier, row.severity, row.summary, row.fixed_version,
            min((since for since, _ in known if since), default=None),
            max((likelihood for _, likelihood in known if likelihood is not None), default=None),
        )  # fmt: skip
    return sorted(
        issues.values(),
        key=lambda one: (one.exploited_since is None, URGENCY[one.severity], -(one.likelihood or 0), one.source, one.identifier),
    )


def _is_open(row: Advisory, installed: str, offered: list[str]) -> bool:
    if not row.fixed_version:
        return True
    try:
        fixed = DebianVersion(row.fixed_version)
        return DebianVersion(installed) < fixed and not any(DebianVersion(version) >= fixed for version in offered)
    except InvalidVersion:
        return False
