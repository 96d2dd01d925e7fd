"""Advisory feeds as published: the Debian security tracker's JSON, OSV records, CISA KEV, EPSS. Streamed, never loaded whole.

Each reader yields small frozen values in the order of the file and raises UnexpectedOutput where the text is not what its
publisher writes or ends early. Sources: security-tracker.debian.org/tracker/data/json (format as served in November 2026);
ossf.github.io/osv-schema 1.7; the schema beside CISA's known_exploited_vulnerabilities.json; FIRST's EPSS CSV.
"""

import csv
import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

import ijson
from cvss import CVSS3, CVSS4
from cvss.exceptions import CVSSError

from maintenance.parsers.values import UnexpectedOutput

CVE = re.compile(r"CVE-\d{4}-\d{4,}")
SEVERITIES = ("critical", "high", "medium", "low", "negligible", "unknown")
# Codenames as numbers, because systems say VERSION_ID; newer ones stay names until they have one (wiki.debian.org/DebianReleases).
_DEBIAN_RELEASES = {"buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14"}
_DEBIAN_URGENCY = {"high": "high", "medium": "medium", "low": "low", "unimportant": "negligible"}


@dataclass(frozen=True, slots=True)
class Fix:
    """A source package of one release that an advisory is about.

    Args:
        ecosystem: distribution and release as in os-release: `debian:12`, `ubuntu:22.04`.
        fixed_version: the first version that is not affected; empty while none is published.
    """

    ecosystem: str
    source: str
    fixed_version: str


@dataclass(frozen=True, slots=True)
class AdvisoryEntry:
    """One advisory with the fixes that it names.

    Args:
        severity: one of SEVERITIES, as the publisher or its CVSS score says; "unknown" where neither does.
        published_at: when the advisory was published; None where the feed does not say.
    """

    identifier: str
    summary: str
    severity: str
    published_at: datetime | None
    cves: tuple[str, ...]
    fixes: tuple[Fix, ...]


@dataclass(frozen=True, slots=True)
class Exploited:
    """A CVE that is known to be exploited, since when CISA lists it, and whether by ransomware."""

    cve: str
    added_on: date
    ransomware: bool


@dataclass(frozen=True, slots=True)
class Likelihood:
    """EPSS: the probability (0 to 1) that a CVE is exploited within 30 days, and its percentile."""

    cve: str
    score: Decimal
    percentile: Decimal


def debian_tracker(stream: BinaryIO) -> Iterator[AdvisoryEntry]:
    """CVEs by source package, one entry per package and CVE.

    Raises:
        UnexpectedOutput: not JSON, cut off, or not of the tracker's shape.
    """
    source = None
    try:
        for source, issues in ijson.kvitems(stream, ""):
            if not isinstance(issues, dict):
                raise UnexpectedOutput("debian tracker", 0, f"{source}: not a table of issues")
            for identifier, issue in issues.items():
                yield _debian_issue(str(source), str(identifier), issue)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise UnexpectedOutput("debian tracker", 0, f"not JSON, or cut off: {error}") from error
    if source is None:
        raise UnexpectedOutput("debian tracker", 0, "it holds nothing")


def _debian_issue(source: str, identifier: str, issue: Any) -> AdvisoryEntry:
    try:
        releases = issue["releases"].items()
        fixes, severity = [], "unknown"
        for release, state in releases:
            fixed = str(state.get("fixed_version", ""))
            # "0" says that the release was never affected
            if state["status"] not in {"open", "resolved", "undetermined"}:
                raise ValueError(f"status {state['status']}")
            if fixed != "0" and state["status"] != "undetermined":
                fixes.append(Fix(f"debian:{_DEBIAN_RELEASES.get(release, release)}", source, fixed))
                found = _DEBIAN_URGENCY.get(str(state.get("urgency", "")).strip("*"), "unknown")
                severity = min(severity, found, key=SEVERITIES.index)
        summary = str(issue.get("description", ""))[:1000]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnexpectedOutput("debian tracker", 0, f"{source} {identifier}: {error!r}") from error
    cves = (identifier,) if CVE.fullmatch(identifier) else ()
    return AdvisoryEntry(identifier, summary, severity, None, cves, tuple(fixes))


