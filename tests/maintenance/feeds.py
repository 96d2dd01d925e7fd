"""Advisory feeds of the publishers' shape, made here: the feeds themselves can't be reached from where tests run."""

import gzip
import io
import json
import zipfile


def tracker(packages: int = 2, *, fixed: str = "1.1") -> bytes:
    """The Debian security tracker: `openssl` first, then as many others."""
    issue = {
        "description": "A buffer overflow.", "scope": "remote", "debianbug": 1000000,
        "releases": {
            "bookworm": {"status": "resolved", "repositories": {"bookworm": "1.0", "bookworm-security": fixed}, "fixed_version": fixed,
                         "urgency": "high"},
            "trixie": {"status": "resolved", "repositories": {"trixie": "2.0"}, "fixed_version": "0", "urgency": "unimportant"},
            "sid": {"status": "open", "repositories": {"sid": "2.0"}, "urgency": "not yet assigned"},
        },
    }  # fmt: skip
    feed = {"openssl": {"CVE-2026-0001": issue, "TEMP-0000000-ABCDEF": issue | {"description": ""}}}
    feed |= {f"package-{number}": {f"CVE-2026-{10000 + number}": issue} for number in range(packages - 1)}
    return json.dumps(feed).encode()


def osv(count: int = 2) -> bytes:
    """An OSV archive of Ubuntu notices."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            record = {
                "schema_version": "1.7.0", "id": f"USN-{7000 + number}-1", "summary": "OpenSSL vulnerability",
                "published": "2026-11-01T12:00:00Z", "modified": "2026-11-02T12:00:00Z", "upstream": ["CVE-2026-0001"],
                "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
                "affected": [{"package": {"ecosystem": "Ubuntu:22.04:LTS", "name": "openssl"},
                              "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]}],
            }  # fmt: skip
            archive.writestr(f"USN-{7000 + number}-1.json", json.dumps(record))
        archive.writestr("USN-1-1.json", json.dumps({"id": "USN-1-1", "withdrawn": "2026-01-01T00:00:00Z"}))
    return packed.getvalue()


def kev(*cves: str) -> bytes:
    """CISA's catalogue."""
    entries = [
        {"cveID": cve, "vendorProject": "OpenSSL", "product": "OpenSSL", "vulnerabilityName": "x", "dateAdded": "2026-11-10",
         "shortDescription": "x", "requiredAction": "x", "dueDate": "2026-12-01", "knownRansomwareCampaignUse": "Known", "notes": ""}
        for cve in cves or ("CVE-2026-0001",)
    ]  # fmt: skip
    return json.dumps(
        {"title": "CISA Catalog", "catalogVersion": "2026.11.10", "count": len(entries), "vulnerabilities": entries}
    ).encode()


def epss(count: int = 3) -> bytes:
    """EPSS, packed."""
    lines = ["#model_version:v2026.03.14,score_date:2026-11-20T00:00:00Z", "cve,epss,percentile", "CVE-2026-0001,0.91234,0.99876"]
    lines += [f"CVE-2026-{20000 + number},0.00043,0.1" for number in range(count - 1)]
    return gzip.compress(("\n".join(lines) + "\n").encode())
