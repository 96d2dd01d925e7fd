"""What runs, what changed, incidents, drills and status in a real browser, with what their people do there."""

from datetime import timedelta

import pytest

from monitoring.models import Check, Rollup, SecurityEvent
from monitoring.services import channels, incidents, status
from tests import people
from tests.browser.conftest import fits, picture, sign_in
from tests.browser.test_backup_pages import press_to

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def system():
    client = people.make_client("Baker Ltd")
    system = people.make_system(client, name="shop-production", environment="production")
    people.make_watch(system)
    reach = people.make_check(system, kind="reach", subject="")
    today = people.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(60):
        down = 3600 if days == 12 else 0
        Rollup.objects.create(
            check_row=reach,
            client_id=client.pk,
            step=86_400,
            at=today - timedelta(days=days),
            values_n=1,
            up_s=86_400 - down,
            down_s=down,
        )
    people.make_inventory(system, things=1)
    people.make_thing(system, "app.service")
    SecurityEvent.objects.create(
        client=client, system=system, area="keys", thing="root SHA256:abc", now_is="256 bits", seen_at=people.now()
    )
    incident = people.make_incident(system, title="shop-production: Disk /")
    incidents.note(incident=incident, words="We are on it.", to_client=True, actor=people.TESTER, now=people.now())
    channels.add(name="duty", address="duty@example.org", actor=people.TESTER, now=people.now())
    status.publish(client=client, slug="baker", title="Baker's services", actor=people.TESTER, now=people.now())
    return system


def test_a_gap_is_closed_and_a_change_is_meant(blank_page, system):
    page = blank_page
    sign_in(page, people.make_operator())
    page.goto(f"/systems/{system.pk}/coverage/")
    picture(page, "system-coverage")
    press_to(page, "Check it")
    page.wait_for_selector("text=Service app.service")
    assert Check.objects.filter(kind="service", subject="app.service").exists()
    page.goto(f"/systems/{system.pk}/security/")
    picture(page, "security")
    page.check("input[name=event]")
    page.fill("#id_reason", "the new colleague")
    page.click("text=The chosen ones are meant")
    page.wait_for_selector("text=the new colleague")
    assert SecurityEvent.objects.get().accepted_at is not None


def test_the_pages_fit_and_the_public_reads_ninety_bars(blank_page, system):
    page = blank_page
    page.goto("/public/baker/")
    page.wait_for_selector("h1")
    assert page.locator(".days rect").count() == 90
    assert page.locator(".days rect.bad").count() == 1
    assert page.locator(".days rect.unknown").count() == 30
    assert "We are on it." in page.inner_text("main")
    picture(page, "status-public")
    assert fits(page)
    sign_in(page, people.make_staff("lead"))
    incident = system.client.incident_set.get()
    for name, address in {
        "coverage": "/coverage/", "probes": f"/systems/{system.pk}/probes/", "incidents": "/incidents/", "incident": f"/incidents/{incident.pk}/",
        "drills": "/drills/", "drill": f"/drills/{people.make_drill(system).pk}/", "on-call": "/on-call/", "status": f"/clients/{system.client_id}/status/",
        "heartbeat": f"/heartbeats/{people.make_heartbeat(system).pk}/",
    }.items():  # fmt: skip
        page.goto(address)
        page.wait_for_selector("h1")
        picture(page, name)
        assert fits(page), address
