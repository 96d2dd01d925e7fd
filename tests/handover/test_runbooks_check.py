"""A runbook that does not work any more is told like everything else that broke."""

from datetime import timedelta

import pytest

from handover.models import Rehearsal, Runbook
from handover.services import runbooks, runbooks_check
from monitoring.models import Alert, Check
from tests import people

pytestmark = pytest.mark.django_db


def rehearsed(runbook: Runbook, outcome: str, *, at) -> Rehearsal:
    row = runbooks.rehearse(runbook=runbook, actor=people.TESTER, now=at)
    Rehearsal.objects.filter(pk=row.pk).update(
        state="finished", outcome=outcome, finished_at=at, exit_status=0 if outcome == "works" else 1
    )
    return row


def said(at) -> tuple[str, str]:
    assert runbooks_check.say(now=at) == 1
    check = Check.objects.get(kind="runbooks")
    return check.level, check.words


def observed(system, at) -> tuple[str, str]:
    found = runbooks_check.observation(list(runbooks.last_rehearsals(Runbook.objects.filter(system=system))), now=at)
    return found.level, found.words


def test_one_that_fails_is_an_alert_until_it_works_again(system):
    twin = people.make_system(system.client, environment="staging")
    web = people.make_system(system.client, environment="production", staging_twin=twin)
    text = "# Look\nWho: operator\n\n## Look\n```sh check\ntrue\n```\n"
    runbook = runbooks.write(system=web, slug="look", text=text, values={}, actor=people.TESTER, now=people.now())
    people.make_watch(web)
    now = people.now()
    assert runbooks_check.say(now=now) == 0, "never rehearsed is what readiness says, no alert"
    rehearsed(runbook, "works", at=now)
    assert said(now) == ("up", "1 of 1 rehearsed, and they work.")
    rehearsed(runbook, "inconclusive", at=now + timedelta(minutes=1))
    assert said(now + timedelta(minutes=2))[0] == "up", "what is not known does not count as a rehearsal"
    rehearsed(runbook, "fails", at=now + timedelta(minutes=3))
    assert said(now + timedelta(minutes=4)) == ("warning", "Does not work any more, by its last rehearsal: Look.")
    assert said(now + timedelta(minutes=4))[0] == "warning", "said twice"
    assert Alert.objects.filter(check_row__kind="runbooks", state="open", system=web).count() == 1
    rehearsed(runbook, "works", at=now + timedelta(minutes=5))
    assert said(now + timedelta(minutes=6))[0] == "up"
    assert not Alert.objects.filter(check_row__kind="runbooks").exclude(state="closed").exists()
    assert observed(web, now + timedelta(days=61)) == ("unknown", "Not rehearsed for two months: Look.")
    changed = text.replace("true", "uptime")
    runbooks.write(system=web, slug="look", text=changed, values={}, actor=people.TESTER, now=now)
    assert observed(web, now) == ("unknown", "None was rehearsed as it is now.")


def test_what_nobody_watches_and_who_left_are_not_told(system):
    text = "# Look\nWho: operator\n\n## Look\n```sh check\ntrue\n```\n"
    staging = people.make_system(system.client, environment="staging")
    runbook = runbooks.write(system=staging, slug="look", text=text, values={}, actor=people.TESTER, now=people.now())
    rehearsed(runbook, "fails", at=people.now())
    assert runbooks_check.say(now=people.now()) == 0
    people.make_watch(staging)
    assert runbooks_check.say(now=people.now()) == 1
    staging.client.ended_at = people.now()
    staging.client.save()
    assert runbooks_check.say(now=people.now()) == 0
