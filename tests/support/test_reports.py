"""The monthly report: made on the first working day, reviewed, sent, kept; twice from the same figures it is the same."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from clients.models import Client
from clients.support.models import OutgoingMail
from clients.support.services import tickets
from monitoring.models import Check, Rollup
from portal.errors import PortalError
from portal.reports import gather, paper, services
from portal.reports.models import Report
from portal.ui import printing
from tests import people

pytestmark = pytest.mark.django_db
JUNE = date(2026, 6, 1)
JULY_1 = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def seeded(sample_client, member, operator):
    """A month with something of everything."""
    Client.objects.filter(pk=sample_client.pk).update(created_at=JULY_1 - timedelta(days=200))
    system = people.make_system(sample_client, name="cloud-1", environment="production")
    kept = people.make_update(
        system,
        "openssl",
        due_at=JULY_1 - timedelta(days=5),
        effective_at=JULY_1 - timedelta(days=8),
        gone_at=JULY_1 - timedelta(days=8),
        ended="installed",
        installed_at=JULY_1 - timedelta(days=8),
    )
    late = people.make_update(system, "nginx", due_at=JULY_1 - timedelta(days=5))
    people.make_update(system, "vim", is_security=False, due_at=JULY_1 + timedelta(days=20))
    job = people.make_backup(system)
    check = people.make_check(system, kind="reach", since=JULY_1 - timedelta(days=90))
    for number in range(28):
        Rollup.objects.create(
            client_id=sample_client.pk, check_row=check, step=86_400, at=datetime(2026, 6, 1, tzinfo=UTC) + timedelta(days=number), values_n=10,
            total=1, low=0, high=1, up_s=86_400 - 3600 * (number == 3), down_s=3600 * (number == 3),
        )  # fmt: skip
    incident = people.make_incident(system)
    type(incident).objects.filter(pk=incident.pk).update(
        opened_at=JULY_1 - timedelta(days=20), answer_due_at=JULY_1 - timedelta(days=19)
    )
    question = tickets.Question("Printer", "It prints nothing")
    ticket = tickets.raise_ticket(
        client=sample_client, question=question, actor=people.actor(member), person=member, now=JULY_1 - timedelta(days=9)
    )
    tickets.answer(ticket=ticket, body="On?", actor=people.actor(operator), now=JULY_1 - timedelta(days=9) + timedelta(minutes=30))
    return {"client": sample_client, "system": system, "kept": kept, "late": late, "job": job, "ticket": ticket}


def made(client) -> Report:
    return services.make(client=client, month=JUNE, actor=people.TESTER, now=JULY_1)


def test_figures_are_what_happened_and_what_nobody_knows_is_not_fine(seeded):
    facts = gather.facts_of(seeded["client"], JUNE, now=JULY_1)
    assert (facts["updates"]["met"], facts["updates"]["missed"], facts["updates"]["share"]) == (1, 1, "50.0")
    assert facts["updates"]["late"][0]["package"] == "nginx"
    (line,) = facts["uptime"]
    assert (line["down_s"], line["unknown_days"], len(line["bars"])) == (3600, 2, 30)
    assert line["percent"] == "99.85 %"
    assert facts["restores"]["jobs"][0]["proven"] is None
    assert (facts["tickets"]["raised"], facts["tickets"]["in_time"], facts["tickets"]["answer_h"]) == (1, 1, "0.5")
    assert len(facts["incidents"]) == 1
    assert paper.tone_of(facts) == "bad"
    assert Check.objects.count() == 1


def test_made_on_the_first_working_day_once(seeded):
    client = seeded["client"]
    assert services.make_due(now=datetime(2026, 7, 1, 6, tzinfo=UTC)) == 0, "work has not begun"
    assert (services.make_due(now=JULY_1), services.make_due(now=JULY_1)) == (1, 0)
    assert Report.objects.get(client=client).month == JUNE
    assert services.make_due(now=datetime(2026, 8, 1, 12, tzinfo=UTC)) == 0, "a Saturday"
    assert services.make_due(now=datetime(2026, 8, 3, 12, tzinfo=UTC)) == 1


def test_reviewed_sent_kept_and_told(seeded, operator, member):
    report, ours = made(seeded["client"]), people.actor(operator)
    services.review(report=report, words="A **quiet** month.", language="de", actor=ours, now=JULY_1)
    report.refresh_from_db()
    with pytest.raises(PortalError, match="reads a report"):
        services.send(report=report, actor=people.TESTER, now=JULY_1)
    services.send(report=report, actor=ours, now=JULY_1)
    report.refresh_from_db()
    assert bytes(report.pdf).startswith(b"%PDF")
    assert OutgoingMail.objects.filter(topic="report", to=member.email).count() == 1
    for again in (
        lambda: services.send(report=report, actor=ours, now=JULY_1), lambda: made(seeded["client"]),
        lambda: services.review(report=report, words="x", language="en", actor=ours, now=JULY_1),
    ):  # fmt: skip
        with pytest.raises(PortalError):
            again()
    for change in ({"words": "x"}, {"facts": {}}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Report.objects.filter(pk=report.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Report.objects.filter(pk=report.pk).delete()


def test_what_was_changed_after_it_was_read_is_not_sent(seeded, operator):
    report, ours = made(seeded["client"]), people.actor(operator)
    services.review(report=Report.objects.get(pk=report.pk), words="By a colleague", language="en", actor=ours, now=JULY_1)
    with pytest.raises(PortalError, match="changed meanwhile"):
        services.send(report=report, actor=ours, now=JULY_1)


def test_the_same_figures_give_the_same_file_in_both_languages(seeded):
    report = made(seeded["client"])
    for language in ("en", "de"):
        report.language = language
        assert paper.pdf_of(report) == paper.pdf_of(report)
    assert gather.facts_of(seeded["client"], JUNE, now=JULY_1) == gather.facts_of(seeded["client"], JUNE, now=JULY_1)


def test_a_report_fetches_nothing_from_anywhere(seeded):
    report = made(seeded["client"])
    report.words = "![x](http://127.0.0.1:9/x.png) <img src=http://127.0.0.1:9/y.png>"
    assert paper.pdf_of(report).startswith(b"%PDF")
    with pytest.raises(ValueError, match="fetches nothing"):
        printing._fetch("file:///etc/passwd")


def test_pages(seeded, operator_page, owner_page, member_page, outsider_page):
    report = made(seeded["client"])
    address = f"/reports/{report.pk}/"
    assert member_page.get(address).status_code == 404, "a draft is ours"
    assert "nginx" in operator_page.get(address).content.decode()
    operator_page.post(f"{address}review/", {"words": "Words of ours", "language": "en"})
    operator_page.post(f"{address}review/", {"send": "1"})
    page = member_page.get(address).content.decode()
    assert "Words of ours" in page
    assert f"/systems/{seeded['system'].pk}/" in page, "each figure leads to what proves it"
    assert owner_page.get(f"{address}pdf/").content.startswith(b"%PDF")
    assert outsider_page.get(address).status_code == 404
    assert outsider_page.get(f"{address}pdf/").status_code == 404
    assert "2026" in member_page.get("/reports/own/").content.decode()
    assert operator_page.post(f"/clients/{seeded['client'].pk}/report/", {"month": "this"}).status_code == 303


def test_a_month_is_not_green_where_what_is_pending_was_not_read(seeded):
    facts = gather.facts_of(seeded["client"], JUNE, now=JULY_1)
    assert facts["updates"]["unread"] == ["cloud-1"]
    whole = facts | {"incidents": [], "certificates": []}
    whole["uptime"] = [line | {"down_s": 0, "unknown_days": 0} for line in facts["uptime"]]
    whole["restores"] = {"tests": [], "jobs": [job | {"proven": JULY_1.isoformat()} for job in facts["restores"]["jobs"]]}
    whole["updates"] = facts["updates"] | {"missed": 0}
    assert paper.tone_of(whole) == "unknown"
    people.make_scan(seeded["system"], finished_at=datetime(2026, 6, 30, 20, tzinfo=UTC))
    assert gather.facts_of(seeded["client"], JUNE, now=JULY_1)["updates"]["unread"] == []
    whole["updates"] = whole["updates"] | {"unread": []}
    assert paper.tone_of(whole) == "ok"
