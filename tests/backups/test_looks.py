"""Readings, drift and coverage: rules, rows, and who may see and change them."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from backups import queries
from backups.models import BackupFinding, Baseline, FoundBackup
from backups.parsers.facts import PartFacts, UnreadableFacts, parse_reading
from backups.parsers.survey import Entry, Place
from backups.services import drift, findings, jobs, looks
from backups.services.drift import Watched, differences, entries_of, uncovered
from backups.services.reading_rules import Shape, judge_reading
from portal.errors import NotAllowed, PortalError, constraint_name
from tests import people

NOW = people.now()


def outlook(*, exit_status=0, history=(), locked_before=False, keep=None, sources=("/srv",), **facts):
    fixed = {"newest_at": NOW - timedelta(hours=1), "expected": (1000, 10), "snapshots_total": 5, "paths": ("/srv",), **facts}
    return judge_reading(
        exit_status=exit_status, facts=PartFacts(**fixed), sources=sources, recovery_point=timedelta(hours=26), keep=keep,
        history=history, locked_before=locked_before, at=NOW,
    )  # fmt: skip


def past(*sizes):
    return [Shape(NOW - timedelta(days=n + 1), size, 10) for n, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("values", "level", "words"),
    [
        ({}, "ok", "60 minutes old"),
        ({"newest_at": NOW - timedelta(hours=27)}, "bad", "27 hours old; promised are 26 hours"),
        ({"paths": ("/etc",)}, "bad", "/srv is not in the newest snapshot"),
        ({"history": past(2100, 2100, 2200)}, "warn", "It shrank"),
        ({"history": past(1100, 1200, 1050)}, "ok", "old"),
        ({"history": past(*[1000] * 6)}, "warn", "exactly the same size"),
        ({"history": past(*[1000] * 5)}, "ok", "old"),
        ({"locks": 1}, "ok", "old"),
        ({"locks": 1, "locked_before": True}, "warn", "lock lies"),
        ({"oldest_at": NOW - timedelta(days=60), "keep": timedelta(days=30)}, "warn", "The oldest snapshot is 60 days old"),
        ({"oldest_at": NOW - timedelta(days=33), "keep": timedelta(days=30)}, "ok", "old"),
        ({"space": (5, 100)}, "warn", "5% of the room"),
        ({"space": (2, 100)}, "bad", "2% of the room"),
        ({"snapshots_total": 0, "exit_status": 46}, "bad", "no snapshot"),
        ({"exit_status": 45, "said": "wrong password or no key found"}, "bad", "does not open"),
        ({"exit_status": 45, "said": '{"msgid": "LockTimeout"}'}, "unknown", "lock"),
        ({"exit_status": 40}, "unknown", "not installed"),
        ({"newest_at": None}, "unknown", "did not say"),
        ({"expected": None}, "unknown", "did not say"),
    ],
)
def test_what_a_reading_amounts_to(values, level, words):
    found = outlook(**values)
    assert (found.level, any(words in finding for finding in found.findings)) == (level, True), found


def test_a_reading_is_read_strictly():
    code, facts = parse_reading("fact=part\t1\nfact=newest\t100\nfact=expected\t7 1\nfact=space\t5 100\nexit=0\n")
    assert (code, facts.expected, facts.space) == (0, (7, 1), (5, 100))
    for broken in ("", "fact=newest\t100\n", "surprise\nexit=0", "fact=newest\tsoon\nexit=0"):
        with pytest.raises(UnreadableFacts):
            parse_reading(broken)


def test_each_change_is_a_difference_and_accepting_it_ends_it():
    before = {
        "entries": {
            "cron a": {"state": "on", "text": "1"},
            "timer b": {"state": "enabled active", "text": "2"},
            "script c": {"state": "runs", "text": "3"},
        },
        "traits": {
            "identity": "x",
            "keys": "1 a",
            "encryption": "repokey",
            "tool_version": "1",
            "paths": ["/a", "/b"],
            "excludes": [],
            "append_only": True,
        },
    }
    after = {
        "entries": {
            "timer b": {"state": "disabled inactive", "text": "2"},
            "script c": {"state": "runs", "text": "4"},
            "cron d": {"state": "on", "text": "5"},
        },
        "traits": {
            "identity": "y",
            "keys": "2 b",
            "encryption": "none",
            "tool_version": "2",
            "paths": ["/a"],
            "excludes": ["*"],
            "append_only": False,
        },
    }
    found = {one.subject: one for one in differences(before, after)}
    assert {subject: str(one.level) for subject, one in found.items()} == {
        "cron a": "bad", "state of timer b": "bad", "text of script c": "warn", "cron d": "warn", "repository id": "bad",
        "keys that open it": "bad", "encryption": "bad", "version of the tool": "warn", "append-only": "bad",
        "paths in the snapshot": "bad", "excludes of the snapshot": "warn",
    }  # fmt: skip
    assert differences(before, before) == []
    entries, traits = {name: dict(entry) for name, entry in before["entries"].items()}, dict(before["traits"])
    for one in found.values():
        drift.apply(entries, traits, subject=one.subject, after=one.after)
    assert differences({"entries": entries, "traits": traits}, after) == []
    # what can't be read now did not change
    assert differences(before, {"entries": before["entries"], "traits": {}}) == []


def test_entries_belong_to_the_backup_that_they_make():
    entries = [
        Entry("cron", "/etc/cron.d/web", "on", "root /usr/local/bin/web"), Entry("script", "/usr/local/bin/web", "runs", "restic -r /mnt/web backup /srv"),
        Entry("timer", "mail.timer", "enabled active", "ExecStart=restic -r /mnt/mail backup /var/vmail"), Entry("timer", "borgmatic.timer", "x", "ExecStart=borgmatic"),
        Entry("configuration", "/etc/borgmatic/config.yaml", "there", "repositories: [/mnt/borg]"),
    ]  # fmt: skip
    web, mail, borg = (
        Watched(tool, f"/mnt/{name}", ("/srv",), (), ()) for tool, name in (("restic", "web"), ("restic", "mail"), ("borg", "borg"))
    )
    names = [{entry.name for entry in entries_of(job, entries, [], [web, mail, borg])} for job in (web, mail, borg)]
    assert names == [{"/etc/cron.d/web", "/usr/local/bin/web"}, {"mail.timer"}, {"borgmatic.timer", "/etc/borgmatic/config.yaml"}]


def test_places_are_covered_by_what_takes_them():
    places = [
        Place("folder", "/srv/data", "/srv/data"), Place("folder", "/srv/data/cache", "/srv/data/cache"), Place("folder", "/srv/other", "/srv/other"),
        Place("folder", "/mnt/repo/data", "/mnt/repo/data"), Place("database", "shop", "postgresql"), Place("database", "wiki", "mysql"),
        Place("folder", "/srv/database", "/srv/database"),
    ]  # fmt: skip
    files = Watched("restic", "/mnt/repo", ("/srv/data",), (), ("/srv/data/cache", "*.tmp"))
    dump = Watched("pg_dumpall", "/var/backups/all-*.sql", (), ("postgres",), ())
    left = uncovered(places, [files, dump], scratch="/var/lib/retainer")
    assert [place.name for place in left] == ["/srv/data/cache", "/srv/other", "wiki", "/srv/database"]


pytestmark = pytest.mark.django_db


@pytest.fixture
def job(system):
    return people.make_backup(system)


def drifted(job, subject="repository id", level="bad"):
    content = {"entries": {}, "traits": {"identity": "x"}}
    Baseline.objects.create(
        client_id=job.client_id, job=job, content=content, sha256="0" * 64, reason="first", actor_label="x", accepted_at=people.now()
    )
    return BackupFinding.objects.create(
        client_id=job.client_id,
        system=job.system,
        job=job,
        kind="drift",
        subject=subject,
        before="x",
        after="y",
        level=level,
        found_at=people.now(),
    )


def test_what_is_known_now_makes_the_level_the_worst_of_it(job):
    people.make_restore_test(job, "pass")

    def level(**later):
        return queries.job_line(job, now=people.now() + timedelta(**later)).level

    people.make_reading(job)
    assert level() == "ok"
    assert level(hours=7) == "unknown", "a look of this morning says nothing of now"
    people.make_reading(job, newest_at=people.now() - timedelta(hours=25))
    assert (level(), level(hours=2)) == ("ok", "bad")
    people.make_reading(job, "warn", findings=["It shrank."])
    assert level() == "warn"
    people.make_reading(job, "unknown", cause="host", newest_at=None, size_b=None)
    assert level() == "unknown"
    people.make_reading(job)
    drifted(job)
    assert queries.job_line(job, now=people.now()).words == "Drift: repository id."
    assert level() == "bad"


def test_a_composite_is_as_fresh_as_its_worst_part(job):
    database = people.make_backup(
        job.system, "db", tool="pg_dump", repository="/var/backups/x-*.dump", sources=[], databases=["x"], key=""
    )
    whole = jobs.add_composite(name="cloud", parts=[job, database], actor=people.TESTER, now=people.now())
    people.make_restore_test(whole, "pass")
    people.make_reading(job)
    assert queries.job_line(whole, now=people.now()).level == "unknown", "one part was never looked at"
    people.make_reading(database, newest_at=people.now() - timedelta(days=3), level="bad", findings=["old"])
    line = queries.job_line(whole, now=people.now())
    assert (line.level, line.reading.job) == ("bad", database)
    assert [one.job for one in queries.job_lines(people.TESTER, now=people.now())] == [whole]


def test_lists_ask_the_same_number_of_questions_whatever_their_length(job, django_assert_max_num_queries):
    for number in range(4):
        other = people.make_backup(job.system, f"b{number}", repository=f"/srv/{number}")
        people.make_restore_test(other, "fail")
        people.make_reading(other)
    people.make_restore_test(other)  # one under way costs none more
    with django_assert_max_num_queries(7):
        queries.job_lines(people.TESTER, now=people.now())


def refused(change) -> str:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        change()
    return constraint_name(caught.value)


def test_the_database_holds_what_a_finding_may_be(job):
    row, gap = drifted(job), people.make_gap(job.system)
    rows = BackupFinding.objects
    assert refused(lambda: rows.filter(pk=row.pk).update(state="accepted", closed_at=people.now())) == "who_closes_a_finding_says_why"
    excused = {"state": "excused", "closed_at": people.now(), "reason": "x", "actor_label": "x"}
    assert refused(lambda: rows.filter(pk=row.pk).update(**excused)) == "only_gaps_are_excused"
    assert refused(lambda: rows.filter(pk=gap.pk).update(kind="drift")) == "drift_is_of_a_job"
    assert refused(lambda: people.make_gap(job.system)) == "one_standing_finding"
    assert refused(lambda: Baseline.objects.update(reason="another")) == "a_baseline_stands"
    assert refused(lambda: people.make_reading(job, "ok", size_b=None)) == "no_good_reading_without_one"
    stranger = people.make_client("Other")
    assert refused(lambda: rows.filter(pk=gap.pk).update(client=stranger)) == "backups_backupfinding_system_id_same_client"


def test_drift_is_accepted_with_a_reason_and_only_what_was_seen(job):
    drifted(job)
    with pytest.raises(PortalError, match="Say why"):
        findings.accept(job=job, reason=" ", actor=people.TESTER, now=people.now())
    with pytest.raises(NotAllowed):
        findings.accept(job=job, reason="x", actor=people.actor(people.make_member(job.client)), now=people.now())
    assert findings.accept(job=job, reason="moved", actor=people.TESTER, now=people.now()) == 1
    assert Baseline.objects.order_by("-pk").first().content == {"entries": {}, "traits": {"identity": "y"}}
    with pytest.raises(PortalError, match="Nothing"):
        findings.accept(job=job, reason="again", actor=people.TESTER, now=people.now())


def test_pages_of_gaps_drift_and_calendar(job):
    row, gap, found = drifted(job, "text of cron a"), people.make_gap(job.system), people.make_found_backup(job.system)
    people.make_restore_test(job, "pass")
    operator = people.signed_in(people.make_operator())
    page = operator.get("/backups/gaps/").content.decode()
    assert "/srv/forgotten" in page
    assert "/srv/found" in page
    assert "It was not looked at yet." in page, "that nothing is missing is not known"
    assert operator.post(f"/backups/gaps/{gap.pk}/excuse/", {"reason": ""}).status_code == 409
    assert operator.post(f"/backups/gaps/{gap.pk}/excuse/", {"reason": "a copy"}).status_code == 303
    assert "a copy" in operator.get("/backups/gaps/").content.decode()
    form = operator.get(f"/clients/{job.client_id}/backups/new/?found={found.pk}").content.decode()
    assert "/srv/found" in form
    assert "/srv/wiki" in form
    assert operator.post(f"/backups/found/{found.pk}/dismiss/", {"reason": "old"}).status_code == 303
    assert FoundBackup.objects.get().reason == "old"
    assert "+y" in operator.get(f"/backups/{job.pk}/drift/").content.decode()
    assert "Not as it was accepted" in operator.get(f"/backups/{job.pk}/").content.decode()
    BackupFinding.objects.filter(pk=row.pk).update(subject="repository id")
    assert operator.post(f"/backups/{job.pk}/drift/accept/", {"reason": "right"}).status_code == 303
    calendar = operator.get("/backups/calendar/").content.decode()
    assert "Passed" in calendar
    assert "proven until then" in operator.get(f"/backups/calendar/?from={people.now() + timedelta(days=20):%Y-%m-%d}").content.decode()
    assert operator.get("/backups/calendar/?from=nonsense").status_code == 200
    # a member sees gaps of their own, and what only staff triages not at all
    member = people.signed_in(people.make_member(job.client))
    assert "watched by nobody" not in member.get("/backups/gaps/").content.decode()
    stranger = people.signed_in(people.make_member(people.make_client("Other")))
    assert "a copy" not in stranger.get("/backups/gaps/").content.decode()
    assert "Passed" not in stranger.get("/backups/calendar/").content.decode()


def test_the_history_is_drawn_from_what_was_measured(job):
    assert queries.history_of(job, now=people.now()) == []
    for days in (3, 2, 1):
        people.make_reading(
            job, at=people.now() - timedelta(days=days), newest_at=people.now() - timedelta(days=days, hours=days), size_b=days * 1000
        )
    people.make_restore_test(job, "pass")
    curves = {curve.title: curve for curve in queries.history_of(job, now=people.now())}
    assert [curve.count for curve in curves.values()] == [3, 3, 1]
    assert (curves["Age of the newest snapshot"].low, curves["Age of the newest snapshot"].high) == ("1.0 h", "3.0 h")
    assert curves["Size of the newest snapshot"].points.startswith("2.0,4.0 300.0,")


def test_a_look_is_asked_for_where_it_is_due(job):
    system = job.system
    type(system).objects.filter(pk=system.pk).update(connection="ok")
    assert looks.request_due(now=people.now()) == 1
    looks.request(system=system, actor=people.TESTER)
    system.backup_survey.__class__.objects.update(tried_at=people.now())
    assert looks.request_due(now=people.now()) == 0
    assert looks.request_due(now=people.now() + timedelta(hours=3)) == 1
    with pytest.raises(PortalError, match="read-only"):
        looks.request(system=people.make_system(job.client, name="r", access="read_only"), actor=people.TESTER)
