"""Upgrade documents and what the database and the services refuse of them."""

import hashlib
import subprocess
from datetime import timedelta

import pytest
from django.db import Error, connection, transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from maintenance.errors import CanNotChange, NothingToApply, NotVerified
from maintenance.models import Rollout, RolloutApproval, StagingAlternative, UpdateRun, UpgradeDocument
from maintenance.parsers.upgrades import parse_document
from maintenance.parsers.values import UnexpectedOutput
from maintenance.services import rollouts, runs, upgrades
from maintenance.services.verdict import judge
from portal.errors import NotAllowed, PortalError
from portal.ssh import programs
from tests import people

NEEDING = people.UPGRADE.replace("title", "needs restore-test 30 days\ntitle", 1)


def test_a_document_is_read_whole():
    document = parse_document(people.UPGRADE)
    assert (document.upgrade, document.title, document.restore_test_days, document.replaces) == (
        "lab-web", "The lab's page, the next one", None, (),
    )  # fmt: skip
    check, step = document.steps
    assert (check.name, check.check, check.run, check.timeout_s) == ("is-there", True, "test -f /etc/debian_version", 600)
    assert (step.name, step.about, step.timeout_s, step.expect, step.run, step.undo) == (
        "new-page", "A new page.", 60, "^done$", "echo done", "true",
    )  # fmt: skip
    assert document.for_good == []
    assert document.longest_s == 660


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("upgrade lab-web\n", ""), "upgrade …"),
        (("title The lab's page, the next one\n", ""), "title …"),
        (("step new-page", "step new page"), "line 8.*small letters"),
        (("step new-page", "step is-there"), "two steps of one name"),
        (("  timeout 60", "  timeout 1h"), "line 10.*timeout"),
        (("  timeout 60", "  timeout 0"), "line 10"),
        (("  timeout 60", "  timout 60"), "line 10"),
        (("  expect ^done$", "  expect ^(done$"), "line 11"),
        (("    echo done", "   echo done"), "line 13"),
        (("    echo done\n", ""), "new-page runs nothing"),
        (("    echo done", "    echo\tdone"), "tab"),
        (("    echo done", "    echo done "), "space at its end"),
        (("  undo", "  run"), "run twice"),
        (("step new-page", "check new-page"), "nothing to undo"),
        (("check is-there", "needs coffee\ncheck is-there"), "line 4.*needs coffee"),
        (("step new-page", "replaces x.service\nstep new-page"), "line 8.*expected a step"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(change, words):
    text = people.UPGRADE.replace(*change, 1)
    assert text != people.UPGRADE
    with pytest.raises(UnexpectedOutput, match=words):
        parse_document(text)


def test_a_check_after_a_step_is_refused():
    with pytest.raises(UnexpectedOutput, match="checks come before"):
        parse_document(people.UPGRADE + "\ncheck later\n  run\n    true\n")


def split_by_the_host(text: str, folder) -> list[dict[str, str]]:
    """What the host's own rules make of a document."""
    source = programs.source(programs.HELPER)
    function = source[source.index("split_document() {") : source.index("# Runs one file of a step")]
    (folder / "given").write_text(text)
    subprocess.run(["sh", "-c", f'DIR="$1"\n{function}\nsplit_document', "sh", str(folder)], check=True)
    steps: dict[str, dict[str, str]] = {}
    for path in sorted((folder / "steps").iterdir()):
        steps.setdefault(path.stem, {})[path.suffix[1:]] = path.read_text().strip("\n")
    return [{"timeout": "600", **steps[number]} for number in sorted(steps)]


def as_the_portal_reads(text: str) -> list[dict[str, str]]:
    rows = []
    for step in parse_document(text).steps:
        row = {"kind": "check" if step.check else "step", "name": step.name, "run": step.run}
        row |= {"undo": step.undo} if step.undo else {}
        row |= {"expect": step.expect} if step.expect else {}
        row |= {"timeout": str(step.timeout_s)}
        rows.append(row)
    return rows


LINES = ["    echo a", "      deeper", "    # step not-one", "", "    step x", "    run", "    undo", "    timeout 5"]


@given(st.lists(st.sampled_from(LINES), max_size=8), st.lists(st.sampled_from(LINES), max_size=5))
def test_host_and_portal_read_a_document_alike(tmp_path_factory, first, second):
    text = "\n".join(
        ["upgrade x", "title x", "check one", "  run", "    true", *first, "# a remark", "step two", "  expect ^a$", "  run", "    echo a", *second,
         "  about two", "  undo", "    true", *second, "step three", "  timeout 7", "  run", "    b", ""]
    )  # fmt: skip
    assert split_by_the_host(text, tmp_path_factory.mktemp("host")) == as_the_portal_reads(text)


@pytest.mark.parametrize("name", sorted(upgrades.shipped()))
def test_the_plans_that_come_with_the_portal_read_well(name, tmp_path):
    """Form and shell; what they do to Nextcloud, Docker, PostgreSQL or a release no host of the lab can show."""
    text = upgrades.shipped()[name]
    document = parse_document(text)
    assert document.restore_test_days
    assert split_by_the_host(text, tmp_path) == as_the_portal_reads(text)
    assert any(step.check for step in document.steps)
    # what can't be taken back is known of each
    assert [step.name for step in document.for_good] == (["minimal-upgrade", "full-upgrade"] if name == "debian" else [])
    for step in document.steps:
        for script in filter(None, (step.run, step.undo)):
            # they run under `sh -eu`; mkdir -p makes one level only
            found = subprocess.run(
                ["shellcheck", "-s", "sh", "-e", "SC2174", "-"],
                input=f"set -eu\n{script}\n",
                text=True,
                capture_output=True,
                check=False,
            )
            assert found.returncode == 0, f"{step.name}: {found.stdout}"


def test_only_what_a_document_replaces_may_be_gone():
    unit = {"active": "active", "sub": "running", "enabled": "enabled", "result": "success", "restarts": 0}
    before = {"units": {"old.service": unit, "other.service": unit}, "gaps": []}
    values = {"exit_status": 0, "audit": "", "wanted": {}, "kind": "upgrade", "before": before}
    after = {"units": {"other.service": unit}, "gaps": []}
    assert judge(**values, after=after).verdict == "regressed"
    assert judge(**values, after=after, replaced=frozenset({"old.service"})).verdict == "verified"
    failed = {"units": {"other.service": unit, "old.service": {**unit, "active": "failed", "sub": "failed"}}, "gaps": []}
    assert judge(**values, after=failed, replaced=frozenset({"old.service"})).verdict == "regressed"
    assert judge(**{**values, "exit_status": 78}, after=before).verdict == "failed"


@pytest.fixture
def pair(sample_client):
    twin = people.make_system(sample_client, name="staging", roles=["web"])
    system = people.make_system(sample_client, name="production", environment="production", staging_twin=twin, roles=["web"])
    return twin, system


def verify_on(system, document) -> UpdateRun:
    run = UpdateRun.objects.create(
        client=system.client, system=system, kind="upgrade", document=document, created_at=people.now(), actor_label="x"
    )
    UpdateRun.objects.filter(pk=run.pk).update(
        state="finished", verdict="verified", finished_at=people.now(), exit_status=0, ended_on_host_at=people.now()
    )
    run.refresh_from_db()
    return run


def start(document, *systems, **options) -> Rollout:
    return upgrades.start(
        client=systems[0].client, document=document, systems=systems, actor=people.actor(people.make_operator()), now=people.now(),
        **options,
    )  # fmt: skip


def approved(document, system) -> Rollout:
    """A rollout of this document that stands before production, approved; nothing carries it on."""
    rollout = people.make_rollout(system, document=document)
    for state in ("soaking", "planning"):
        Rollout.objects.filter(pk=rollout.pk).update(state=state)
    Rollout.objects.filter(pk=rollout.pk).update(state="approval", plan_hash="a" * 64, planned_at=people.now())
    RolloutApproval.objects.create(
        client=system.client, rollout=rollout, plan_hash="a" * 64, asked_by=rollout.asked_by, approved_by=people.make_staff("lead"),
        approved_at=people.now(), actor_label="x",
    )  # fmt: skip
    for state in ("scheduled", "production"):
        Rollout.objects.filter(pk=rollout.pk).update(state=state)
    return rollout


def refused(constraint, act):
    with pytest.raises(Error) as caught, transaction.atomic():
        act()
    assert caught.value.__cause__.diag.constraint_name == constraint


@pytest.mark.django_db
class TestDocuments:
    def test_versions_count_on_and_stand(self):
        first = people.make_document()
        assert first.sha256 == hashlib.sha256(people.UPGRADE.encode()).hexdigest()
        second = upgrades.add_document(
            plan=first.plan, text=people.UPGRADE.replace("echo done", "echo  done").replace("\n", "  \r\n"), actor=people.TESTER,
            now=people.now(),
        )  # fmt: skip
        assert (second.number, second.text) == (2, people.UPGRADE.replace("echo done", "echo  done"))
        with pytest.raises(PortalError, match="Nothing was changed"):
            upgrades.add_document(plan=first.plan, text=second.text, actor=people.TESTER, now=people.now())
        for act in (lambda rows: rows.update(text="other"), lambda rows: rows.delete()):
            with pytest.raises(Error, match="permission denied"), transaction.atomic():
                act(UpgradeDocument.objects.filter(pk=first.pk))

    def test_a_broken_one_is_refused_with_its_line_and_loses_nothing(self, operator_page):
        answer = operator_page.post(reverse("maintenance:upgrade-plan-new"), {"name": "mine", "text": "upgrade x\nsteb y\n"})
        assert answer.status_code == 422
        assert "line 2" in answer.text
        assert "steb y" in answer.text
        answer = operator_page.post(reverse("maintenance:upgrade-plan-new"), {"name": "mine", "text": people.UPGRADE})
        assert answer.status_code == 303
        answer = operator_page.post(reverse("maintenance:upgrade-plan-new"), {"name": "mine", "text": people.UPGRADE})
        assert "already" in answer.text

    def test_the_pages_show_hash_steps_and_what_can_not_be_taken_back(self, operator_page):
        document = people.make_document(upgrades.shipped()["debian"], "Debian")
        upgrades.add_document(
            plan=document.plan, text=document.text + "# more\n", note="a remark", actor=people.TESTER, now=people.now()
        )
        page = operator_page.get(reverse("maintenance:upgrade", args=[document.plan_id])).text
        assert "No way back" in page
        assert "+# more" in page
        assert "a remark" in page
        old = operator_page.get(reverse("maintenance:upgrade", args=[document.plan_id]), {"version": "1"}).text
        assert document.sha256 in old
        listed = operator_page.get(reverse("maintenance:upgrades")).text
        assert "not yet" in listed
        edit = operator_page.get(reverse("maintenance:upgrade-edit", args=[document.plan_id])).text
        assert "# more" in edit
        assert "pg_upgradecluster" in operator_page.get(reverse("maintenance:upgrade-plan-new"), {"from": "postgresql"}).text


@pytest.mark.django_db
class TestGoing:
    def test_the_twin_comes_along_unless_it_showed_this_very_text(self, pair):
        twin, system = pair
        document = people.make_document()
        rollout = start(document, system)
        assert list(rollout.targets.order_by("wave").values_list("system_id", "wave")) == [(twin.pk, 0), (system.pk, 1)]
        rollouts.cancel(rollout=rollout, reason="again", actor=people.TESTER, now=people.now())
        verify_on(twin, document)
        rollout = start(document, system)
        assert list(rollout.targets.values_list("system_id", flat=True)) == [system.pk]
        rollouts.cancel(rollout=rollout, reason="again", actor=people.TESTER, now=people.now())
        changed = upgrades.add_document(plan=document.plan, text=document.text + "# more\n", actor=people.TESTER, now=people.now())
        assert start(changed, system).targets.count() == 2

    def test_without_a_twin_or_what_stands_in_for_it_nothing_goes(self, sample_client):
        alone = people.make_system(sample_client, name="alone", environment="production")
        document = people.make_document()
        with pytest.raises(NotVerified, match="untested"):
            start(document, alone)
        StagingAlternative.objects.create(
            client=sample_client, system=alone, kind="exception", reason="x", created_at=people.now(), actor_label="x",
            expires_at=people.now() + timedelta(days=1),
        )  # fmt: skip
        assert start(document, alone).targets.count() == 1

    def test_what_it_needs_is_asked_for_and_may_be_waived_with_a_reason_only(self, pair, operator_page):
        _, system = pair
        document = people.make_document(NEEDING)
        with pytest.raises(PortalError, match="No restore test of production is on record"):
            start(document, system)
        address = reverse("maintenance:upgrade-new", args=[system.client_id, document.pk])
        assert "No restore test" in operator_page.get(address).text
        values = {"systems": [system.pk], "share_percent": 25, "restart": "on"}
        assert operator_page.post(address, values).status_code == 422
        assert operator_page.post(address, {**values, "waived": "it holds no data"}).status_code == 303
        rollout = Rollout.objects.get()
        assert rollout.waived == "it holds no data"
        assert "it holds no data" in operator_page.get(reverse("maintenance:rollout", args=[rollout.pk])).text

    def test_read_only_systems_and_nobody_are_refused(self, pair):
        twin, system = pair
        document = people.make_document()
        with pytest.raises(NothingToApply):
            upgrades.start(
                client=system.client, document=document, systems=[], actor=people.actor(people.make_operator()), now=people.now()
            )
        with pytest.raises(NotAllowed):
            upgrades.start(client=system.client, document=document, systems=[system], actor=people.TESTER, now=people.now())
        type(system).objects.filter(pk=twin.pk).update(access="read_only")
        with pytest.raises(CanNotChange):
            start(document, system)


@pytest.mark.django_db
class TestTheDatabase:
    def run_on(self, system, document, rollout=None, **values):
        target = rollout.targets.get(system=system) if rollout else None
        return UpdateRun.objects.create(
            client=system.client, system=system, document=document, target=target, created_at=people.now(), actor_label="x",
            **{"kind": "upgrade", **values},
        )  # fmt: skip

    def test_production_runs_the_text_that_staging_verified(self, pair):
        twin, system = pair
        document = people.make_document()
        rollout = approved(document, system)
        refused("production_needs_an_approved_rollout", lambda: self.run_on(system, document))
        refused("production_needs_staging", lambda: self.run_on(system, document, rollout))
        verify_on(twin, document)
        assert self.run_on(system, document, rollout).pk

    def test_one_letter_makes_the_proof_void(self, pair):
        twin, system = pair
        document = people.make_document()
        verify_on(twin, document)
        other = upgrades.add_document(plan=document.plan, text=document.text + "# x\n", actor=people.TESTER, now=people.now())
        rollout = approved(other, system)
        refused("production_needs_staging", lambda: self.run_on(system, other, rollout))
        # nor does another document slip in under the approval of this one
        refused("production_needs_an_approved_rollout", lambda: self.run_on(system, document, rollout))
        refused("a_plan_stands", lambda: Rollout.objects.filter(pk=rollout.pk).update(document=document))

    def test_by_raw_sql_too(self, pair):
        _, system = pair
        document = people.make_document()
        rollout = approved(document, system)

        def insert():
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO maintenance_updaterun (client_id, system_id, kind, document_id, target_id, uuid, state, verdict, findings,"
                    " actor_label, created_at, trouble, host_state, audit) VALUES (%s, %s, 'upgrade', %s, %s, gen_random_uuid(), 'queued',"
                    " '', '[]', 'x', now(), '', '', '')",
                    [system.client_id, system.pk, document.pk, rollout.targets.get().pk],
                )

        refused("production_needs_staging", insert)

    def test_an_undo_is_of_an_upgrade_of_this_system_by_its_document(self, pair):
        twin, system = pair
        document = people.make_document()
        run = verify_on(twin, document)
        refused("an_undo_takes_back_its_upgrade", lambda: self.run_on(system, document, kind="upgrade-undo", undoes=run))
        refused("an_upgrade_has_its_document", lambda: self.run_on(twin, None))
        refused("an_upgrade_has_its_document", lambda: self.run_on(twin, document, kind="restart"))
        assert runs.start_undo(run=run, actor=people.TESTER, now=people.now()).document == document
        with pytest.raises(PortalError, match="already"):
            runs.start_undo(run=run, actor=people.TESTER, now=people.now())
