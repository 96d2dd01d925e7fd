"""The pages of backups in a real browser: by keyboard alone, and with history, drift and gaps to show."""

from datetime import timedelta

import pytest

from backups.models import BackupFinding, Baseline, RestoreTest
from tests import people
from tests.browser.conftest import fits, picture, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def job():
    """A backup with a history: half a year of looks and proofs, one failure, something that drifted."""
    client = people.make_client("Baker Ltd")
    job = people.make_backup(people.make_system(client, name="shop-production"), "files of the shop")
    now = people.now()
    for days in range(170, -1, -10):
        people.make_reading(
            job, at=now - timedelta(days=days), size_b=(300 - days) * 10**7, newest_at=now - timedelta(days=days, hours=3 + days % 7)
        )
    for days in (150, 120, 90, 60, 30):
        people.make_restore_test(job, "fail" if days == 90 else "pass", created_at=now - timedelta(days=days), recovery_s=200 - days)
    Baseline.objects.create(
        client=client,
        job=job,
        content={"entries": {}, "traits": {}},
        sha256="0" * 64,
        accepted_at=now - timedelta(days=80),
        actor_label="Otto",
        reason="as agreed",
    )
    BackupFinding.objects.create(
        client=client, system=job.system, job=job, kind="drift", subject="/etc/cron.d/backup", level="bad", found_at=now,
        before="0 3 * * * root restic backup /srv/data /srv/more\n", after="#0 3 * * * root restic backup /srv/data\n",
    )  # fmt: skip
    people.make_gap(job.system)
    people.make_found_backup(job.system)
    return job


def press_to(page, name: str) -> None:
    """Tab until what has the focus is called so, then press it."""
    for _ in range(150):
        page.keyboard.press("Tab")
        said = page.evaluate("(document.activeElement.innerText || document.activeElement.getAttribute('aria-label') || '').trim()")
        if said == name:
            page.keyboard.press("Enter")
            return
    pytest.fail(f"no way to “{name}” by Tab")


def test_a_backup_is_proven_and_its_drift_accepted_by_keyboard_alone(blank_page, job):
    page = blank_page
    sign_in(page, people.make_operator())
    press_to(page, "Backups")
    page.wait_for_selector("h1 >> text=Backups")
    press_to(page, "files of the shop")
    page.wait_for_selector("h1 >> text=files of the shop")
    press_to(page, "Look at the difference")
    page.wait_for_selector("h1 >> text=Drift of")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "id_reason":
            break
    page.keyboard.type("moved on purpose")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1 >> text=files of the shop")
    assert BackupFinding.objects.get(kind="drift").state == "accepted"
    press_to(page, "Prove it now")
    page.wait_for_selector("h1 >> text=Restore test")
    assert RestoreTest.objects.filter(state="queued").count() == 1


def test_history_drift_gaps_and_calendar_fit(blank_page, job):
    page = blank_page
    sign_in(page, people.make_staff("lead"))
    for name, address in {
        "backups": "/backups/", "backup": f"/backups/{job.pk}/", "drift": f"/backups/{job.pk}/drift/", "gaps": "/backups/gaps/",
        "calendar": "/backups/calendar/", "restore": f"/backups/{job.pk}/restore/", "new-backup": f"/clients/{job.client_id}/backups/new/",
    }.items():  # fmt: skip
        page.goto(address)
        page.wait_for_selector("h1")
        picture(page, name)
        assert fits(page), address
    page.goto(f"/backups/{job.pk}/")
    assert page.locator(".curves polyline").count() == 3
    first = page.locator(".curves polyline").nth(1).get_attribute("points")
    assert len(first.split()) == 18
