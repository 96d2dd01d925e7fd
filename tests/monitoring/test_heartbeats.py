"""Heartbeats: called in time, late, failed, never; and what a stranger gets."""

from datetime import timedelta

import pytest
from django.test import Client as Browser

from monitoring.choices import Beat
from monitoring.models import Alert, Call, Check, Heartbeat
from monitoring.services import heartbeats, overdue
from portal.errors import PortalError
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def beating(system):
    return heartbeats.add(system=system, name="nightly", period_s=3600, grace_s=600, actor=people.TESTER, now=people.now())


def level() -> tuple[str, str]:
    check = Check.objects.get(kind="heartbeat")
    return check.level, check.words


def test_a_job_that_calls_is_in_order_and_one_that_does_not_is_told(beating):
    _, token = beating
    assert level() == ("unknown", "It did not call yet.")
    at = people.now()
    assert heartbeats.call(token=token, what=Beat.START, log="", now=at)
    assert heartbeats.call(token=token, what=Beat.DONE, log="all well", now=at + timedelta(seconds=90))
    assert level() == ("up", "Done after 90 s.")
    late = at + timedelta(seconds=90 + 3600 + 600)
    assert heartbeats.judge_due(now=late - timedelta(seconds=1)) == 0
    assert overdue.mark(now=late + timedelta(seconds=1)) == 0, "a job that is late is not a look that did not come"
    assert heartbeats.judge_due(now=late + timedelta(seconds=2)) == 1
    assert level()[0] == "critical"
    assert "it should every 1 hours" in level()[1]
    assert Alert.objects.filter(state="open").count() == 1
    assert heartbeats.judge_due(now=late + timedelta(seconds=3)) == 0, "said once a minute"
    assert heartbeats.call(token=token, what=Beat.DONE, log="", now=late + timedelta(minutes=5))
    assert level()[0] == "up", "one call is enough: the next may come in a day"
    assert not Alert.objects.filter(state="open").exists()


def test_a_job_that_fails_says_why(beating):
    _, token = beating
    heartbeats.call(token=token, what=Beat.FAIL, log="dumping\ndisk full\n", now=people.now())
    assert level() == ("critical", "It failed: disk full")
    assert Call.objects.get().log == "dumping\ndisk full\n"


def test_one_that_never_called_is_told_too(beating):
    assert heartbeats.judge_due(now=people.now() + timedelta(seconds=4300)) == 1
    assert "did not call ever" in level()[1]


def test_the_address_takes_calls_of_machines_and_says_nothing_to_strangers(beating):
    _, token = beating
    machine = Browser(enforce_csrf_checks=True)
    assert machine.post(f"/beat/{token}/start/").status_code == 200
    answer = machine.post(f"/beat/{token}/", data="line one\nüber\0", content_type="text/plain")
    assert (answer.status_code, answer.content) == (200, b"OK\n")
    assert machine.get(f"/beat/{token}/").status_code == 200, "wget and curl without a body"
    assert machine.post(f"/beat/{token}/fail/", data=b"x" * 20_000, content_type="text/plain").status_code == 200
    assert [call.what for call in Call.objects.order_by("pk")] == ["start", "done", "done", "fail"]
    assert len(Call.objects.order_by("pk").last().log) == heartbeats.LONGEST_LOG
    assert Call.objects.order_by("pk")[1].log == "line one\nüber"
    assert machine.post("/beat/unknown/").status_code == 404
    assert machine.put(f"/beat/{token}/").status_code == 405


def test_only_the_hash_of_a_token_is_kept_and_an_ended_one_is_a_strangers(beating):
    heartbeat, token = beating
    assert token not in str(Heartbeat.objects.values())
    with pytest.raises(PortalError):
        heartbeats.end(heartbeat=heartbeat, reason="", actor=people.TESTER, now=people.now())
    heartbeats.end(heartbeat=heartbeat, reason="the job is gone", actor=people.TESTER, now=people.now())
    assert not heartbeats.call(token=token, what=Beat.DONE, log="", now=people.now())
    assert heartbeats.judge_due(now=people.now() + timedelta(days=9)) == 0
    assert Check.objects.get(kind="heartbeat").ended_at is not None


def test_a_hundred_calls_are_kept(beating):
    _, token = beating
    for number in range(heartbeats.KEPT + 5):
        heartbeats.call(token=token, what=Beat.DONE, log=str(number), now=people.now() + timedelta(seconds=number))
    assert Call.objects.count() == heartbeats.KEPT
    assert Call.objects.order_by("at").first().log == "5"


@pytest.mark.parametrize(("period_s", "grace_s", "name"), [(10, 60, "x"), (3600, 1, "x"), (3600, 60, " "), (3600, 60, "nightly")])
def test_what_does_not_fit_is_refused(beating, system, period_s, grace_s, name):
    with pytest.raises(PortalError):
        heartbeats.add(system=system, name=name, period_s=period_s, grace_s=grace_s, actor=people.TESTER, now=people.now())
