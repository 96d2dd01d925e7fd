"""Readiness: shares that anybody can recompute; what is not known is not fine."""

from datetime import timedelta

import pytest

from handover.models import ReadinessDay, Rehearsal, Runbook
from handover.services import proofs, readiness, runbooks, walkthroughs
from handover.services.readiness import readiness_of
from portal.vault import services as vault
from tests import people
from tests.handover.conftest import TOUR, b64, document

pytestmark = pytest.mark.django_db


def parts(client, now=None):
    return {part.name: (part.met, part.of) for part in readiness_of(client, now=now or people.now()).parts}


@pytest.fixture
def production(sample_client):
    twin = people.make_system(sample_client, environment="staging", name="twin")
    return people.make_system(sample_client, environment="production", name="web", staging_twin=twin)


def test_of_nothing_nothing_is_known(sample_client):
    assert readiness_of(sample_client, now=people.now()).score is None
    assert readiness.note_days(now=people.now()) == 0


def test_each_part_counts_what_it_says(sample_client, production):
    twin = production.staging_twin
    now = people.now()
    assert parts(sample_client)["documents"] == (0, 2)
    document(production)
    document(twin)
    assert parts(sample_client)["documents"] == (2, 2)
    assert parts(sample_client, now + timedelta(days=4))["documents"] == (0, 2), (
        "a document that nobody confirmed lately is not current"
    )

    walkthroughs.keep_tour(system=production, answer=TOUR, known=[], actor=people.TESTER, now=now)
    assert parts(sample_client)["walkthroughs"] == (1, 1)
    document(production, f"file\t/etc/new\tx\t{b64('x')}\t", now=now + timedelta(hours=1))
    assert parts(sample_client)["walkthroughs"] == (0, 1), "changed since its walkthrough"

    for system in (production, twin):
        runbooks.fill(system=system, actor=people.TESTER, now=now)
    count = Runbook.objects.filter(system=production).count()
    assert parts(sample_client)["runbooks"] == (0, count)
    row = Runbook.objects.get(system=production, slug="restart-a-service")
    test = runbooks.rehearse(runbook=row, actor=people.TESTER, now=now)
    Rehearsal.objects.filter(pk=test.pk).update(state="finished", outcome="works", exit_status=0, finished_at=now)
    assert parts(sample_client)["runbooks"] == (1, count)
    assert parts(sample_client, now + timedelta(days=36))["runbooks"] == (0, count)

    key = vault.store(client_id=sample_client.pk, kind="password", label="DB", secret=b"abcdefg", actor=people.TESTER, now=now)
    proofs.state(credential=key, works=True, words="signed in", actor=people.TESTER, now=now)
    assert parts(sample_client)["credentials"] == (0, 1), "nobody knows what for"
    vault.describe(credential=key, url="https://db.example", notes="", actor=people.TESTER, now=now)
    assert parts(sample_client)["credentials"] == (1, 1)

    assert parts(sample_client)["restores"] == (0, 1), "no backup is known"
    job = people.make_backup(production)
    assert parts(sample_client)["restores"] == (0, 1)
    people.make_restore_test(job, "pass")
    assert parts(sample_client)["restores"] == (1, 1)
    assert parts(sample_client, now + timedelta(days=91))["restores"] == (0, 1)


def test_the_score_is_the_mean_of_the_shares(sample_client, production):
    document(production)
    found = readiness_of(sample_client, now=people.now())
    shares = [part.met / part.of for part in found.parts if part.of]
    assert found.score == int(sum(shares) * 100 / len(shares))


def test_a_day_is_kept_once_and_shown_from_the_first_month(sample_client, production, member_page):
    document(production)
    now = people.now()
    assert readiness.note_days(now=now) == 1
    assert readiness.note_days(now=now) == 0
    assert ReadinessDay.objects.get().score > 0
    page = member_page.get("/").content.decode()
    assert f"/clients/{sample_client.pk}/handover/" in page
    assert f"{ReadinessDay.objects.get().score} %" in page


def test_an_old_score_is_not_shown_as_todays(sample_client, production, member_page):
    document(production)
    readiness.note_days(now=people.now() - timedelta(days=3))
    assert "Not known" in member_page.get("/").content.decode()


def test_clients_read_what_is_missing_and_have_no_buttons(sample_client, production, member_page, operator_page, outsider_page):
    address = f"/clients/{sample_client.pk}/handover/"
    text = member_page.get(address).content.decode()
    assert "no current document" in text
    assert "See to it" not in text
    assert "See to it" in operator_page.get(address).content.decode()
    assert outsider_page.get(address).status_code == 404


def test_a_backups_key_was_tried_by_the_restore_that_it_opened(sample_client, production):
    job = people.make_backup(production)
    assert parts(sample_client)["credentials"] == (0, 1)
    people.make_restore_test(job, "pass")
    assert parts(sample_client)["credentials"] == (1, 1)
    vault.replace(credential=job.credential, secret=b"another one", actor=people.TESTER, now=people.now())
    assert parts(sample_client)["credentials"] == (0, 1), "the one that is stored now opened nothing yet"
