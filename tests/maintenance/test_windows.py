"""When an update is due: the earliest end of its advisories' windows, with the reason; policies of clients."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from clients.models import Client
from maintenance.choices import Severity
from maintenance.models import UpdateAdvisory, WindowPolicy
from maintenance.services import maintenance_windows, matching, windows
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError
from tests import people

SEEN = datetime(2026, 10, 24, 12, tzinfo=UTC)  # the Saturday before Europe leaves daylight saving time
CLIENT = Client(name="x", security_window_days=7, routine_window_days=30, time_zone="Europe/Berlin")
HOURS = {"exploited_h": 12, "critical_h": 24, "high_h": 48, "medium_h": 96, "low_h": 200, "soak_h": 24}


def advisory(severity: str = "high", *, published: datetime | None = None, exploited: date | None = None) -> UpdateAdvisory:
    return UpdateAdvisory(identifier="CVE-2026-0001", severity=severity, published_at=published, exploited_since=exploited, cves=[])


def due(*advisories: UpdateAdvisory, is_security: bool | None = True) -> windows.Due:
    return windows.due(advisories=advisories, policy=WindowPolicy(), is_security=is_security, pending_since=SEEN, client=CLIENT)


@pytest.mark.parametrize(
    ("severity", "hours"), [("critical", 72), ("high", 168), ("medium", 336), ("low", 720), ("negligible", 720), ("unknown", 168)]
)
def test_the_window_is_that_of_the_severity(severity, hours):
    assert due(advisory(severity)).at == SEEN + timedelta(hours=hours)


def test_the_release_is_the_advisorys_else_when_it_was_first_seen_and_the_reason_says_which():
    published = SEEN - timedelta(days=2)
    found = due(advisory("critical", published=published))
    assert (found.at, found.released_at) == (published + timedelta(hours=72), published)
    assert found.reason == "CVE-2026-0001, critical, published 2026-10-22: 72 hours"
    assert due(advisory("critical")).reason == "CVE-2026-0001, critical, first seen 2026-10-24: 72 hours"
    # the advisory came after the update: it could have been applied since it was seen
    assert due(advisory("critical", published=SEEN + timedelta(days=3))).released_at == SEEN


def test_the_clock_is_not_stretched_by_daylight_saving():
    """Released on the Friday before the clocks change: 72 hours are 72 hours."""
    friday = datetime(2026, 10, 23, 16, tzinfo=UTC)
    found = due(advisory("critical", published=friday)).at
    assert found - friday == timedelta(hours=72)
    from zoneinfo import ZoneInfo

    assert found.astimezone(ZoneInfo("Europe/Berlin")).hour == 17  # 18 o'clock summer time was the release


def test_exploitation_shortens_the_window_from_the_day_it_became_known_and_never_lengthens_it():
    published = datetime(2026, 10, 1, 9, tzinfo=UTC)
    found = due(advisory("low", published=published, exploited=date(2026, 10, 20)))
    assert found.at == datetime(2026, 10, 21, tzinfo=UTC)
    assert "exploited in the wild, known 2026-10-20: 24 hours" in found.reason
    late = due(advisory("critical", published=published, exploited=date(2026, 10, 20)))
    assert late.at == published + timedelta(hours=72)  # was due before that anyway


def test_a_window_begins_when_the_system_was_taken_on_at_the_earliest():
    """What was neglected before is not our breach, and is due as soon as a fresh release would be."""
    taken_on = SEEN + timedelta(days=1)
    published = SEEN - timedelta(days=300)

    def at(*advisories, changelog_at=None, since=taken_on):
        return windows.due(
            advisories=advisories, policy=WindowPolicy(), is_security=True, pending_since=SEEN, client=CLIENT,
            changelog_at=changelog_at, in_care_since=since,
        )  # fmt: skip

    found = at(advisory("critical", published=published))
    assert (found.at, found.released_at) == (taken_on + timedelta(hours=72), published)
    assert found.reason.endswith(": 72 hours, from 2026-10-25, when the system was taken on")
    assert at(advisory("low", published=published, exploited=date(2026, 1, 1))).at == taken_on + timedelta(hours=24)
    assert at(changelog_at=published).at == taken_on + timedelta(days=7)
    assert at(advisory("critical"), since=SEEN - timedelta(days=1)).reason.endswith(": 72 hours")


@pytest.mark.parametrize(("is_security", "days"), [(True, 7), (None, 7), (False, 30)])
def test_without_an_advisory_the_clients_days_count(is_security, days):
    assert due(is_security=is_security).at == SEEN + timedelta(days=days)


MOMENTS = st.integers(1_577_836_800, 1_893_456_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
ADVISORIES = st.builds(
    advisory,
    st.sampled_from(Severity.values),
    published=st.none() | MOMENTS,
    exploited=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)


@given(st.lists(ADVISORIES, min_size=1, max_size=5))
def test_more_advisories_never_make_an_update_due_later(advisories):
    assert due(*advisories).at == min(due(one).at for one in advisories)
    assert due(*advisories).at <= due(*advisories[:1]).at
    assert all(due(one).released_at <= SEEN for one in advisories)


def test_a_policy_is_changed_on_the_page_and_open_updates_follow(operator_page, operator, member_page, outsider_page, system):
    update = people.make_update(system, pending_since=SEEN)
    UpdateAdvisory.objects.create(client=system.client, update=update, identifier="x", fixed_version="1.1", severity="high", cves=[])
    address = f"/clients/{system.client_id}/windows/"
    assert "These are the defaults" in member_page.get(address).content.decode()
    assert member_page.post(address, HOURS).status_code == 403
    assert outsider_page.get(address).status_code == 404
    assert operator_page.post(address, HOURS | {"critical_h": 500}).status_code == 422
    assert operator_page.post(address, HOURS | {"low_h": "x"}).status_code == 422
    assert operator_page.post(address, HOURS).status_code == 303
    event = AuditEvent.objects.get(action="windows.change")
    assert (event.before["critical_h"], event.after["critical_h"]) == (72, 24)
    assert operator.email in member_page.get(address).content.decode()
    update.refresh_from_db()
    assert update.due_at == SEEN + timedelta(days=7)  # matched anew: no feed knows this advisory, so the days count
    assert "first seen" in update.due_reason


def test_a_scan_gives_an_update_its_due_time_and_reason(system, tmp_path):
    from maintenance.services import feeds
    from tests.maintenance import feeds as made

    type(system).objects.filter(pk=system.pk).update(os_id="ubuntu", os_version="22.04")
    (tmp_path / "osv-ubuntu.zip").write_bytes(made.osv(1))
    feeds.import_file(path=tmp_path / "osv-ubuntu.zip", actor=people.TESTER, now=people.now())
    update = people.make_update(system)
    matching.match_all(client_id=people.make_client().pk)  # another client's: nothing here
    update.refresh_from_db()
    assert update.due_reason == ""
    matching.match_all(client_id=system.client_id)
    update.refresh_from_db()
    assert update.due_at == datetime(2026, 11, 4, 12, tzinfo=UTC)
    assert update.due_reason == "USN-7000-1, critical, published 2026-11-01: 72 hours"


def test_the_service_and_the_database_hold_the_rules(system, auditor):
    with pytest.raises(NotAllowed):
        windows.set_policy(client=system.client, hours=HOURS, actor=people.actor(auditor), now=people.now())
    with pytest.raises(PortalError):
        windows.set_policy(client=system.client, hours=HOURS | {"exploited_h": 0}, actor=people.TESTER, now=people.now())
    policy = windows.set_policy(client=system.client, hours=HOURS, actor=people.TESTER, now=people.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        WindowPolicy.objects.filter(pk=policy.pk).update(high_h=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        WindowPolicy.objects.create(client=system.client, changed_at=people.now(), actor_label="x")


def test_each_window_keeps_its_own_name_in_what_comes_next(system):
    for name, weekday in (("Tuesday night", 1), ("Sunday", 6)):
        maintenance_windows.add(
            client=system.client,
            name=name,
            every="week",
            weekdays=[weekday],
            start=time(2),
            end=time(4),
            actor=people.TESTER,
            now=people.now(),
        )
    found = maintenance_windows.upcoming(system.client, now=people.now(), count=4)
    assert {(window.name, span.start.weekday()) for window, span in found} == {("Tuesday night", 1), ("Sunday", 6)}
    feed = maintenance_windows.calendar_of(system.client, now=people.now()).decode()
    assert "(Tuesday night)" in feed
    assert "(Sunday)" in feed
