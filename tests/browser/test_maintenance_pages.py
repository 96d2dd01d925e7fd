"""The pages of rollouts, windows, rules and the promise: they fit, light and dark, wide and narrow; a lead signs a plan by hand."""

from datetime import timedelta

import pytest

from clients.models import System
from maintenance.models import Rollout, RolloutApproval
from maintenance.services import plans, promise
from tests import people
from tests.browser.conftest import fits, picture, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def waiting():
    """A rollout that waits for approval: one production system, with everything that an approver must know before."""
    client = people.make_client("Baker Ltd")
    system = people.make_system(client, name="shop-production", environment="production")
    people.make_update(system, severity="critical", exposure="nginx on 0.0.0.0:443", due_at=people.now() - timedelta(hours=2))
    people.make_window(client)
    rollout = people.make_rollout(system)
    rollout.targets.get().changes.create(
        client=client, package="nginx-light", architecture="amd64", from_version="1.22.1-9", to_version="1.22.1-9+deb12u2",
        conflicts=["/etc/nginx/nginx.conf"], keeping="missing",
    )  # fmt: skip
    for state in ("soaking", "planning"):
        Rollout.objects.filter(pk=rollout.pk).update(state=state)
    Rollout.objects.filter(pk=rollout.pk).update(state="approval", plan_hash=plans.hash_of(rollout), planned_at=people.now())
    promise.note_breaches(now=people.now())
    return rollout


def test_a_lead_reads_the_plan_and_signs_it(blank_page, waiting):
    page = blank_page
    sign_in(page, people.make_staff("lead"))
    page.click("nav >> text=Rollouts")
    page.wait_for_selector("h1 >> text=Rollouts")
    picture(page, "rollouts")
    assert fits(page)
    page.click(f"text=#{waiting.pk}")
    page.wait_for_selector("text=No way back")
    assert "/etc/nginx/nginx.conf" in page.inner_text("main")
    picture(page, "rollout")
    assert fits(page)
    page.fill("#id_note", "read it twice")
    page.get_by_role("button", name="Approve", exact=True).click()
    page.wait_for_selector("text=Waiting for its window")
    assert RolloutApproval.objects.get().note == "read it twice"


def test_the_pages_of_maintenance_fit(blank_page, waiting):
    page = blank_page
    sign_in(page, people.make_staff("lead"))
    client, system = waiting.client_id, System.objects.get().pk
    job = people.make_backup(System.objects.get())
    facts = [["phase", "restore 0 1.50"], ["snapshot", "a" * 64 + " 1"]]
    people.make_restore_test(job, "pass", facts=facts, findings=["3 files came back whole."])
    for name, address in {
        "rollout-new": f"/clients/{client}/rollouts/new/", "maintenance-windows": f"/clients/{client}/maintenance-windows/",
        "checks": f"/clients/{client}/checks/", "staging": f"/systems/{system}/staging/", "snapshots": f"/systems/{system}/snapshots/",
        "backups": "/backups/", "backup": f"/backups/{job.pk}/", "backup-new": f"/clients/{client}/backups/new/",
        "restore-test": f"/restore-tests/{job.proof_id}/",
        "promise": f"/clients/{client}/promise/",
        "priorities": "/triage/priorities/", "triage-rules": "/triage/rules/", "triage": "/triage/", "windows": f"/clients/{client}/windows/",
    }.items():  # fmt: skip
        page.goto(address)
        assert page.locator("h1").count() == 1
        picture(page, name)
        assert fits(page), address
