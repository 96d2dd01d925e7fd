"""Backup jobs and restore tests as rows: what services refuse, what the database refuses, what a page may call green."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from backups import queries
from backups.errors import RestoreUnderWay
from backups.models import BackupJob, Restore, RestoreTest
from backups.services import jobs, restore_tests, schedule
from clients.choices import Access
from clients.errors import ClientBusy
from clients.models import Client
from clients.services import ending
from maintenance.services import upgrades
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError, constraint_name
from portal.vault.services import open_for_use
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(system):
    return people.make_backup(system)


def refused(change) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        change()
    return constraint_name(caught.value)


def test_a_job_keeps_its_key_in_the_vault_and_nowhere_else(job):
    assert open_for_use(job.credential) == b"the key of a repository"
    assert "the key of a repository" not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sources": ["data"]}, "not an absolute path"),
        ({"sources": ["/srv/../etc"]}, "not an absolute path"),
        ({"sources": []}, "at least one source"),
        ({"key": " "}, "repository's key"),
        ({"tool": "magic"}, "Choose the tool"),
        ({"repository": "/srv/x\nsource=/"}, "line breaks"),
        ({"excludes": ["a\nb"]}, "line breaks"),
        ({"scratch": "tmp"}, "not an absolute path"),
    ],
)
def test_what_a_job_can_not_be(system, values, words):
    with pytest.raises(PortalError, match=words):
        people.make_backup(system, **values)
    assert not BackupJob.objects.exists()


def test_a_name_is_taken_once_and_a_read_only_system_and_a_member_are_refused(job):
    with pytest.raises(PortalError, match="of this name already"):
        people.make_backup(job.system)
    with pytest.raises(PortalError, match="read-only"):
        people.make_backup(people.make_system(job.client, name="reader", access=Access.READ_ONLY))
    member = people.actor(people.make_member(job.client))
    with pytest.raises(NotAllowed):
        restore_tests.request(job=job, actor=member, now=people.now())


def test_one_test_of_a_system_and_of_a_repository_at_a_time(job):
    other = people.make_backup(job.system, "other", repository="/srv/other")
    elsewhere = people.make_backup(people.make_system(job.client, name="second"))
    restore_tests.request(job=job, actor=people.TESTER, now=people.now())
    for busy in (job, other, elsewhere):
        with pytest.raises(RestoreUnderWay):
            restore_tests.request(job=busy, actor=people.TESTER, now=people.now())


def test_each_test_reads_the_next_part_of_the_data(job):
    parts = []
    for _ in range(4):
        test = restore_tests.request(job=job, actor=people.TESTER, now=people.now())
        parts += test.specification["1.read_part"]
        RestoreTest.objects.filter(pk=test.pk).update(
            state="finished", verdict="inconclusive", cause="host", finished_at=people.now(), seal="x"
        )
    assert parts == ["1/3", "2/3", "3/3", "1/3"]


def test_only_a_pass_proves_and_the_database_says_so(job, sample_client):
    failed = people.make_restore_test(job, "fail")
    passed = people.make_restore_test(people.make_backup(job.system, "other", repository="/srv/other"), "pass")
    for test in (failed, passed):
        assert refused(lambda test=test: BackupJob.objects.filter(pk=job.pk).update(proof=test.pk)) == "only_a_pass_proves"
    assert refused(lambda: BackupJob.objects.filter(pk=passed.job_id).update(proof=None)) == "only_a_pass_proves"


def test_a_pass_needs_its_evidence(job):
    test = people.make_restore_test(job)
    rows = RestoreTest.objects.filter(pk=test.pk)
    done = {
        "state": "finished", "verdict": "pass", "finished_at": people.now(), "seal": "x", "exit_status": 0, "snapshot_id": "a",
        "snapshot_at": people.now(), "restored_files": 1, "restored_bytes": 1, "recovery_s": 1,
    }  # fmt: skip
    for name, value in (("exit_status", 1), ("exit_status", None), ("restored_files", 0), ("restored_files", None), ("snapshot_id", ""),
                        ("snapshot_at", None), ("recovery_s", None)):  # fmt: skip
        assert refused(lambda name=name, value=value: rows.update(**{**done, name: value})) == "a_pass_needs_its_evidence"
    assert refused(lambda: rows.update(**{**done, "seal": ""})) == "restore_test_finished_iff_verdict"
    assert refused(lambda: rows.update(**{**done, "verdict": "fail"})) == "what_did_not_pass_has_a_cause"
    rows.update(**done)


def test_what_a_test_showed_is_never_changed_or_removed(job):
    test = people.make_restore_test(job, "fail")
    assert refused(lambda: RestoreTest.objects.filter(pk=test.pk).update(findings=[])) == "a_finished_test_stands"
    assert refused(lambda: RestoreTest.objects.filter(pk=test.pk).delete()) == "a_finished_test_stands"
    going = people.make_restore_test(job)
    assert refused(lambda: RestoreTest.objects.filter(pk=going.pk).update(specification={"x": 1})) == "a_test_keeps_its_purpose"


def test_a_test_is_born_of_its_job(job):
    fixed = {"client": job.client, "job": job, "created_at": people.now(), "actor_label": "x"}
    other = people.make_system(job.client, name="other")
    assert refused(
        lambda: RestoreTest.objects.create(**fixed, system=other, repository=job.repository)
    ) == "a_test_is_of_its_job"  # fmt: skip
    assert refused(lambda: RestoreTest.objects.create(**fixed, system=job.system, repository="/else")) == "a_test_is_of_its_job"
    Client.objects.filter(pk=job.client_id).update(ended_at=people.now())
    with pytest.raises(PortalError, match="retainer ended"):
        restore_tests.request(job=job, actor=people.TESTER, now=people.now())


def test_a_retainer_does_not_end_in_the_middle_of_a_test(job):
    people.make_restore_test(job)
    lead = people.actor(people.make_staff("lead"))
    with pytest.raises(ClientBusy, match="restore test is under way"):
        ending.end_client(client=job.client, reason="moved", actor=lead, now=people.now())


def line(job):
    job.refresh_from_db()
    return queries.job_line(job, now=people.now())


def test_green_is_only_what_is_proven_now(job):
    assert (line(job).level, "Never proven" in line(job).words) == ("unknown", True)
    people.make_restore_test(job, "pass")
    assert (line(job).level, "Not looked at yet" in line(job).words) == ("unknown", True)
    people.make_reading(job)
    assert line(job).level == "ok"
    people.make_restore_test(job, "inconclusive", cause="host")
    assert line(job).level == "warn"
    people.make_restore_test(job, "fail")
    assert line(job).level == "bad"
    people.make_restore_test(job)  # one under way does not hide what the last one said
    assert line(job).level == "bad"
    RestoreTest.objects.filter(job=job, state="queued").update(
        state="finished", verdict="inconclusive", cause="host", finished_at=people.now(), seal="x"
    )
    people.make_restore_test(job, "notes")
    assert line(job).level == "warn"
    later = people.now() + timedelta(days=31)
    assert queries.job_line(job, now=later).words == "The last proof ran out."


def test_a_list_shows_the_worst_first_and_counts_what_is_proven(job):
    good = people.make_backup(job.system, "good", repository="/srv/good")
    people.make_restore_test(good, "pass")
    people.make_reading(good)
    bad = people.make_backup(job.system, "bad", repository="/srv/bad")
    people.make_restore_test(bad, "fail")
    lines = queries.job_lines(people.TESTER, now=people.now())
    assert [one.job.name for one in lines] == ["bad", "data", "good"]
    share = queries.proof_share(lines, now=people.now())
    assert (share.proven, share.count, share.proven_b, share.total_b, share.unsized, share.percent) == (1, 3, 300, 300, 2, None)
    people.make_reading(bad, size_b=900)
    people.make_reading(job, size_b=0)
    lines = queries.job_lines(people.TESTER, now=people.now())
    assert queries.proof_share(lines, now=people.now()).percent == 25


def test_a_test_of_an_old_snapshot_proves_nothing_of_the_newest(job):
    old = people.make_restore_test(job, "pass", purpose="old")
    assert job.proof is None
    assert refused(lambda: BackupJob.objects.filter(pk=job.pk).update(proof=old.pk)) == "only_a_pass_proves"
    open_one = people.make_restore_test(job)
    assert refused(lambda: RestoreTest.objects.filter(pk=open_one.pk).update(purpose="old")) == "a_test_keeps_its_purpose"


def test_a_proof_is_renewed_by_a_drill_each_quarter_and_until_one_passed(job):
    """Each proof holds for 30 days; the database of a job without a key has nothing to drill."""
    now = people.now()

    def due(days: float):
        return schedule.purpose_due(job, now=now + timedelta(days=days))

    assert due(0) == "test", "first it is proven at all"
    people.make_restore_test(job, "pass", created_at=now)
    assert (due(1), due(29.6)) == (None, "drill")
    people.make_restore_test(job, "fail", purpose="drill", created_at=now + timedelta(days=29.6))
    assert (due(29.7), due(30.7)) == (None, "drill")
    people.make_restore_test(job, "pass", purpose="drill", created_at=now + timedelta(days=31))
    assert (due(32), due(60.6)) == (None, "test")
    people.make_restore_test(job, "pass", created_at=now + timedelta(days=110))
    assert due(140) == "drill"
    dump = people.make_backup(job.system, "dump", tool="pg_dump", repository="/srv/x-*", databases=["x"], sources=[], key="")
    people.make_restore_test(dump, "pass", created_at=now)
    assert schedule.purpose_due(dump, now=now + timedelta(days=30)) == "test"


def test_after_three_of_the_newest_an_old_one_is_tested_in_between_and_again_until_it_passes(job):
    now = people.now()

    def due(days: float):
        return schedule.purpose_due(job, now=now + timedelta(days=days))

    for days in (0, 27, 54):
        people.make_restore_test(job, "pass", created_at=now + timedelta(days=days), purpose="drill")
    assert (due(60), due(70)) == (None, "old")
    people.make_restore_test(job, "fail", created_at=now + timedelta(days=70), purpose="old")
    assert (due(70.5), due(71.5)) == (None, "old")
    people.make_reading(job)
    assert (
        queries.job_line(job, now=now + timedelta(minutes=1)).words == "The last test of an old snapshot failed: the backup is damaged."
    )
    people.make_restore_test(job, "pass", created_at=now + timedelta(days=72), purpose="old")
    assert due(73) is None
    assert queries.job_line(job, now=now + timedelta(minutes=1)).level == "ok"
    for other in ({"tool": "rsync", "key": "", "name": "copy", "repository": "/srv/copy"},):
        copy = people.make_backup(job.system, **other)
        for days in (0, 27, 54):
            people.make_restore_test(copy, "pass", created_at=now + timedelta(days=days))
        assert schedule.purpose_due(copy, now=now + timedelta(days=70)) is None


def test_what_is_due_is_asked_for_once_a_day_the_never_proven_first(job):
    now = people.now()
    assert schedule.request_due(now=now) == 1
    assert schedule.request_due(now=now) == 0, "asked again, it is under way"
    RestoreTest.objects.update(state="finished", verdict="inconclusive", cause="host", finished_at=now, seal="x")
    assert schedule.request_due(now=now + timedelta(hours=3)) == 0
    assert schedule.request_due(now=now + timedelta(hours=25)) == 1
    RestoreTest.objects.filter(state="queued").update(state="finished", verdict="fail", cause="key", finished_at=now, seal="x")
    people.make_restore_test(job, "pass")
    assert schedule.request_due(now=now + timedelta(days=20)) == 0
    assert schedule.request_due(now=now + timedelta(days=29, hours=13)) == 1


def test_a_seal_covers_what_was_found(job):
    test = people.make_restore_test(job)
    values = {"verdict": "pass", "facts": [["missing", "0"]]}
    seal = restore_tests.seal_of(test, values)
    assert restore_tests.seal_of(test, {**values, "facts": [["missing", "1"]]}) != seal
    test.log = "another"
    assert restore_tests.seal_of(test, values) != seal


def test_an_upgrade_counts_the_oldest_proof_of_all_backups(job):
    assert upgrades.newest_restore_test(job.system) is None
    other = people.make_backup(job.system, "other", repository="/srv/other")
    first = people.make_restore_test(job, "pass")
    assert upgrades.newest_restore_test(job.system) is None, "one of them was never proven"
    people.make_restore_test(other, "pass")
    assert upgrades.newest_restore_test(job.system) == first.finished_at


def test_a_job_ends_with_a_reason_and_its_tests_stay(job):
    with pytest.raises(PortalError, match="Say why"):
        jobs.end(job=job, reason=" ", actor=people.TESTER, now=people.now())
    test = people.make_restore_test(job, "pass")
    jobs.end(job=job, reason="moved", actor=people.TESTER, now=people.now())
    job.refresh_from_db()
    assert queries.job_lines(people.TESTER, now=people.now()) == []
    with pytest.raises(PortalError, match="not watched any more"):
        restore_tests.request(job=job, actor=people.TESTER, now=people.now())
    assert job.proof == test


def test_pages_show_the_proof_and_nothing_of_another_client(client, job):
    test = people.make_restore_test(job, "pass")
    member = people.signed_in(people.make_member(job.client))
    page = member.get("/backups/").content.decode()
    assert "Last proven restore" in page
    assert "1 of 1" in page
    assert "3 files" in member.get(f"/restore-tests/{test.pk}/").content.decode()
    stranger = people.signed_in(people.make_member(people.make_client("Other")))
    assert "0 of 0" in stranger.get("/backups/").content.decode()
    assert stranger.get(f"/backups/{job.pk}/").status_code == 404
    assert stranger.get(f"/restore-tests/{test.pk}/").status_code == 404


def test_a_pass_has_a_certificate_and_nothing_else_has(job):
    job.client.__class__.objects.filter(pk=job.client_id).update(name="Bäckerei Łukasz Ωmega")
    passed, failed = people.make_restore_test(job, "pass"), people.make_restore_test(job, "fail")
    member = people.signed_in(people.make_member(job.client))
    answer = member.get(f"/restore-tests/{passed.pk}/certificate.pdf")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF")
    assert answer.content.count(b"/Type /Page\n") == 1, "one page"
    assert f"restore-test-{passed.pk}.pdf" in answer["Content-Disposition"]
    refused = member.get(f"/restore-tests/{failed.pk}/certificate.pdf")
    assert refused.status_code == 409
    assert "Only a restore test that passed has a certificate" in refused.content.decode()
    stranger = people.signed_in(people.make_member(people.make_client("Other")))
    assert stranger.get(f"/restore-tests/{passed.pk}/certificate.pdf").status_code == 404


def test_tests_of_one_day_do_not_fall_due_on_one_day():
    ahead = {schedule.ahead_of(BackupJob(pk=number, test_every_days=30)) for number in range(1, 40)}
    assert min(ahead) >= timedelta(hours=12)
    assert max(ahead) <= timedelta(days=4)
    assert max(ahead) - min(ahead) > timedelta(days=1)


def test_an_operator_takes_a_backup_on_and_bad_input_loses_nothing(system):
    browser = people.signed_in(people.make_operator())
    body = {
        "system": system.pk, "name": "files", "tool": "restic", "repository": "/srv/b", "key": "k", "sources": "/srv/data\nrelative",
        "recovery_point_h": 26, "recovery_time_min": 60, "test_every_days": 30, "read_parts": 3, "scratch": "/var/lib/retainer/scratch",
    }  # fmt: skip
    address = f"/clients/{system.client_id}/backups/new/"
    answer = browser.post(address, body)
    assert answer.status_code == 422
    assert "relative is not an absolute path" in answer.content.decode()
    assert "/srv/data\nrelative" in answer.content.decode()
    assert browser.post(address, {**body, "sources": "/srv/data"}).status_code == 303
    job = BackupJob.objects.get()
    assert (job.sources, job.name) == (["/srv/data"], "files")
    assert browser.post(f"/backups/{job.pk}/prove/").status_code == 303
    assert browser.post(f"/backups/{job.pk}/prove/").status_code == 409


def test_a_restore_stands_on_a_dry_run_of_the_same(job):
    plan = people.make_restore(job, "done")
    fixed = {
        "client_id": job.client_id,
        "job": job,
        "system": job.system,
        "created_at": people.now(),
        "actor_label": "x",
        "reason": "x",
    }
    right = {"mode": "in_place", "plan": plan, "snapshot": plan.snapshot_id, **fixed}

    def begin(**changed):
        return Restore.objects.create(**{**right, **changed})

    assert refused(lambda: begin(plan=None)) == "a_restore_is_what_was_looked_at"
    assert refused(lambda: begin(snapshot="b" * 64)) == "a_restore_is_what_was_looked_at"
    assert refused(lambda: begin(paths=["/srv/data/a"])) == "a_restore_is_what_was_looked_at"
    assert refused(lambda: begin(mode="folder", target="/srv/x")) == "a_restore_is_what_was_looked_at"
    assert refused(lambda: begin(reason="")) == "a_restore_stands_on_a_dry_run"
    assert refused(lambda: begin(state="finished")) == "a_restore_is_of_its_job"
    old = people.make_restore(job, "done", finished_at=people.now() - timedelta(days=2))
    assert refused(lambda: begin(plan=old)) == "a_restore_is_what_was_looked_at"
    restore = begin()
    assert refused(begin) == "one_open_restore_per_system"
    assert refused(lambda: Restore.objects.filter(pk=restore.pk).update(target="/x")) in {
        "a_restore_keeps_its_purpose",
        "in_place_has_no_folder",
    }
    assert refused(lambda: Restore.objects.filter(pk=plan.pk).update(findings=[])) == "a_finished_restore_stands"
    with pytest.raises(ClientBusy):
        ending.end_client(client=job.client, reason="x", actor=people.actor(people.make_staff("lead")), now=people.now())


def test_an_operator_looks_before_anything_is_restored(job):
    people.make_reading(job, traits={"choices": [[1764000000, "c" * 64]]})
    browser = people.signed_in(people.make_operator())
    form = browser.get(f"/backups/{job.pk}/restore/").content.decode()
    assert "2025-11-24" in form
    refused_path = browser.post(f"/backups/{job.pk}/restore/", {"snapshot": "newest", "paths": "/etc", "target": ""})
    assert (refused_path.status_code, "none of the sources" in refused_path.content.decode()) == (422, True)
    answer = browser.post(f"/backups/{job.pk}/restore/", {"snapshot": "c" * 64, "paths": "", "target": ""})
    assert answer.status_code == 303
    plan = Restore.objects.get()
    assert (plan.mode, plan.snapshot) == ("dry_run", "c" * 64)
    assert browser.post(f"/backups/{job.pk}/rehearse/").status_code == 409, "one at a time"
    done = {"state": "finished", "outcome": "done", "finished_at": people.now(), "snapshot_id": "c" * 64, "replaced_files": 2}
    Restore.objects.filter(pk=plan.pk).update(**done)
    assert f"Type {job.system.name}" in browser.get(f"/restores/{plan.pk}/").content.decode()
    answer = browser.post(f"/restores/{plan.pk}/carry-out/", {"reason": "lost by a script", "confirmation": "no"})
    assert answer.status_code == 409
    assert "lost by a script" in answer.content.decode(), "what was typed is not lost"
    assert browser.post(f"/restores/{plan.pk}/carry-out/", {"reason": "lost", "confirmation": job.system.name}).status_code == 303
    assert Restore.objects.get(mode="in_place").plan == plan
    member = people.signed_in(people.make_member(job.client))
    assert member.post(f"/restores/{plan.pk}/carry-out/", {"reason": "x", "confirmation": job.system.name}).status_code == 403
    assert member.get(f"/restores/{plan.pk}/").status_code == 200


def test_parts_are_tested_with_their_whole_and_the_database_says_so(job):
    other = people.make_backup(
        job.system, "db", tool="pg_dump", repository="/var/backups/x-*.dump", sources=[], databases=["x"], key=""
    )
    elsewhere = people.make_backup(people.make_system(job.client, name="second"), "far", repository="/srv/far")
    for parts, words in (([job], "at least two"), ([job, elsewhere], "of one system")):
        with pytest.raises(PortalError, match=words):
            jobs.add_composite(name="w", parts=parts, actor=people.TESTER, now=people.now())
    whole = jobs.add_composite(name="whole", parts=[job, other], actor=people.TESTER, now=people.now())
    job.refresh_from_db()
    with pytest.raises(PortalError, match="only counts together"):
        restore_tests.request(job=job, actor=people.TESTER, now=people.now())
    with pytest.raises(PortalError, match="Stop watching the whole"):
        jobs.end(job=job, reason="x", actor=people.TESTER, now=people.now())
    assert refused(lambda: people.make_restore_test(job)) == "a_part_is_not_tested_alone"
    assert refused(lambda: BackupJob.objects.filter(pk=elsewhere.pk).update(part_of=whole)) == "a_part_is_of_a_composite"
    assert refused(lambda: BackupJob.objects.filter(pk=whole.pk).update(part_of=whole)) == "no_composite_of_composites"
    assert refused(lambda: BackupJob.objects.filter(pk=other.pk).update(databases=[])) == "a_job_says_what_it_holds"
    assert refused(lambda: BackupJob.objects.filter(pk=elsewhere.pk).update(credential=None)) == "restic_has_a_key"
    assert schedule.request_due(now=people.now()) == 2, "the whole and the other one, and no part"
    test = RestoreTest.objects.get(job=whole)
    assert (test.specification["parts"], test.specification["2.database"]) == (["2"], ["x"])
    RestoreTest.objects.update(state="finished", verdict="inconclusive", cause="host", finished_at=people.now(), seal="x")
    jobs.end(job=whole, reason="split again", actor=people.TESTER, now=people.now())
    assert BackupJob.objects.filter(part_of=None, ended_at=None).count() == 3


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"tool": "pg_dump", "sources": []}, "has no key"),
        ({"tool": "pg_dump", "key": ""}, "name those, and no paths"),
        ({"tool": "pg_dump", "key": "", "sources": [], "databases": []}, "at least one database"),
        ({"tool": "pg_dump", "key": "", "sources": [], "databases": ["a;b"]}, "at least one database"),
        ({"tool": "pg_dump", "key": "", "sources": [], "databases": ["a"], "repository": "x"}, "not an absolute path"),
        (
            {"tool": "pg_dump", "key": "", "sources": [], "databases": ["a"], "queries": ["DROP TABLE a => exactly 0"]},
            "Write one SELECT",
        ),
        ({"tool": "tar", "key": "", "databases": ["a"]}, "no databases"),
        ({"tool": "tar", "key": "", "queries": ["SELECT 1 => exactly 1"]}, "Only a database"),
        ({"tool": "composite"}, "Choose the tool"),
        ({"repository": "--option"}, "Name the repository"),
    ],
)
def test_what_a_job_of_another_tool_can_not_be(system, values, words):
    with pytest.raises(PortalError, match=words):
        people.make_backup(system, **values)
