"""Verdicts of restore tests: by content, each way to be bad with its cause, and never a pass over what is not known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.parsers.facts import UnreadableFacts, parse_facts
from backups.services.judging import judge
from backups.services.promises import PartPromise, Promise

AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TAKEN = int((AT - timedelta(hours=5)).timestamp())
ID = "ab" * 32
GOOD = [
    ("tool_version", "restic 0.14.0"), ("verifier", "wrong-key 1 flipped-byte 1"), ("phase", "snapshots 0 0.50"),
    ("snapshots_total", "3"), ("snapshot", f"{ID} {TAKEN}"), ("snapshot_json", f'{{"paths":["/srv/data"],"id":"{ID}"}}'),
    ("newest", str(TAKEN)), ("locks", "0"), ("expected", "300 3"), ("room", "400 9000 3 100"), ("phase", "restore 0 12.34"),
    ("restored", "300 3"), ("source", "3 /srv/data"), ("sample", "3 0 0 0"), ("sample_hash", "x"), ("missing", "0"),
    ("phase", "compare 0 1.00"), ("read", "1/3 sound"),
]  # fmt: skip


def verdict(rows=GOOD, *, exit_status=0, sources=("/srv/data",), **options):
    part = PartPromise(tool="restic", name="data", sources=tuple(sources))
    promised = {"parts": (part,), "recovery_point": timedelta(hours=26), "recovery_time": timedelta(minutes=60), **options}
    return judge(exit_status=exit_status, facts=parse_facts(rows), promise=Promise(**promised), at=AT)


def but(*changed):
    names = {name for name, _ in changed}
    return [row for row in GOOD if row[0] not in names] + list(changed)


def without(name):
    return [row for row in GOOD if row[0] != name]


def test_all_in_order_passes_with_its_numbers():
    found = verdict()
    assert (found.verdict, found.cause) == ("pass", "")
    assert found.findings == ("3 files came back whole, 3 of a sample are the same as they live.",)
    assert parse_facts(GOOD).recovery_s() == 12.34


@pytest.mark.parametrize(
    ("rows", "cause", "words"),
    [
        (but(("read", "2/3 broken"), ("said", "pack 12 damaged")), "corruption", "pack 12 damaged"),
        (but(("snapshot_json", '{"paths":["/srv/other"]}')), "coverage", "/srv/data is not in the snapshot"),
        (but(("source", "0 /srv/data")), "coverage", "Nothing of /srv/data came back"),
        (but(("restored", "0 0"), ("expected", "0 0")), "coverage", "Not a single file"),
        (but(("restored", "299 3")), "coverage", "299 bytes came back; the snapshot lists 300"),
        (but(("missing", "2"), ("absent", "/srv/data/a"), ("absent", "/srv/data/b")), "coverage", "/srv/data/a, /srv/data/b"),
        (but(("sample", "2 0 0 1"), ("differs", "/srv/data/a")), "mismatch", "/srv/data/a"),
        (but(("newest", str(TAKEN - 48 * 3600))), "stale", "53 hours old; promised are 26 hours"),
    ],
)
def test_what_is_wrong_with_the_content_fails_with_its_cause(rows, cause, words):
    found = verdict(rows)
    assert (found.verdict, found.cause) == ("fail", cause)
    assert words in found.findings[0]


def test_an_old_snapshot_that_was_chosen_at_random_may_be_old():
    assert verdict(but(("snapshot", f"{ID} {TAKEN - 90 * 86400}"))).verdict == "pass"


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (45, "Fatal: wrong password or no key found", ("fail", "key")),
        (45, "Fatal: unable to open config file: stat /srv/backup/config: no such file or directory", ("fail", "repository")),
        (45, "unable to create lock in backend: repository is already locked by PID 1", ("inconclusive", "busy")),
        (47, "ignoring error for /srv/data/a: ciphertext verification failed", ("fail", "corruption")),
        (47, "write /var/lib/retainer/scratch/x: no space left on device", ("inconclusive", "scratch")),
        (47, "", ("fail", "corruption")),
        (
            45,
            '{"message": "Remote: Permission denied, please try again."} {"message": "Is borg working on the server?", '
            '"msgid": "ConnectionClosedWithHint"}',
            ("fail", "key"),
        ),
        (45, '{"message": "Is borg working on the server?", "msgid": "ConnectionClosedWithHint"}', ("inconclusive", "host")),
        (45, "Load(<config/0>) returned error: dial tcp 10.0.0.1:9000: connect: connection refused", ("inconclusive", "host")),
        (45, "subprocess ssh: ssh: connect to host 10.0.0.1 port 22: No route to host", ("inconclusive", "host")),
        (45, "Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized", ("fail", "key")),
        (45, "client.StatObject: The Access Key Id you provided does not exist in our records.", ("fail", "key")),
        (
            45,
            "subprocess ssh: backup@10.0.0.1: Permission denied (publickey).\nunable to start the sftp session, error: EOF",
            ("fail", "key"),
        ),
        (45, "Fatal: unable to open repository: unable to start the sftp session, error: EOF", ("inconclusive", "host")),
        (46, "", ("fail", "coverage")),
        (40, "", ("inconclusive", "tool")),
        (41, "", ("inconclusive", "busy")),
        (42, "", ("inconclusive", "scratch")),
        (44, "", ("inconclusive", "verifier")),
        (48, "", ("inconclusive", "unread")),
        (143, "", ("inconclusive", "unread")),
    ],
)
def test_how_the_test_ended_has_its_verdict(status, said, expected):
    found = verdict(but(("said", said)), exit_status=status)
    assert (found.verdict, found.cause) == expected


@pytest.mark.parametrize("status", [124, 137])
def test_what_did_not_end_in_its_time_is_not_called_damaged(status):
    found = verdict([*but(("said", "")), ("phase", f"restore {status} 21600.00")], exit_status=47)
    assert (found.verdict, found.cause) == ("inconclusive", "host")
    damaged = verdict([*but(("said", "unexpected EOF")), ("phase", f"restore {status} 21600.00")], exit_status=47)
    assert (damaged.verdict, damaged.cause) == ("fail", "corruption")


@pytest.mark.parametrize("name", ["snapshot", "snapshot_json", "expected", "restored", "sample", "missing", "newest", "verifier"])
def test_what_was_not_found_out_never_passes(name):
    found = verdict(without(name))
    assert (found.verdict, found.cause) == ("inconclusive", "unread")


def test_a_restore_without_its_time_never_passes():
    found = verdict([row for row in GOOD if not row[1].startswith("restore ")])
    assert found.findings == ("Not found out: how long it took.",)


def test_notes_are_said_and_prove_all_the_same():
    found = verdict(but(("locks", "1"), ("modes", "2 /srv/data/a"), ("sample", "0 2 1 0")), recovery_time=timedelta(seconds=5))
    assert found.verdict == "notes"
    assert [finding.split()[0] for finding in found.findings] == ["Getting", "1", "Owner", "Nothing", "3"]


@given(st.lists(st.sampled_from(GOOD), unique=True), st.sampled_from([0, 40, 45, 46, 47, 99]))
def test_only_everything_passes(rows, status):
    found = verdict(rows, exit_status=status)
    complete = status == 0 and all(row in rows for row in GOOD if row[0] in NEEDED or row[1].startswith("restore "))
    assert (found.verdict in {"pass", "notes"}) <= complete


NEEDED = {"snapshot", "snapshot_json", "newest", "expected", "restored", "source", "sample", "missing", "verifier"}


@pytest.mark.parametrize(
    "row",
    [
        ("surprise", "1"), ("snapshot", "latest 1"), ("snapshot", ID), ("restored", "1"), ("restored", "-1 2"), ("sample", "1 2 3"),
        ("read", "1/3 fine"), ("snapshot_json", "{}"), ("snapshot_json", "not JSON"), ("phase", "restore 0"), ("newest", "soon"),
        ("missing", ""),
    ],
)  # fmt: skip
def test_facts_are_read_strictly(row):
    with pytest.raises(UnreadableFacts):
        parse_facts([*GOOD, row])


def test_facts_do_not_share_what_they_hold():
    one, other = parse_facts(GOOD), parse_facts([])
    assert other.here.phases == []
    assert replace(one.here, locks=1).phases is one.here.phases
