"""Whole scans as real hosts answered them, each in another state: what each update there waits for, and never “other”."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from clients.choices import Connection
from maintenance.choices import ScanState, Waiting
from maintenance.models import PendingUpdate, Scan
from maintenance.parsers.sections import split_sections
from maintenance.services import scans
from maintenance.services.waiting import reasons_of
from tests import people

FOLDER = Path(__file__).parents[1] / "captures/debian-12/scans"
CAPTURES = sorted(path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz"))
pytestmark = pytest.mark.django_db

# Which state: the scan's, and the reason of the package that it is about.
EXPECTED = {
    "plain": ("fresh", "lab-plain", Waiting.THIRD_PARTY, "comes from Badly"),
    "held": ("fresh", "lab-plain", Waiting.HELD, "apt-mark showhold"),
    "pinned": ("fresh", "lab-plain", Waiting.PINNED, "A pin on the host"),
    "kept-back": ("fresh", "lab-drops", Waiting.KEPT_BACK, "A plain upgrade keeps it back"),
    "source-gone": ("stale", "lab-plain", Waiting.SOURCE, "does not have a Release file"),
    "key-expired": ("stale", "lab-plain", Waiting.KEY, "EXPKEYSIG"),
    "key-missing": ("stale", "lab-plain", Waiting.KEY, "NO_PUBKEY"),
    "vanished": ("fresh", "lab-plain", Waiting.WITHDRAWN, "a repository is gone"),
}


def take(system, name):
    """As the worker does with what a host answered."""
    captured = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    sections = split_sections(stdout=captured["stdout"], stderr=captured["stderr"], mark=captured["mark"])
    scan = Scan.objects.create(client_id=system.client_id, system=system, queued_at=people.now())
    reading = scans.read(sections, manage=True, now=people.now())
    scans._finish(scan, reading, evidence={}, sudo_was_refused=False)
    scan.refresh_from_db()
    system.refresh_from_db()
    return scan


def reasons(system):
    rows = list(PendingUpdate.objects.filter(system=system, effective_at=None).select_related("system__client", "decision"))
    found = reasons_of(rows, now=people.now())
    return {row.package: found[row.pk] for row in rows}


def test_every_capture_has_its_reason():
    assert set(CAPTURES) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_one_reason_for_each_update(system, name):
    state, package, why, words = EXPECTED[name]
    # what the host offered before it got into this state
    take(system, "plain")
    scan = take(system, name)
    assert (scan.state, system.connection) == (state, Connection.OK), scan.reason
    found = reasons(system)
    assert (found[package].why, words in found[package].words) == (why, True), found[package].words
    kinds = Counter(reason.why for reason in found.values())
    assert set(kinds) <= set(Waiting)
    # all else is the distribution's own, and waits for triage, or for the source like everything on this host
    rest = {reason.why for name_of, reason in found.items() if not name_of.startswith("lab-")}
    assert rest == ({Waiting.TRIAGE} if state == ScanState.FRESH else {why})


@pytest.mark.parametrize("name", CAPTURES)
def test_cut_anywhere_a_scan_is_not_fresh(name):
    """The connection breaks in the middle: what was not read is not known, and the scan is not fresh."""
    captured = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
    assert not scans.read(_split(captured, len(captured["stdout"])), manage=True, now=people.now()).failed
    for tenth in range(1, 10):
        reading = scans.read(_split(captured, len(captured["stdout"]) * tenth // 10), manage=True, now=people.now())
        assert reading.failed


def _split(captured, length):
    return split_sections(stdout=captured["stdout"][:length], stderr=captured["stderr"], mark=captured["mark"])
