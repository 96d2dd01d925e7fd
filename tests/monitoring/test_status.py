"""Pages that clients and the public read, and pictures over long times."""

from datetime import timedelta

import pytest
from django.test import Client as Browser

from monitoring import queries
from monitoring.models import PlannedWork, Rollup, StatusPage
from monitoring.services import incidents, status
from portal.errors import PortalError
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(sample_client):
    system = people.make_system(sample_client, name="cloud", environment="production")
    people.make_watch(system)
    people.make_check(system, kind="reach", subject="")
    return system


def published(client):
    return status.publish(client=client, slug="Sample Inc", title="Sample's services", actor=people.TESTER, now=people.now())


def test_the_public_reads_production_systems_by_name_and_what_was_written_for_them(production, sample_client):
    people.make_system(sample_client, name="hidden-staging")
    mine, silent = people.make_incident(production, title="Mail is slow"), people.make_incident(production, title="internal only")
    incidents.note(incident=mine, words="We are on it.", to_client=True, actor=people.TESTER, now=people.now())
    incidents.note(incident=silent, words="disk sdb on rack 7", to_client=False, actor=people.TESTER, now=people.now())
    page = published(sample_client)
    answer = Browser().get(f"/public/{page.slug}/")
    text = answer.content.decode()
    assert (answer.status_code, page.slug) == (200, "sample-inc")
    assert "cloud" in text
    assert "We are on it." in text
    for hidden in ("hidden-staging", "internal only", "rack 7", production.address):
        assert hidden not in text
    status.withdraw(page=page, actor=people.TESTER, now=people.now())
    assert Browser().get(f"/public/{page.slug}/").status_code == 404
    with pytest.raises(PortalError, match="no other page has or had"):
        published(sample_client)


def test_a_public_page_needs_a_name_and_a_title_and_there_is_one(sample_client):
    for slug, title in (("!!", "x"), ("x", " ")):
        with pytest.raises(PortalError):
            status.publish(client=sample_client, slug=slug, title=title, actor=people.TESTER, now=people.now())
    published(sample_client)
    with pytest.raises(PortalError, match="already"):
        status.publish(client=sample_client, slug="another", title="x", actor=people.TESTER, now=people.now())
    assert StatusPage.objects.count() == 1


def test_a_clients_person_reads_their_own_state_at_one_address(production, member_page, outsider_page, system):
    text = member_page.get("/status/").content.decode()
    assert "cloud" in text
    assert "Not everything is known" in text, "the other system was never looked at"
    assert "cloud" not in outsider_page.get("/status/").content.decode()
    assert outsider_page.get(f"/clients/{production.client_id}/status/").status_code == 404


def test_the_worst_of_its_systems_is_a_clients_state(production, sample_client):
    assert queries.status_of(sample_client, now=people.now()).state == "ok"
    incident = people.make_incident(production)
    assert queries.status_of(sample_client, now=people.now()).state == "warn", "somebody works on it: not all is well"
    incidents.resolve(incident=incident, words="over", actor=people.TESTER, now=people.now())
    assert queries.status_of(sample_client, now=people.now()).state == "ok"
    production.checks.update(level="critical", last_level="critical")
    assert queries.status_of(sample_client, now=people.now()).state == "bad"
    later = people.now() + timedelta(hours=1)
    assert queries.status_of(sample_client, now=later).state == "unknown", "what is too old is not known, red or green"


def test_a_check_over_a_quarter_with_marks_of_work_and_when_it_is_full(production, operator_page):
    check, now = people.make_check(production, kind="disk", subject="/data"), people.now()
    for hours in range(48):
        at = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)
        Rollup.objects.create(
            check_row=check, client_id=check.client_id, step=3600, at=at, values_n=60, total=60 * (60 - hours / 2), up_s=3600, down_s=0
        )
    PlannedWork.objects.create(
        client=production.client,
        system=production,
        starts_at=now - timedelta(hours=5),
        ends_at=now,
        reason="update run 7",
        actor_label="x",
    )
    text = operator_page.get(f"/measured/{check.pk}/?span=quarter").content.decode()
    assert "update run 7" in text
    assert "<polyline" in text
    assert "Full in 3 days" in text
    assert "Nothing was measured" in operator_page.get(f"/measured/{check.pk}/?span=week").content.decode()
    assert operator_page.get(f"/measured/{check.pk}/?span=nonsense").status_code == 200
