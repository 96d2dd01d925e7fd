"""Advisory feeds: read by shape, refused whole, matched by source and version, said on the pages."""

import contextlib
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from maintenance.errors import FeedBusy, FeedRefused
from maintenance.models import Advisory, AdvisoryFeed, CveSignal, InstalledPackage, PendingUpdate, UpdateAdvisory
from maintenance.parsers import advisories as parsers
from maintenance.parsers.values import UnexpectedOutput
from maintenance.services import feeds, matching
from maintenance.tasks import import_feeds
from portal.accounts.scope import acting_for_all
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError
from tests import people
from tests.maintenance import feeds as made

READERS = {"debian.json": (parsers.debian_tracker, made.tracker()), "osv-ubuntu.zip": (parsers.osv_archive, made.osv()),
           "kev.json": (parsers.known_exploited, made.kev()), "epss.csv.gz": (parsers.likelihoods, made.epss())}  # fmt: skip


def read(name: str, raw: bytes) -> list:
    return list(READERS[name][0](io.BytesIO(raw)))


def put(folder: Path, name: str, raw: bytes) -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def take(path: Path, **options):
    return feeds.import_file(path=path, actor=people.TESTER, now=people.now(), **options)


# Reading


def test_the_debian_tracker():
    first, temporary, _ = read("debian.json", made.tracker())
    assert first == parsers.AdvisoryEntry(
        "CVE-2026-0001", "A buffer overflow.", "high", None, ("CVE-2026-0001",),
        (parsers.Fix("debian:12", "openssl", "1.1"), parsers.Fix("debian:sid", "openssl", "")),
    )  # fmt: skip
    assert temporary.cves == ()


def test_an_osv_archive_without_what_was_withdrawn():
    entries = read("osv-ubuntu.zip", made.osv())
    assert [entry.identifier for entry in entries] == ["USN-7000-1", "USN-7001-1"]
    assert entries[0].severity == "critical"
    assert entries[0].published_at == datetime(2026, 11, 1, 12, tzinfo=UTC)
    assert entries[0].fixes == (parsers.Fix("ubuntu:22.04", "openssl", "1.1"),)


def test_exploitation_and_likelihood():
    assert read("kev.json", made.kev()) == [parsers.Exploited("CVE-2026-0001", date(2026, 11, 10), ransomware=True)]
    assert read("epss.csv.gz", made.epss())[0] == parsers.Likelihood("CVE-2026-0001", Decimal("0.91234"), Decimal("0.99876"))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_file_that_was_cut_or_mangled_never_reads_as_a_whole_one(name, data):
    """Cut at any byte it raises; mangled it raises or reads as something, but raises nothing else."""
    raw = READERS[name][1]
    cut = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(UnexpectedOutput):
        read(name, raw[:cut])
    place = data.draw(st.integers(0, len(raw) - 1))
    mangled = raw[:place] + data.draw(st.binary(min_size=1, max_size=4)) + raw[place + 1 :]
    with contextlib.suppress(UnexpectedOutput):
        read(name, mangled)


@pytest.mark.parametrize(
    ("name", "raw"),
    [("debian.json", b"[]"), ("debian.json", b'{"openssl": []}'), ("debian.json", b'{"openssl": {"CVE-2026-1": {"releases": 1}}}'),
     ("kev.json", made.kev().replace(b'"count": 1', b'"count": 2')), ("kev.json", made.kev("nonsense")), ("epss.csv.gz", b"cve,epss\n"),
     ("osv-ubuntu.zip", b"PK")],
)  # fmt: skip
def test_what_is_not_of_the_publishers_shape(name, raw):
    with pytest.raises(UnexpectedOutput):
        read(name, raw)


# Importing


