"""The queue's lines say what the updates say, whoever wrote them and however many refresh at once."""

import threading
from collections import defaultdict
from datetime import timedelta

import pytest
from django.db import connection, connections
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from maintenance.models import Decision, PendingUpdate, TriageLine, TriageStale
from maintenance.queries import TriageFilter, triage_keys, triage_rows
from maintenance.services import triage_lines
from maintenance.services.decisions import UpdateKey, decide
from portal.accounts.scope import acting_for, acting_for_all
from tests import people
from tests.conftest import owner_connection
from tests.lab.machine import wait_for

ALL = TriageFilter(state="all")


def rows(wanted=ALL):
    triage_lines.refresh()
    staff = people.TESTER
    now = people.now()
    return triage_rows(staff, wanted, list(triage_keys(staff, wanted, now=now)), now=now)


def told() -> dict[str, tuple]:
    """What the queue says."""
    return {row.key: (row.staging, row.production, row.due_at, row.rank, frozenset(row.packages), row.undecided) for row in rows()}


def true() -> dict[str, tuple]:
    """The same from the updates themselves, without SQL of ours."""
    groups = defaultdict(list)
    for update in PendingUpdate.objects.filter(gone_at=None).select_related("system"):
        groups[f"{update.source}|{update.candidate_version}"].append(update)
    found = {}
    for key, updates in groups.items():
        on = [{u.system_id for u in updates if u.system.environment == where} for where in ("staging", "production")]
        found[key] = (
            len(on[0]), len(on[1]), min(u.due_at for u in updates), min(u.priority for u in updates),
            frozenset(u.package for u in updates), any(u.decision_id is None for u in updates),
        )  # fmt: skip
    return found


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "gone", "priority", "decide", "due", "move", "delete", "refresh"]), st.integers(0, 3), st.integers(1, 4)
    ),
    max_size=14,
)


class WhateverIsWritten(TestCase):
    """Any order of writes, by rows, in bulk and by raw SQL: after a refresh the lines are right."""

    @settings(max_examples=40, deadline=None)
    @given(STEPS)
    def test_the_lines_follow(self, steps):
        with acting_for_all():
            client = people.make_client()
            systems = [people.make_system(client, environment=where) for where in ("staging", "production", "production", "staging")]
            for number, (what, place, value) in enumerate(steps):
                self.write(what, systems[place], value, number)
            assert told() == true()
            assert not TriageStale.objects.exists()

    def write(self, what, system, value, number):
        updates = PendingUpdate.objects.filter(system=system, gone_at=None)
        if what == "add":
            people.make_update(system, f"package-{number}", source=f"source-{value}")
        elif what == "gone":
            updates.filter(source=f"source-{value}").update(gone_at=people.now(), ended="removed")
        elif what == "priority":
            updates.update(priority=value)
        elif what == "decide" and updates.filter(source=f"source-{value}").exists():
            decide(keys=[UpdateKey(f"source-{value}", "1.1")], kind="apply", actor=people.TESTER, now=people.now())
        elif what == "due":
            with connection.cursor() as cursor:
                cursor.execute("UPDATE maintenance_pendingupdate SET due_at = due_at - %s * interval '1 day'", [value])
        elif what == "move" and not system.staging_for.exists():
            type(system).objects.filter(pk=system.pk).update(environment=("staging", "production")[value % 2])
        elif what == "delete":
            updates.filter(decision=None).delete()
        elif what == "refresh":
            triage_lines.refresh()


def test_writing_the_same_again_makes_nothing_stale(system):
    people.make_update(system)
    assert triage_lines.refresh()
    PendingUpdate.objects.update(priority=3, severity="")
    assert not triage_lines.refresh()


def test_a_client_refreshes_and_sees_its_own_lines_alone(system):
    other = people.make_system()
    for each in (system, other):
        people.make_update(each)
    with acting_for(system.client_id):
        triage_lines.refresh()
        assert set(TriageLine.objects.values_list("client_id", flat=True)) == {system.client_id}
    assert set(TriageStale.objects.values_list("client_id", flat=True)) == {other.client_id}


def test_a_deferral_that_ran_out_is_open_again_without_a_write(system, operator):
    people.make_update(system)
    until = people.now() + timedelta(days=2)
    key = UpdateKey("openssl", "1.1")
    decide(keys=[key], kind="defer", reason="the fair", defer_until=until, actor=people.actor(operator), now=people.now())
    triage_lines.refresh()
    staff = people.TESTER

    def shown(state, now):
        return [row["source"] for row in triage_keys(staff, TriageFilter(state=state), now=now)]

    for now, state in ((people.now(), "defer"), (until + timedelta(seconds=1), "open")):
        assert shown(state, now) == ["openssl"]
        assert shown({"defer": "open", "open": "defer"}[state], now) == []


