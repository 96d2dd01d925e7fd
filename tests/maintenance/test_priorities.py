"""Priorities that explain themselves, rules that decide, views that somebody saved."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import Error, transaction

from maintenance.models import Decision, PendingUpdate, PriorityRules, SavedView, TriageRule
from maintenance.services import priorities, triage_rules
from portal.errors import NotAllowed, PortalError
from tests import people

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("values", "priority"),
    [
        ({"exploited_since": people.now().date()}, 1),
        ({"severity": "critical", "exposure": "nginx on *:443"}, 1),
        ({"severity": "critical"}, 2),
        ({"severity": "low", "likelihood": Decimal("0.1")}, 2),
        ({"severity": "high", "exposure": "nginx on *:443"}, 2),
        ({"severity": "high"}, 3),
        ({"severity": "unknown"}, 3),
        ({"is_security": None}, 3),
        ({"severity": "low", "is_security": False}, 4),
        ({"is_security": False}, 4),
    ],
)
def test_the_defaults(system, values, priority):
    people.make_update(system, **values)
    priorities.apply(PendingUpdate.objects.all())
    assert PendingUpdate.objects.get().priority == priority


def test_the_reason_is_said_in_words():
    words = priorities.words(
        exploited=True, severity="critical", likelihood=Decimal("0.94"), exposures=["nginx on 0.0.0.0:443"], exposed_production=3
    )
    assert words == (
        "exploited in the wild; critical severity; exploitation 94 % likely; nginx listens on 0.0.0.0:443 on 3 production systems"
    )
    nothing = priorities.words(exploited=False, severity="", likelihood=None, exposures=[], exposed_production=0)
    assert nothing == "no advisory known, and nothing of it listens"


@pytest.mark.parametrize(
    "rules",
    [
        None, [], {}, ["x"], [{"priority": 5}], [{"priority": 1, "severity": ["bad"]}], [{"priority": 1, "exploited": "yes"}],
        [{"priority": 1, "likelihood": 2}], [{"priority": 1, "likelihood": "x"}], [{"priority": 1, "colour": "red"}],
        [{"priority": 1, "environment": "moon"}], [{"priority": 1, "source": "x"}], [{"priority": 1, "origin": 3}],
        [{"priority": 1, "exploited": True}],  # the last fits not everything
    ],
)  # fmt: skip
def test_rules_that_are_none_are_refused_with_what_is_wrong(lead, rules):
    with pytest.raises(PortalError):
        priorities.change(rules=rules, note="", actor=people.actor(lead), now=people.now())
    assert not PriorityRules.objects.exists()


def test_an_edit_is_previewed_changes_nothing_and_then_does_what_it_said(system, operator, lead):
    for number in range(3):
        people.make_update(system, f"p{number}", source="kernel" if number else "shell", is_security=False)
    priorities.apply(PendingUpdate.objects.all())
    rules = [{"priority": 1, "source": ["kernel"]}, *priorities.DEFAULT]
    preview = priorities.preview(rules, actor=people.actor(operator))
    assert preview.moves == [("Low", "Urgent", 2)]
    assert len(preview.examples) == 2
    assert set(PendingUpdate.objects.values_list("priority", flat=True)) == {4}
    with pytest.raises(NotAllowed):
        priorities.change(rules=rules, note="", actor=people.actor(operator), now=people.now())
    priorities.change(rules=rules, note="kernels first", actor=people.actor(lead), now=people.now())
    assert dict(PendingUpdate.objects.values_list("package", "priority")) == {"p0": 4, "p1": 1, "p2": 1}
    with pytest.raises(Error), transaction.atomic():
        PriorityRules.objects.update(rules=[])


def test_the_page_previews_for_operators_and_keeps_for_leads(system, operator_page, lead):
    people.make_update(system, is_security=False)
    priorities.apply(PendingUpdate.objects.all())
    rules = json.dumps([{"priority": 2}])
    shown = operator_page.post("/triage/priorities/", {"rules": rules, "do": "preview"})
    assert "1 update from low to high" in shown.content.decode()
    assert operator_page.post("/triage/priorities/", {"rules": rules, "do": "keep"}).status_code == 422
    assert not PriorityRules.objects.exists()
    broken = operator_page.post("/triage/priorities/", {"rules": "[{", "do": "preview"})
    assert broken.status_code == 422
    assert "[{" in broken.content.decode()  # nothing typed is lost
    assert people.signed_in(lead).post("/triage/priorities/", {"rules": rules, "do": "keep"}).status_code == 303
    assert PendingUpdate.objects.get().priority == 2


def test_a_rule_decides_what_it_fits_says_so_and_leaves_what_somebody_decided(system, lead, operator):
    from maintenance.services.decisions import UpdateKey, decide

    routine = people.make_update(system, "vim", is_security=False)
    people.make_update(system, "openssl")
    people.make_update(system, "nano", is_security=False)
    decide(keys=[UpdateKey("nano", "1.1")], kind="reject", reason="not this one", actor=people.actor(operator), now=people.now())
    values = {"name": "routine", "condition": {"security": False}, "kind": "apply", "reason": "nothing of it is exposed"}
    with pytest.raises(NotAllowed):
        triage_rules.add(**values, actor=people.actor(operator), now=people.now())
    rule = triage_rules.add(**values, actor=people.actor(lead), now=people.now())
    decision = Decision.objects.get(kind="apply")
    assert (decision.update, decision.decided_by, decision.actor_label) == (routine, None, "portal: rule “routine”")
    assert "routine" in decision.reason
    assert triage_rules.decide_by_rules(now=people.now()) == 0
    people.make_update(system, "less", is_security=False)
    triage_rules.end(rule=rule, actor=people.actor(lead), now=people.now())
    assert triage_rules.decide_by_rules(now=people.now()) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"name": " "}, {"reason": ""}, {"condition": {}}, {"condition": []}, {"condition": {"colour": 1}}, {"kind": "reject"},
     {"kind": "defer"}, {"defer_days": 3}, {"condition": {"priority": 1}}],
)  # fmt: skip
def test_rules_that_are_not_made(lead, wrong):
    values = {
        "name": "x",
        "condition": {"security": False},
        "kind": "apply",
        "reason": "x",
        "actor": people.actor(lead),
        "now": people.now(),
    }
    with pytest.raises(PortalError):
        triage_rules.add(**(values | wrong))
    assert not TriageRule.objects.exists()


def test_a_rule_of_one_client_touches_no_other(system, lead):
    other = people.make_update(people.make_system(), is_security=False)
    mine = people.make_update(system, is_security=False)
    triage_rules.add(
        name="x", condition={"security": False}, kind="defer", defer_days=7, reason="weekly", client=system.client,
        actor=people.actor(lead), now=people.now(),
    )  # fmt: skip
    assert list(Decision.objects.values_list("update", flat=True)) == [mine.pk]
    other.refresh_from_db()
    assert other.decision is None


def test_the_page_of_rules_previews_adds_and_ends(system, operator_page, lead):
    people.make_update(system, "vim", is_security=False)
    values = {"name": "routine", "condition": '{"security": false}', "kind": "apply", "reason": "x"}
    page = people.signed_in(lead)
    shown = page.post("/triage/rules/", values | {"do": "preview"}).content.decode()
    assert "1 update now" in shown
    assert not Decision.objects.exists()
    assert operator_page.post("/triage/rules/", values | {"do": "keep"}).status_code == 403
    assert page.post("/triage/rules/", values | {"do": "keep"}).status_code == 303
    assert Decision.objects.count() == 1
    assert "routine" in operator_page.get("/triage/rules/").content.decode()
    page.post(f"/triage/rules/{TriageRule.objects.get().pk}/end/")
    assert TriageRule.objects.get().ended_at is not None


def test_what_changed_since_yesterday_and_a_view_that_is_kept(system, operator, operator_page):
    old = people.now() - timedelta(days=3)
    people.make_update(system, "old", first_seen_at=old)
    people.make_update(system, "new")
    people.make_update(system, "exploited", first_seen_at=old, exploited_since=people.now().date())
    text = operator_page.get("/triage/?since=yesterday").content.decode()
    assert 'value="new|1.1"' in text
    assert 'value="exploited|1.1"' in text
    assert 'value="old|1.1"' not in text
    assert "1 new" in text
    operator_page.post("/triage/views/", {"name": "Morning", "query": "since=yesterday&sort=priority"})
    assert "Morning" in operator_page.get("/triage/").content.decode()
    other = people.signed_in(people.make_operator())
    assert "Morning" not in other.get("/triage/").content.decode()
    other.post("/triage/views/", {"view": "Morning", "forget": "1"})
    assert SavedView.objects.get().user == operator
    operator_page.post("/triage/views/", {"view": "Morning", "forget": "1"})
    assert not SavedView.objects.exists()
