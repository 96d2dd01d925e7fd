"""Importing feeds of the size that their publishers' have, and matching 200,000 updates with them."""

import gzip
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import ground

# About what the publishers' files held in 2026.
PACKAGES, ISSUES_EACH, CVES, EXPLOITED = 3_700, 12, 300_000, 1_500


def main() -> None:
    """Measure and print: seconds, entries a second, and by how much the process grew."""
    with ground.portal(), tempfile.TemporaryDirectory() as name:
        from benchmarks import fleet
        from maintenance.services import feeds, matching
        from portal.accounts.scope import acting_for_all
        from tests import people

        with acting_for_all():
            print(f"{fleet.fill()} pending updates")
        ground.analyze()
        for path in _write(Path(name)):
            before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
            with acting_for_all():
                done = feeds.import_file(path=path, actor=people.TESTER, now=people.now())
            took = time.perf_counter() - began
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            size = path.stat().st_size / 1_000_000
            print(f"{path.name:14} {size:6.1f} MB  {done.entries:8} entries in {took:6.1f} s, {grown:5.1f} MB more memory", flush=True)
        began = time.perf_counter()
        with acting_for_all():
            matched = matching.match_all()
        print(f"{matched} updates matched in {time.perf_counter() - began:.1f} s")


def _write(folder: Path) -> Iterator[Path]:
    path = folder / "debian.json"
    with path.open("w", encoding="utf-8") as file:
        file.write("{")
        for package in range(PACKAGES):
            issues = {f"CVE-2026-{10_000 + package * ISSUES_EACH + number}": _issue(number) for number in range(ISSUES_EACH)}
            file.write(f'{"," if package else ""}"source-{package}": {json.dumps(issues)}')
        file.write("}")
    yield path
    path = folder / "epss.csv.gz"
    with gzip.open(path, "wt") as packed:
        packed.write("#model_version:v2026.03.14,score_date:2026-11-20T00:00:00Z\ncve,epss,percentile\n")
        packed.writelines(f"CVE-2026-{10_000 + number},0.{number % 100000:05d},0.5\n" for number in range(CVES))
    yield path
    path = folder / "kev.json"
    entries = [{"cveID": f"CVE-2026-{10_000 + number * 29}", "dateAdded": "2026-11-10", "knownRansomwareCampaignUse": "Unknown",
                "notes": "x" * 300} for number in range(EXPLOITED)]  # fmt: skip
    path.write_text(json.dumps({"catalogVersion": "2026.11.10", "count": len(entries), "vulnerabilities": entries}))
    yield path


def _issue(number: int) -> dict[str, object]:
    def release(name: str) -> dict[str, object]:
        return {
            "status": "resolved", "repositories": {name: f"1.{number}", f"{name}-security": f"1.{number}"},
            "fixed_version": f"1.{number}", "urgency": ("high", "medium", "low", "not yet assigned")[number % 4],
        }  # fmt: skip

    return {
        "description": "A flaw was found in it. " * 8, "scope": "remote", "debianbug": 1000000,
        "releases": {name: release(name) for name in ("bullseye", "bookworm", "trixie", "forky", "sid")},
    }  # fmt: skip


if __name__ == "__main__":
    main()