def test_one_system_with_two_packages_of_a_source_counts_once(system):
    people.make_update(system, "libssl3", source="openssl")
    first = people.make_update(system, "openssl", is_security=None)
    decide(keys=[UpdateKey("openssl", "1.1")], kind="apply", actor=people.TESTER, now=people.now())
    PendingUpdate.objects.filter(pk=first.pk).update(decision=None)
    (row,) = rows()
    assert (row.staging, row.undecided, row.decisions) == (1, True, {"apply"})
    assert TriageLine.objects.count() == 2


def test_a_search_finds_rows_by_any_name_and_counts_what_a_decision_covers(sample_client):
    for name in ("web-1", "web-2"):
        people.make_update(people.make_system(sample_client, name=name), "libssl3", source="openssl")
    for term in ("LIBSSL", "openss", "web-2", "sample"):
        (row,) = rows(TriageFilter(search=term))
        assert row.staging == 2
    assert rows(TriageFilter(search="web-3")) == []


def test_a_refresh_that_is_overtaken_by_a_write_leaves_a_note(transactional_db):
    """While one refresher works, a writer commits: the next refresh has it. Two refreshers at once make no line twice."""
    system = people.make_system()
    people.make_update(system)
    go, done = threading.Event(), []

    def refresher():
        try:
            with acting_for_all():
                go.wait(10)
                triage_lines.refresh()
                done.append(1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=refresher) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.set()
    people.make_update(system, "vim")
    for thread in threads:
        thread.join()
    assert len(done) == 4
    assert told() == true()
    assert TriageLine.objects.count() == 2


@pytest.mark.parametrize(("locked", "lines"), [(True, 1), (False, 2)])
def test_one_refresher_at_a_time(transactional_db, locked, lines):
    """A write comes in the middle of one refresh and another begins. Without the lock (the control) the line is made twice."""
    update = people.make_update(people.make_system())
    triage_lines.refresh()
    PendingUpdate.objects.filter(pk=update.pk).update(priority=1)

    def refresh(owner):
        if locked:
            owner.execute("SELECT pg_advisory_xact_lock(%s, %s)", triage_lines._LOCK)
        owner.execute(triage_lines._REFRESH)

    def second():
        with owner_connection() as owner, owner.transaction():
            refresh(owner)

    with owner_connection() as first:
        with first.transaction():
            refresh(first)
            PendingUpdate.objects.filter(pk=update.pk).update(priority=2)
            thread = threading.Thread(target=second)
            thread.start()
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            wait_for("the second refresher to wait", lambda: first.execute(waiting).fetchone()[0] == 1)
        thread.join()
    assert TriageLine.objects.filter(priority=2).exists()
    assert TriageLine.objects.count() == lines


def test_decisions_of_one_press_are_one_line_each_state(sample_client, operator):
    people.make_update(people.make_system(sample_client))
    people.make_update(people.make_system(sample_client, environment="production"))
    decide(
        keys=[UpdateKey("openssl", "1.1")], kind="apply", environment="staging", actor=people.actor(operator), now=people.now()
    )  # fmt: skip
    (row,) = rows(TriageFilter())
    assert (row.staging, row.production) == (0, 1)
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("key", ["due", "priority", "severity", "security", "systems", "age", "package"])
@pytest.mark.parametrize("down", ["", "-"])
def test_every_column_sorts_both_ways(system, operator_page, key, down):
    people.make_update(system, "aaa")
    people.make_update(
        system, "zzz", due_at=people.now() - timedelta(days=3), pending_since=people.now() - timedelta(days=9), priority=1,
        severity="critical", exploited_since=people.now().date(), is_security=True,
    )  # fmt: skip
    people.make_update(people.make_system(system.client), "zzz")
    PendingUpdate.objects.filter(package="aaa").update(is_security=False)
    text = operator_page.get(f"/triage/?sort={down}{key}").content.decode()
    first = {"due": "zzz", "priority": "zzz", "severity": "zzz", "age": "zzz", "package": "aaa", "security": "aaa", "systems": "aaa"}[
        key
    ]
    ahead = text.index('value="aaa|1.1"') < text.index('value="zzz|1.1"')
    assert ahead == ((first == "aaa") != bool(down))