def osv_archive(stream: BinaryIO) -> Iterator[AdvisoryEntry]:
    """The records of an OSV zip archive (`all.zip` of one ecosystem), withdrawn ones left out.

    Raises:
        UnexpectedOutput: no zip, cut off, or a record that is not OSV.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            for name in archive.namelist():
                if name.endswith(".json"):
                    entry = osv_record(archive.read(name))
                    if entry is not None:
                        yield entry
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, struct.error) as error:
        # besides BadZipFile: a mangled archive asks for passwords, for methods that do not exist, for bytes that are not there
        raise UnexpectedOutput("osv archive", 0, f"no zip archive, or cut off: {error}") from error


def osv_record(raw: bytes) -> AdvisoryEntry | None:
    """One OSV record; None where it was withdrawn.

    Raises:
        UnexpectedOutput: not JSON or not OSV.
    """
    try:
        record = json.loads(raw)
        if record.get("withdrawn"):
            return None
        names = [record["id"], *record.get("aliases", []), *record.get("upstream", []), *record.get("related", [])]
        fixes = []
        for affected in record.get("affected", []):
            package = affected["package"]
            fixed = [
                str(event["fixed"])
                for versions in affected.get("ranges", [])
                if versions["type"] == "ECOSYSTEM"
                for event in versions["events"]
                if "fixed" in event
            ]
            # several ranges are several lines of the same release; the last one closes the hole for good
            fixes.append(Fix(_ecosystem(str(package["ecosystem"])), str(package["name"]), fixed[-1] if fixed else ""))
        published = record.get("published")
        return AdvisoryEntry(
            identifier=str(record["id"]), summary=str(record.get("summary") or record.get("details") or "")[:1000],
            severity=_osv_severity(record), published_at=_moment(published) if published else None,
            cves=tuple(sorted({name for name in names if CVE.fullmatch(str(name))})), fixes=tuple(fixes),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnexpectedOutput("osv record", 0, f"{error!r} in {raw[:100]!r}") from error


def _ecosystem(text: str) -> str:
    """`Ubuntu:22.04:LTS` as `ubuntu:22.04`; `Debian:12` as `debian:12`."""
    name, _, rest = text.partition(":")
    parts = [part for part in rest.split(":") if part and part not in {"LTS", "Pro"}]
    return ":".join([name.lower(), *parts[:1]])


def _osv_severity(record: dict[str, Any]) -> str:
    """The worst that the record says: its CVSS score as a word (CVSS 3.1, section 5), or the distribution's own priority."""
    found = ["unknown"]
    for one in [*record.get("severity", []), *(s for a in record.get("affected", []) for s in a.get("severity", []))]:
        score = str(one.get("score", ""))
        try:
            if one.get("type") == "CVSS_V3":
                found.append(CVSS3(score).severities()[0].lower())
            elif one.get("type") == "CVSS_V4":
                found.append(CVSS4(score).severity.lower())
            elif one.get("type") == "Ubuntu":
                found.append(score.lower())
        except CVSSError:
            continue
    words = ["negligible" if word == "none" else word for word in found]
    return min((word for word in words if word in SEVERITIES), key=SEVERITIES.index)


def known_exploited(stream: BinaryIO) -> Iterator[Exploited]:
    """CISA's catalogue. Its own count is held against what is there.

    Raises:
        UnexpectedOutput: not the catalogue, cut off, or fewer entries than it counts.
    """
    try:
        catalogue = json.load(stream)
        entries = catalogue["vulnerabilities"]
        if catalogue["count"] != len(entries):
            raise ValueError(f"counts {catalogue['count']} entries and has {len(entries)}")
        for entry in entries:
            if not CVE.fullmatch(entry["cveID"]):
                raise ValueError(f"{entry['cveID']} is no CVE")
            yield Exploited(entry["cveID"], date.fromisoformat(entry["dateAdded"]), entry.get("knownRansomwareCampaignUse") == "Known")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnexpectedOutput("known exploited vulnerabilities", 0, repr(error)) from error


def likelihoods(stream: BinaryIO) -> Iterator[Likelihood]:
    """FIRST's EPSS scores as `epss_scores-….csv.gz`; the archive's own checksum shows a file that was cut.

    Raises:
        UnexpectedOutput: no gzip, cut off, or another table.
    """
    number = 0
    try:
        with gzip.open(stream) as plain, io.TextIOWrapper(plain, encoding="utf-8", newline="") as text:
            first = text.readline()
            if not first.startswith("#model_version"):
                raise ValueError(f"begins with {first[:40]!r}")
            reader = csv.DictReader(text)
            if reader.fieldnames != ["cve", "epss", "percentile"]:
                raise ValueError(f"columns {reader.fieldnames}")
            for row in reader:
                number = reader.line_num + 1
                yield _likelihood(row)
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError, InvalidOperation, csv.Error, struct.error) as error:
        raise UnexpectedOutput("epss", number, repr(error)) from error


def _likelihood(row: dict[str, str]) -> Likelihood:
    score, percentile = Decimal(row["epss"]), Decimal(row["percentile"])
    if not (CVE.fullmatch(row["cve"]) and 0 <= score <= 1 and 0 <= percentile <= 1):
        raise ValueError(f"{row} is no score")
    return Likelihood(row["cve"], score, percentile)


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
