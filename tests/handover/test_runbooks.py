"""Runbooks: read strictly, the same steps everywhere, scripts that need nothing else; filled with a system's own values."""

import contextlib
import hashlib
import subprocess

import pytest
from django.db import IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from handover.models import Rehearsal, Runbook
from handover.parsers.runbooks import UnreadableRunbook, document_of, parse_runbook, script_of, sha256_of
from handover.services import runbooks
from portal.errors import PortalError
from tests import people
from tests.handover.conftest import document

BOOK = """# Touch a file
Who: operator
Parameter place: where | /tmp

Why.

## Look
```sh check
test -d "$place"
```

## Touch
```sh run timeout=10 expect=^there$
touch "$place/touched"
echo there
```
```sh undo
rm "$place/touched"
```
"""


def shell(tmp_path, book, *words, **env):
    path = tmp_path / "book.sh"
    path.write_text(script_of(book, env.pop("values", {})))
    return subprocess.run(["sh", str(path), *words], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", **env})


def test_every_shipped_runbook_is_read_and_its_script_is_whole(tmp_path):
    shipped = runbooks.shipped()
    assert len(shipped) == 12
    assert set(shipped) == set(runbooks._FILLED)
    for text in shipped.values():
        book = parse_runbook(text)
        assert shell(tmp_path, book).returncode == 0, book.title
        assert subprocess.run(["sh", "-n", str(tmp_path / "book.sh")], check=False).returncode == 0
        assert subprocess.run(["shellcheck", "-s", "sh", "-S", "warning", str(tmp_path / "book.sh")], check=False).returncode == 0


def test_a_script_shows_runs_and_takes_back(tmp_path):
    book = parse_runbook(BOOK)
    place = tmp_path / "a place"
    place.mkdir()
    assert "1. Look" in shell(tmp_path, book).stdout
    assert not list(place.iterdir())
    done = shell(tmp_path, book, "run", place=str(place))
    assert done.returncode == 0, done.stderr
    assert (place / "touched").exists()
    assert shell(tmp_path, book, "undo", place=str(place)).returncode == 0
    assert not list(place.iterdir())


def test_a_script_stops_where_a_step_does_not_hold(tmp_path):
    book = parse_runbook(BOOK)
    done = shell(tmp_path, book, "run", place=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "Step 1 failed" in done.stderr
    other = parse_runbook(BOOK.replace("echo there", "echo elsewhere"))
    assert "did not show what was expected" in shell(tmp_path, other, "run", place=str(tmp_path)).stderr


def test_the_steps_are_the_same_whatever_the_values_are():
    book = parse_runbook(BOOK)
    assert sha256_of(book) == hashlib.sha256(document_of(book).encode()).hexdigest()
    assert "/tmp" not in document_of(book)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("# Touch a file\n", ""), "title"),
        (("Who: operator", "Who: everybody"), "Who"),
        (("```sh check", "```bash"), "```sh check"),
        (("timeout=10", "timeout=0"), "timeout"),
        (('```sh undo\nrm "$place/touched"\n```\n', "```sh undo\nrm x"), "not closed"),
        (("touch", "töuch"), "ASCII"),
        (("Parameter place: where | /tmp", "Parameter Place: where"), "Parameter name"),
        (("## Look\n", ""), "heading"),
    ],
)
def test_what_is_wrong_is_named(change, words):
    with pytest.raises(UnreadableRunbook, match=words):
        parse_runbook(BOOK.replace(*change))


@given(st.text())
def test_the_parser_fails_in_one_way_only(text):
    with contextlib.suppress(UnreadableRunbook):
        parse_runbook(text)


def test_a_step_can_not_begin_another_in_the_hosts_document():
    book = parse_runbook(BOOK.replace("echo there", "echo there\nstep evil\n  run\n    rm -rf /"))
    lines = [line for line in document_of(book).split("\n") if line.startswith(("step", "check", "upgrade"))]
    assert lines == ["upgrade runbook", "check 01", "step 02"]


