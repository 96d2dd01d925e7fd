"""The pages of monitoring in a real browser: the wall renews itself, a check's day is drawn, an alert is taken by keyboard alone."""

from datetime import timedelta

import pytest

from monitoring.choices import Kind, Level
from monitoring.models import Alert, Check
from monitoring.services import channels
from monitoring.services.recording import record
from monitoring.services.rules import Observation
from tests import people
from tests.browser.conftest import fits, picture, sign_in
from tests.browser.test_backup_pages import press_to

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def fleet():
    """A client's three systems: one in order with a day behind it, one whose disk is full, one that nobody watches."""
    client = people.make_client("Baker Ltd")
    systems = [
        people.make_system(client, name=name, address=f"{name}.example") for name in ("shop-production", "mail-production", "new-one")
    ]
    now = people.now()
    for system in systems[:2]:
        watch = people.make_watch(system, interval_s=1200)
        full = system.name.startswith("mail")
        for minutes in [*range(1440, 600, -20), *range(300, -1, -20)]:
            share = 60 + (1440 - minutes) / 40 if full else 40 + minutes % 7
            level = Level.CRITICAL if share >= 95 else Level.WARNING if share >= 85 else Level.UP
            record([people.look(watch, now - timedelta(minutes=minutes), [
                Observation(Kind.REACH, "", Level.UP, 0.1, "Answered within 0.1 s."),
                Observation(Kind.DISK, "/", level, share, f"{share:.0f} % used, 3.1 GiB free."),
            ])])  # fmt: skip
    channels.add(name="duty", address="duty@example.org", actor=people.TESTER, now=now)
    return systems


def test_the_wall_renews_itself_and_an_alert_is_taken_by_keyboard_alone(blank_page, fleet):
    page = blank_page
    sign_in(page, people.make_operator())
    press_to(page, "Wall")
    page.wait_for_selector("h1 >> text=Wall")
    assert page.locator(".wall li").first.inner_text().startswith("mail-production")
    assert page.locator(".wall li.unknown").count() == 1
    picture(page, "wall")
    assert fits(page)
    Check.objects.filter(system=fleet[0], kind="disk").update(level="critical", last_level="critical", words="99 % used.")
    page.wait_for_selector("text=99 % used.", timeout=20_000)
    press_to(page, "Alerts")
    page.wait_for_selector("h1 >> text=Alerts")
    picture(page, "alerts")
    press_to(page, "Disk /")
    page.wait_for_selector("h1 >> text=Disk /")
    press_to(page, "I am on it")
    page.wait_for_selector("text=since")
    assert Alert.objects.get().state == "acknowledged"
    picture(page, "alert")
    assert fits(page)


def test_a_day_is_drawn_with_its_gap_and_the_pages_fit(blank_page, fleet):
    page = blank_page
    sign_in(page, people.make_staff("lead"))
    for name, address in {
        "system-checks": f"/systems/{fleet[1].pk}/checks/",
        "check": f"/measured/{Check.objects.filter(kind='disk').first().pk}/",
        "channels": "/channels/",
        "alerts": "/alerts/",
    }.items():
        page.goto(address)
        page.wait_for_selector("h1")
        picture(page, name)
        assert fits(page), address
    page.goto(f"/systems/{fleet[1].pk}/checks/")
    disk = page.locator(".checks section").filter(has_text="Disk /")
    assert disk.locator("polyline").count() == 2
    assert disk.locator("line.mark").count() == 2
