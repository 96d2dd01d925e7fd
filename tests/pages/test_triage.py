"""The triage page: filters, several rows at once, fragments, nothing lost on an error."""

import pytest

from maintenance.models import Decision, PendingUpdate
from tests import people


@pytest.fixture
def fleet(sample_client):
    staging = people.make_system(sample_client, environment="staging", name="stage")
    production = people.make_system(sample_client, environment="production", name="prod")
    for system in (staging, production):
        people.make_update(system)
        people.make_update(system, "vim", is_security=False)
    return staging, production


def decide(page, *keys, htmx=True, **values):
    headers = {"HX-Request": "true"} if htmx else {}
    return page.post("/triage/decide/", {"update": keys, "state": "open", **values}, headers=headers)


def test_one_row_per_update_across_the_fleet(operator_page, fleet):
    text = operator_page.get("/triage/").content.decode()
    assert text.count("data-row") == 2
    assert "1 staging, 1 production" in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [("q=vim", {"vim"}), ("security=yes", {"openssl"}), ("security=no", {"vim"}), ("environment=staging", {"openssl", "vim"}),
     ("state=apply", set()), ("q=nothing-like-it", set()), ("client=999999999999999999999", {"openssl", "vim"}), ("page=x&sort=y", {"openssl", "vim"})],
)  # fmt: skip
def test_filters(operator_page, fleet, query, shown):
    text = operator_page.get(f"/triage/?{query}").content.decode()
    assert {name for name in ("openssl", "vim") if f'value="{name}|1.1"' in text} == shown


def test_several_rows_are_decided_at_once_and_leave_the_queue(operator_page, fleet, operator):
    answer = decide(operator_page, "openssl|1.1", "vim|1.1", kind="apply")
    assert answer.status_code == 200
    assert "<html" not in answer.content.decode()
    assert "data-row" not in answer.content.decode()
    decisions = Decision.objects.all()
    assert {decision.actor_label for decision in decisions} == {operator.email}
    assert decisions.count() == 4
    assert len({decision.batch for decision in decisions}) == 1


def test_a_decision_for_staging_leaves_production_open(operator_page, fleet):
    decide(operator_page, "openssl|1.1", kind="apply", scope="staging")
    assert PendingUpdate.objects.get(system=fleet[0], package="openssl").decision is not None
    assert PendingUpdate.objects.get(system=fleet[1], package="openssl").decision is None


def test_an_error_keeps_what_was_typed_and_chosen(operator_page, fleet):
    answer = decide(operator_page, "openssl|1.1", kind="defer", reason="after the fair", defer_until="2001-01-01")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Name a date in the future" in text
    assert "after the fair" in text
    assert 'value="openssl|1.1" checked' in " ".join(text.split())
    assert not Decision.objects.exists()


def test_nothing_chosen_is_said(operator_page, fleet):
    assert "Choose at least one update" in decide(operator_page, kind="apply").content.decode()


def test_without_script_the_whole_page_comes_back(operator_page, fleet):
    assert "<html" in decide(operator_page, "vim|1.1", kind="apply", htmx=False).content.decode()


@pytest.mark.parametrize("systems", [1, 8])
def test_the_queue_takes_a_fixed_number_of_queries(operator_page, sample_client, systems, django_assert_max_num_queries):
    for _ in range(systems):
        people.make_update(people.make_system(sample_client))
    operator_page.get("/triage/")  # the first request of a session writes when it was seen
    with django_assert_max_num_queries(14):
        operator_page.get("/triage/")


@pytest.mark.parametrize("systems", [1, 8])
def test_the_dashboard_takes_a_fixed_number_of_queries(operator_page, sample_client, systems, django_assert_max_num_queries):
    for _ in range(systems):
        people.make_scan(people.make_system(sample_client))
    operator_page.get("/")
    with django_assert_max_num_queries(11):
        operator_page.get("/")
