"""Documents keep themselves: masked, versioned where something changed, the month's difference kept."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, ProgrammingError
from hypothesis import given
from hypothesis import strategies as st

from handover.models import MonthDifference, Papers, Prose, SystemDocument
from handover.parsers.document import UnreadableDocument, parse_document
from handover.services import diagrams, documents, papers, writing
from portal.ui.markdown import render
from portal.vault import services as vault
from tests import people
from tests.handover.conftest import answer, b64, document

PLANTED = "password = hunter2x\nmotto = plain Tr0ub\n"


@given(st.text())
def test_the_parser_fails_in_one_way_only(text):
    with contextlib.suppress(UnreadableDocument):
        parse_document(text)


def test_a_cut_answer_is_none():
    with pytest.raises(UnreadableDocument):
        parse_document(answer().removesuffix("end\n"))


@pytest.mark.django_db
class TestKept:
    def test_the_same_again_confirms_and_a_change_is_a_version(self, system):
        first = document(system)
        again = document(system, now=people.now() + timedelta(days=1))
        assert again.pk == first.pk
        assert again.confirmed_at > first.confirmed_at
        changed = document(system, "cron\t/etc/cron.d/x\t5 * * * * root true")
        assert changed.number == 2
        with pytest.raises(IntegrityError, match="stands"):
            SystemDocument.objects.filter(pk=first.pk).update(facts={})

    def test_secrets_in_it_are_masked(self, system, sample_client):
        vault.store(
            client_id=sample_client.pk, kind="password", label="x", secret=b"plain Tr0ub", actor=people.TESTER, now=people.now()
        )
        row = document(
            system,
            f"file\t/etc/app.conf\tof nobody's package\t{b64(PLANTED)}\t",
            "cron\t/etc/cron.d/b\t1 * * * * root PGPASSWORD=cr0nsecret pg_dump x",
            "sudo\t/etc/sudoers\tplain Tr0ub",
        )
        text = writing.document_markdown(system, row)
        for secret in ("hunter2x", "plain Tr0ub", "cr0nsecret"):
            assert secret not in text
            assert secret not in str(row.facts)
        assert row.masked >= 4

    def test_what_was_not_read_is_not_known_and_not_gone(self, system):
        before = document(system)
        after = document(system, unread=("services",))
        assert "services" in after.facts["unread"]
        assert "This could not be read" in writing.document_markdown(system, after)
        gone = after.facts | {"rows": after.facts["rows"] | {"services": []}}
        assert not [one for one in documents.difference(before.facts, gone) if one["area"] == "services"]

    def test_the_months_difference_is_kept_once(self, system):
        document(system, now=datetime(2026, 9, 20, 12, tzinfo=UTC))
        document(system, f"file\t/etc/x\ty\t{b64('a')}\t", now=datetime(2026, 10, 5, 12, tzinfo=UTC))
        document(system, f"file\t/etc/x\ty\t{b64('b')}\t", now=datetime(2026, 11, 2, 12, tzinfo=UTC))
        at = datetime(2026, 11, 3, 9, tzinfo=UTC)
        assert documents.keep_months(now=at) == 1
        assert documents.keep_months(now=at) == 0
        row = MonthDifference.objects.get()
        assert (row.month.month, [one["path"] for one in row.changes if "path" in one]) == (10, ["/etc/x"])
        assert "+a" in writing.difference_markdown(row.changes)
        with pytest.raises(ProgrammingError, match="permission denied"):
            MonthDifference.objects.filter(pk=row.pk).update(changes=[])

    def test_prose_has_versions(self, system, sample_client):
        for words in ("one", "two"):
            documents.write_prose(client=sample_client, system=system, body=words, actor=people.TESTER, now=people.now())
        documents.write_prose(client=sample_client, system=None, body="of all", actor=people.TESTER, now=people.now())
        assert documents.prose_of(sample_client.pk, system.pk) == "two"
        assert documents.prose_of(sample_client.pk, None) == "of all"
        assert Prose.objects.count() == 3

    def test_what_a_host_says_is_text_on_the_page(self, system, operator_page):
        row = document(system, "cron\t/etc/cron.d/x\t* * * * * root echo '<script>alert(1)</script>' | `x` [a](javascript:b)")
        html = str(render(writing.document_markdown(system, row)))
        assert "<script>" not in html
        assert "javascript:" not in html or "href" not in html
        assert operator_page.get(f"/systems/{system.pk}/document/").status_code == 200

    def test_a_picture_tells_its_relations_in_words(self, sample_client):
        twin = people.make_system(sample_client, environment="staging", name="twin")
        people.make_system(sample_client, environment="production", name="<b>web", staging_twin=twin)
        picture = diagrams.overview(sample_client)
        assert "twin to &lt;b&gt;web: updates are tested first" in picture
        assert "<b>" not in picture


@pytest.mark.django_db(transaction=True)
class TestCollecting:
    def test_run_twice_it_is_done_once_and_one_that_died_is_followed(self, system):
        """The host can't be reached here: what comes of that is told, and tried again within the hour."""
        now = people.now()
        papers.ask(system=system, tour=False, actor=people.TESTER, now=now)
        Papers.objects.update(claimed_until=now + papers.HELD, tour_due_at=now + timedelta(days=9))
        papers.collect(system_id=system.pk, now=now)
        assert Papers.objects.get().tried_at is None, "another worker has it"
        papers.collect(system_id=system.pk, now=now + papers.HELD + timedelta(seconds=1))
        row = Papers.objects.get()
        assert row.document_problem
        assert row.document_due_at > now
        assert not papers.due(now=now + timedelta(minutes=25))
        assert not SystemDocument.objects.exists()


@pytest.mark.django_db
def test_a_picture_shows_who_talks_to_whom(sample_client):
    web = people.make_system(sample_client, environment="production", name="web", address="10.0.0.1")
    people.make_system(sample_client, environment="production", name="db", address="10.0.0.2")
    seen = parse_document(answer("peer\t10.0.0.2\t5432", "peer\t192.0.2.9\t443"))
    facts, masked = documents.facts_of(seen, known=[], neighbours=["10.0.0.2"])
    documents.keep(system=web, facts=facts, masked=masked, actor=people.TESTER, now=people.now())
    assert "web to db: talks to port 5432" in diagrams.overview(sample_client)
    assert diagrams.around(web) == diagrams.around(web, relations=diagrams.relations_of(list(sample_client.system_set.all())))