def test_a_feed_is_put_into_use_whole_and_replaced_whole(db, tmp_path):
    assert take(put(tmp_path, "debian.json", made.tracker(5))).entries == 12
    assert take(tmp_path / "debian.json").unchanged
    take(put(tmp_path, "debian.json", made.tracker(5, fixed="1.2")))
    feed = AdvisoryFeed.objects.get()
    assert feed.generation == 2
    assert set(Advisory.objects.values_list("generation", flat=True)) == {2}
    assert set(Advisory.objects.filter(ecosystem="debian:12").values_list("fixed_version", flat=True)) == {"1.2"}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_feed_cut_in_the_middle_changes_nothing_and_is_said(db, tmp_path, operator_page, name, part):
    raw = READERS[name][1]
    take(put(tmp_path, name, raw))
    before = list(Advisory.objects.order_by("pk").values()), list(CveSignal.objects.order_by("pk").values())
    with pytest.raises(FeedRefused, match="refused"):
        take(put(tmp_path, name, raw[: int(len(raw) * part)]))
    assert (list(Advisory.objects.order_by("pk").values()), list(CveSignal.objects.order_by("pk").values())) == before
    feed = AdvisoryFeed.objects.get()
    assert (feed.generation, bool(feed.refusal)) == (1, True)
    assert AuditEvent.objects.filter(action="feed.refuse").exists()
    assert "was refused" in operator_page.get("/triage/").content.decode()
    # the good one again, newer: the refusal is over
    take(put(tmp_path, name, raw + (b" " if name.endswith("json") else b"")) if name.endswith("json") else put(tmp_path, name, raw))


def test_a_shrunken_feed_is_refused_until_somebody_accepts_it(db, tmp_path):
    take(put(tmp_path, "debian.json", made.tracker(50)))
    with pytest.raises(FeedRefused, match="and had 102"):
        take(put(tmp_path, "debian.json", made.tracker(40)))
    assert Advisory.objects.count() == 102
    assert take(tmp_path / "debian.json", accept_shrunk=True).entries == 82
    with pytest.raises(FeedRefused, match="holds nothing"):
        take(put(tmp_path, "debian.json", b"{}"), accept_shrunk=True)
    assert take(put(tmp_path, "debian.json", made.tracker(39))).entries == 80  # a little less is no alarm


def test_two_imports_at_once_are_one(transactional_db, tmp_path):
    import threading

    from django.db import connection, transaction

    take(put(tmp_path, "kev.json", made.kev()))
    put(tmp_path, "kev.json", made.kev("CVE-2026-0001", "CVE-2026-0002"))
    outcome: list[Exception] = []

    def second() -> None:
        try:
            with acting_for_all():
                take(tmp_path / "kev.json")
        except FeedBusy as error:
            outcome.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        AdvisoryFeed.objects.select_for_update().get()
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(outcome) == 1
    assert take(tmp_path / "kev.json").entries == 2


def test_files_that_say_nothing_and_people_who_may_not(db, tmp_path, auditor):
    for path in (put(tmp_path, "cats.json", b"{}"), tmp_path / "debian.json"):
        with pytest.raises(PortalError):
            take(path)
    with pytest.raises(NotAllowed):
        feeds.import_file(path=put(tmp_path, "kev.json", made.kev()), actor=people.actor(auditor), now=people.now())


def test_the_schedule_takes_what_is_new_once(db, tmp_path, settings):
    settings.ADVISORY_FOLDER = str(tmp_path)
    put(tmp_path, "kev.json", made.kev())
    put(tmp_path, "debian.json", made.tracker()[:-5])
    put(tmp_path, "notes.txt", b"x")
    for _ in range(2):
        import_feeds()
    assert AdvisoryFeed.objects.get(name="kev").generation == 1
    kev = AdvisoryFeed.objects.get(name="kev")
    assert kev.matched_at is not None
    assert matching.match_new_feeds(now=people.now()) == 0  # nothing is new
    # killed after the import and before the match: the next one does it
    AdvisoryFeed.objects.update(matched_at=None)
    people.make_update(people.make_system())
    assert matching.match_new_feeds(now=people.now()) == 1
    assert AuditEvent.objects.filter(action="feed.refuse").count() == 1  # the broken file is not tried again and again
    settings.ADVISORY_FOLDER = str(tmp_path / "nowhere")
    import_feeds()


def test_the_command_imports_matches_and_ends_with_what_was_refused(db, tmp_path, capsys, debian):
    good, bad = put(tmp_path, "debian.json", made.tracker()), put(tmp_path, "kev.json", b"{}")
    with pytest.raises(CommandError, match="kev was refused"):
        call_command("import_advisories", good, bad)
    assert "debian: 6 entries" in capsys.readouterr().out
    assert UpdateAdvisory.objects.count() == 2


# Matching


@pytest.fixture
def debian(system):
    """A pending openssl on bookworm."""
    type(system).objects.filter(pk=system.pk).update(os_id="debian", os_version="12")
    system.refresh_from_db()
    return people.make_update(system)


def matched(update: PendingUpdate) -> PendingUpdate:
    matching.match_all()
    update.refresh_from_db()
    return update