@pytest.mark.django_db
class TestOnSystems:
    def test_a_system_gets_what_fits_it_with_its_own_values(self, system):
        document(system, "source\t/etc/apt/sources.list\tdeb http://x bookworm main")
        people.make_backup(system, tool="restic", repository="/srv/backup/web", sources=["/srv/www"])
        assert runbooks.fill(system=system, actor=people.TESTER, now=people.now()) > 5
        rows = {row.slug: row for row in Runbook.objects.filter(system=system)}
        assert rows["restart-a-service"].values == {"service": "nginx.service"}
        assert rows["restore-a-file"].values["repository"] == "/srv/backup/web"
        assert "renew-a-certificate" not in rows
        assert runbooks.fill(system=system, actor=people.TESTER, now=people.now()) == 0

    def test_what_somebody_changed_stays_theirs(self, system):
        document(system)
        runbooks.fill(system=system, actor=people.TESTER, now=people.now())
        runbooks.write(
            system=system, slug="restart-a-service", text=BOOK, values={"place": "/srv"}, actor=people.TESTER, now=people.now()
        )
        runbooks.fill(system=system, actor=people.TESTER, now=people.now())
        assert Runbook.objects.get(system=system, slug="restart-a-service").title == "Touch a file"

    def test_a_value_that_a_shell_would_read_is_refused(self, system):
        for value in ("$(reboot)", "a;b", "`x`", "a'b", 'a"b', "a\nb", "a}b"):
            with pytest.raises(PortalError, match="place"):
                runbooks.write(system=system, slug="x", text=BOOK, values={"place": value}, actor=people.TESTER, now=people.now())
        assert not Runbook.objects.exists()

    def test_production_is_no_place_to_rehearse(self, sample_client):
        production = people.make_system(sample_client, environment="production")
        row = runbooks.write(system=production, slug="x", text=BOOK, values={}, actor=people.TESTER, now=people.now())
        with pytest.raises(PortalError, match="no staging"):
            runbooks.rehearse(runbook=row, actor=people.TESTER, now=people.now())
        with pytest.raises(IntegrityError, match="rehearsed on staging"):
            Rehearsal.objects.create(
                client=sample_client, runbook=row, system=production, sha256="x", actor_label="x", created_at=people.now()
            )

    def test_a_rehearsal_counts_for_every_system_with_these_steps(self, sample_client):
        twin = people.make_system(sample_client, environment="staging")
        production = people.make_system(sample_client, environment="production", staging_twin=twin)
        row = runbooks.write(system=production, slug="x", text=BOOK, values={}, actor=people.TESTER, now=people.now())
        test = runbooks.rehearse(runbook=row, actor=people.TESTER, now=people.now())
        assert test.system == twin
        with pytest.raises(PortalError, match="under way"):
            runbooks.rehearse(runbook=row, actor=people.TESTER, now=people.now())
        Rehearsal.objects.filter(pk=test.pk).update(state="finished", outcome="works", exit_status=0, finished_at=people.now())
        found = runbooks.last_rehearsals(Runbook.objects.filter(pk=row.pk)).get()
        assert found.rehearsed == "works"
        with pytest.raises(IntegrityError, match="stands"):
            Rehearsal.objects.filter(pk=test.pk).update(outcome="fails")

    def test_a_staging_systems_set_up_script_lists_what_may_be_rehearsed(self, sample_client):
        from clients.services import onboarding

        twin = people.make_system(sample_client, environment="staging")
        production = people.make_system(sample_client, environment="production", staging_twin=twin)
        row = runbooks.write(system=production, slug="touch", text=BOOK, values={}, actor=people.TESTER, now=people.now())
        twin.refresh_from_db()
        assert f"{row.sha256} touch" in onboarding.setup_script(twin)
        assert row.sha256 not in onboarding.setup_script(production)

    def test_a_rehearsal_works_only_with_exit_status_0(self, sample_client):
        twin = people.make_system(sample_client, environment="staging")
        row = runbooks.write(system=twin, slug="x", text=BOOK, values={}, actor=people.TESTER, now=people.now())
        test = runbooks.rehearse(runbook=row, actor=people.TESTER, now=people.now())
        with pytest.raises(IntegrityError, match="what_works_ended_with_0"):
            Rehearsal.objects.filter(pk=test.pk).update(state="finished", outcome="works", exit_status=78, finished_at=people.now())
