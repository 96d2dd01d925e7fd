"""Changelogs: read as deb-changelog(5) has them, kept once for a client, and the release that updates count from."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from clients.choices import Connection
from maintenance.models import PendingUpdate, UpdateAdvisory, UpdateChangelog
from maintenance.parsers.changelog import parse_changelog
from maintenance.parsers.sections import Section
from maintenance.parsers.values import UnexpectedOutput
from maintenance.services import changelogs, matching
from maintenance.tasks import read_changelogs
from tests import people

TEXT = (Path(__file__).parents[1] / "captures/debian-12/changelog-openssl.txt").read_text()
RELEASED = datetime(2026, 10, 21, 9, 54, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_real_changelog():
    entries = parse_changelog(TEXT)
    assert (entries[0].source, entries[0].version, entries[0].at) == ("openssl", "3.0.22-1~deb12u2", RELEASED)
    assert entries[0].text.startswith("  * Non-maintainer upload by the LTS Team.")
    # the capture was cut in the middle of an entry: that one is left out
    assert (entries[-1].version, TEXT.count("\nopenssl (") + 1) == ("3.0.5-2", len(entries) + 1)


@given(st.integers(0, len(TEXT)))
def test_a_cut_one_never_says_more_or_other(length):
    try:
        entries = parse_changelog(TEXT[:length])
    except UnexpectedOutput:
        return
    whole = parse_changelog(TEXT)
    assert entries == whole[: len(entries)]


@given(st.text())
def test_whatever_it_is_it_is_read_or_refused(text):
    try:
        assert parse_changelog(text)
    except UnexpectedOutput:
        return


@pytest.mark.parametrize(
    ("date", "at"),
    [("Wed, 21 Oct 2026 16:54:24 +0700", RELEASED), ("Wed, 21 Oct 2026 09:54:24 -0000", RELEASED), ("yesterday", None),
     ("Wed, 99 Oct 2026 16:54:24 +0700", None)],
)  # fmt: skip
def test_dates(date, at):
    (entry,) = parse_changelog(f"x (1) unstable; urgency=low\n\n  * y\n\n -- A B <a@b.example>  {date}\n")
    assert entry.at == at


def test_a_format_of_former_times_ends_it():
    text = "x (2) unstable; urgency=low\n\n  * y\n\n -- A <a@b>  Wed, 21 Oct 2026 16:54:24 +0700\n\nWed Oct 1 1997  Somebody\n"
    assert [entry.version for entry in parse_changelog(text)] == ["2"]


# What is kept


@pytest.fixture
def update(system):
    type(system).objects.filter(pk=system.pk).update(package_manager="apt", connection=Connection.OK)
    system.refresh_from_db()
    return people.make_update(
        system, "libssl3", source="openssl", installed_version="3.0.20-1~deb12u1", candidate_version="3.0.22-1~deb12u2",
        pending_since=datetime(2026, 11, 20, tzinfo=UTC),
    )  # fmt: skip


def keep(update, section, *, now=NOW):
    name = f"{update.package}={update.candidate_version}"
    return changelogs._keep(update.system, [update], {name: section} if section else {}, now=now)


def test_the_release_is_the_changelogs_where_no_advisory_has_a_date(update):
    matching.match_system(update.system)
    update.refresh_from_db()
    assert "first seen" in update.due_reason
    assert keep(update, Section(0, TEXT, "")) == 1
    update.refresh_from_db()
    assert (update.released_at, update.due_at) == (RELEASED, RELEASED + timedelta(days=7))
    assert update.due_reason == "security update: 7 days from its release (changelog of 2026-10-21)"


def test_an_advisory_without_a_date_counts_from_the_changelog_and_one_with_a_date_from_its_own(update):
    from maintenance.models import WindowPolicy
    from maintenance.services import windows

    def due(published):
        advisory = UpdateAdvisory(identifier="CVE-2026-1", severity="critical", published_at=published, exploited_since=None, cves=[])
        return windows.due(
            advisories=[advisory], policy=WindowPolicy(), is_security=True, pending_since=update.pending_since, changelog_at=RELEASED,
            client=update.client,
        )  # fmt: skip

    assert due(None).reason == "CVE-2026-1, critical, changelog of 2026-10-21: 72 hours"
    assert due(RELEASED + timedelta(days=1)).reason == "CVE-2026-1, critical, published 2026-10-22: 72 hours"


@pytest.mark.parametrize(
    ("section", "trouble"),
    [(None, "did not answer"), (Section(1, "", "the package carries no changelog\n"), "carries no changelog"),
     (Section(0, "<html>", ""), "can't be read"), (Section(124, "", ""), "Exit status 124")],
)  # fmt: skip
def test_what_could_not_be_read_says_why_and_is_tried_again_a_day_later(update, operator_page, section, trouble):
    assert keep(update, section, now=people.now()) == 0
    assert trouble in UpdateChangelog.objects.get().trouble
    assert trouble.replace("'", "&#x27;") in operator_page.get(f"/updates/{update.pk}/").content.decode()
    assert changelogs.missing(update.system, now=people.now()) == []
    assert changelogs.missing(update.system, now=people.now() + timedelta(days=1, seconds=1)) == [update]
    keep(update, Section(0, TEXT, ""), now=people.now())
    assert changelogs.missing(update.system, now=people.now() + timedelta(days=9)) == []


def test_a_release_in_the_future_is_a_wrong_clock(update):
    keep(update, Section(0, TEXT, ""), now=RELEASED - timedelta(hours=1))
    assert UpdateChangelog.objects.get().released_at is None


def test_one_reading_serves_the_client_and_nobody_else(update):
    again = people.make_update(people.make_system(update.client), "openssl", source="openssl", candidate_version="3.0.22-1~deb12u2")
    foreign = people.make_update(people.make_system(), "openssl", source="openssl", candidate_version="3.0.22-1~deb12u2")
    keep(update, Section(0, TEXT, ""))
    assert changelogs.missing(again.system, now=NOW) == []
    assert changelogs.missing(foreign.system, now=NOW) == [foreign]
    assert changelogs.what_is_new(foreign) == ("", "Its changelog has not been read yet.")


def test_the_page_shows_what_came_since_the_installed_version(update, operator_page, member_page, outsider_page):
    keep(update, Section(0, TEXT, ""))
    text = operator_page.get(f"/updates/{update.pk}/").content.decode()
    assert "openssl 3.0.22-1~deb12u1" in text
    assert "CVE-2026-84782" in text
    assert "openssl 3.0.20-1~deb12u1" not in text
    assert "CVE-2026-84782" in member_page.get(f"/updates/{update.pk}/").content.decode()
    assert outsider_page.get(f"/updates/{update.pk}/").status_code == 404


def test_nothing_that_is_no_package_goes_to_a_host(update):
    """A version is what a host said: it goes into a script, so it has to look like one."""
    PendingUpdate.objects.filter(pk=update.pk).update(candidate_version="1'; reboot; '")
    assert changelogs.read(system_id=update.system_id, now=NOW) == 0
    assert not UpdateChangelog.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_task_of_a_host_that_does_not_answer_keeps_nothing_and_is_asked_again():
    system = people.make_system(address="127.0.0.1", port=1)
    people.make_update(system)
    for _ in range(2):
        read_changelogs(client_id=system.client_id, system_id=system.pk)
    assert not UpdateChangelog.objects.exists()
    assert len(changelogs.missing(system, now=people.now())) == 1


def test_a_changelog_is_there_or_says_why_not(update):
    keep(update, Section(0, TEXT, ""))
    with pytest.raises(IntegrityError, match="a_changelog_or_why_not"), transaction.atomic():
        UpdateChangelog.objects.update(trouble="x")


def test_one_reader_for_a_client_and_nobody_is_asked_where_it_is_switched_off(update, settings, django_capture_on_commit_callbacks):
    def asked():
        with django_capture_on_commit_callbacks() as callbacks:
            changelogs.ask(update.system, now=NOW)
        return [callback.args for callback in callbacks]

    assert asked() == []  # tests switch it off
    settings.READ_CHANGELOGS = True
    assert asked() == [
        ("maintenance.read_changelogs", "hosts", {"client_id": update.client_id, "system_id": update.system_id})
    ]  # fmt: skip
    key = f"changelogs:{update.client_id}"
    cache.add(key, 1)
    assert changelogs.read(system_id=update.system_id, now=NOW) == 0  # somebody reads already, and keeps the turn
    assert cache.get(key) == 1
    cache.delete(key)
    keep(update, Section(0, TEXT, ""))
    assert asked() == []