def test_an_update_shows_what_it_fixes(debian, tmp_path, operator_page, member_page, outsider_page):
    for name, (_, raw) in READERS.items():
        take(put(tmp_path, name, raw))
    update = matched(debian)
    assert (update.severity, update.advisories_total, update.exploited_since) == ("high", 2, date(2026, 11, 10))
    assert update.likelihood == Decimal("0.91234")
    text = operator_page.get("/triage/?sort=severity").content.decode()
    for words in ("Exploited in the wild", "High", "2 advisories", "91 %"):
        assert words in text
    assert "CVE-2026-0001" in member_page.get(f"/updates/{update.pk}/").content.decode()
    assert outsider_page.get(f"/updates/{update.pk}/").status_code == 404
    # done again, nothing changes
    before = list(UpdateAdvisory.objects.order_by("identifier").values_list("identifier", "severity"))
    matched(debian)
    assert list(UpdateAdvisory.objects.order_by("identifier").values_list("identifier", "severity")) == before


@pytest.mark.parametrize(
    ("installed", "candidate", "fixed", "counts"),
    [
        ("1.0", "1.1", "1.1", True), ("1.0", "1.1", "1.0", False), ("1.0", "1.1", "1.2", False), ("1.0", "1.1", "1.1~rc1", True),
        ("1.0", "1:0.5", "1.9", True), ("1.0-1", "1.0-1+deb12u2", "1.0-1+deb12u1", True), ("1.0-1+deb12u1", "1.0-1+deb12u2", "1.0-1+deb12u1", False),
        ("1.9", "1.10", "1.10", True), ("", "1.1", "1.1", False), ("1.0", "1.1", "not a version!", False),
    ],
)  # fmt: skip
def test_the_distributions_own_version_order_decides(debian, tmp_path, installed, candidate, fixed, counts):
    take(put(tmp_path, "debian.json", made.tracker(fixed=fixed)))
    PendingUpdate.objects.filter(pk=debian.pk).update(installed_version=installed, candidate_version=candidate)
    debian.refresh_from_db()
    assert bool(matched(debian).advisories_total) is counts


def test_another_release_and_another_source_do_not_count(debian, tmp_path):
    take(put(tmp_path, "osv-ubuntu.zip", made.osv()))
    assert matched(debian).severity == ""
    type(debian.system).objects.update(os_id="ubuntu", os_version="22.04")
    assert matched(debian).severity == "critical"
    PendingUpdate.objects.update(source="openssh")
    assert matched(debian).severity == ""


@pytest.mark.parametrize(("binary", "severity"), [("1.0", "high"), ("1.0+b1", "high"), ("5:9.9", "unknown")])
def test_a_package_with_versions_of_its_own_is_unknown_not_fine(debian, tmp_path, binary, severity):
    take(put(tmp_path, "debian.json", made.tracker()))
    InstalledPackage.objects.create(
        client=debian.client,
        system=debian.system,
        name="openssl",
        architecture="amd64",
        version=binary,
        source="openssl",
        source_version="1.0",
    )
    PendingUpdate.objects.update(installed_version=binary)
    debian.refresh_from_db()
    assert matched(debian).severity == severity


def test_old_feeds_and_no_feeds_are_said(db, tmp_path, operator_page):
    assert "No advisory feed is imported" in operator_page.get("/triage/").content.decode()
    take(put(tmp_path, "kev.json", made.kev()))
    assert "newer advisories are not known" not in operator_page.get("/triage/").content.decode()
    AdvisoryFeed.objects.update(good_at=people.now() - timedelta(days=4))
    assert "newer advisories are not known" in operator_page.get("/triage/").content.decode()


def test_exploited_comes_first_then_the_worst(debian, tmp_path, operator_page):
    for source in ("vim", "zlib"):
        people.make_update(debian.system, source)
    PendingUpdate.objects.filter(source="zlib").update(exploited_since=date(2026, 1, 1), severity="low")
    PendingUpdate.objects.filter(source="vim").update(severity="critical")
    text = operator_page.get("/triage/?sort=severity").content.decode()
    assert text.index('value="zlib|') < text.index('value="vim|') < text.index('value="openssl|')


def test_a_large_feed_is_never_in_memory_whole():
    """Eight megabytes read with a fraction of that; what is read is what a small one gives."""
    import tracemalloc

    raw = made.tracker(20_000)
    assert len(raw) > 8_000_000
    stream = io.BytesIO(raw)
    tracemalloc.start()
    try:
        count = sum(1 for _ in parsers.debian_tracker(stream))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_001
    assert peak < len(raw) / 8
