"""Known issues of what is installed and no update takes away: no fix is published, or no source offers it."""

import pytest

from maintenance.models import Advisory, AdvisoryFeed, InstalledPackage
from maintenance.services.unfixed import issues_of
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def debian(system):
    """A Debian 12 with openssl 3.0.11-1 from its source package, and a feed."""
    type(system).objects.update(os_id="debian", os_version="12")
    system.refresh_from_db()
    InstalledPackage.objects.create(
        client=system.client, system=system, name="libssl3", architecture="amd64", version="3.0.11-1", source="openssl",
        source_version="3.0.11-1", status="ii",
    )  # fmt: skip
    feed = AdvisoryFeed.objects.create(name="debian", kind="debian", generation=2, good_at=people.now())

    def know(identifier, fixed, *, source="openssl", generation=2, severity="high"):
        Advisory.objects.create(
            feed=feed, generation=generation, identifier=identifier, ecosystem="debian:12", source=source, fixed_version=fixed,
            severity=severity, summary="x", cves=[identifier],
        )  # fmt: skip

    know("CVE-1", "")
    know("CVE-2", "3.0.13-1", severity="critical")
    know("CVE-3", "3.0.9-1")  # fixed in what is installed
    know("CVE-4", "", source="nginx")  # not installed
    know("CVE-5", "", generation=1)  # not in use any more
    return system


def test_each_open_issue_has_its_one_reason(debian):
    found = {issue.identifier: issue.why for issue in issues_of(debian)}
    assert found == {"CVE-2": "Published, and no source of this host offers it", "CVE-1": "No fix is published"}
    assert [issue.identifier for issue in issues_of(debian)] == ["CVE-2", "CVE-1"]


def test_what_a_pending_update_fixes_is_no_open_issue(debian):
    people.make_update(debian, "libssl3", source="openssl", installed_version="3.0.11-1", candidate_version="3.0.13-1~deb12u1")
    assert {issue.identifier for issue in issues_of(debian)} == {"CVE-1", "CVE-2"}  # ~deb12u1 is older than the fix
    people.make_update(debian, "openssl", source="openssl", installed_version="3.0.11-1", candidate_version="3.0.13-1")
    assert {issue.identifier for issue in issues_of(debian)} == {"CVE-1"}


def test_the_page_says_why(debian, member_page, outsider_page):
    address = f"/systems/{debian.pk}/unfixed/"
    text = member_page.get(address).content.decode()
    assert "No fix is published" in text
    assert "2 issues" in text
    assert outsider_page.get(address).status_code == 404
