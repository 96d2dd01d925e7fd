"""Verdicts over databases, composites, canaries and what was restored elsewhere; each way to be bad with its cause."""

from datetime import UTC, datetime, timedelta

import pytest

from backups.parsers.expectations import BadExpectation, Expectation, parse_expectation
from backups.parsers.facts import UnreadableFacts, parse_facts
from backups.services.judging import judge
from backups.services.promises import PartPromise, Planted, Promise

AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TAKEN = AT - timedelta(hours=5)
STAMP = int(TAKEN.timestamp())
ID = "ab" * 32
OLD = STAMP - 86400
DATABASE = [
    ("part", "1"), ("verifier", "good"), ("snapshots_total", "3"), ("newest", str(STAMP)), ("snapshot", f"{ID} {STAMP}"), ("dump", "9"),
    ("phase", "unpack 0 0.50"), ("server", "postgres 15"), ("phase", "load 0 2.00"), ("database", "shop"), ("amcheck", "2 sound"),
    ("table", "20 shop.public.orders"), ("table", "3 shop.public.items"), ("restored", "900 2"), ("live_database", "shop"),
    ("live_table", f"1 {OLD} shop.public.orders"), ("live_table", f"1 {OLD} shop.public.items"), ("read", "1/1 sound"),
]  # fmt: skip
FILES = [
    ("part", "1"), ("verifier", "good"), ("snapshots_total", "3"), ("newest", str(STAMP)), ("snapshot", f"{ID} {STAMP}"),
    ("expected", "300 3"), ("phase", "restore 0 1.00"), ("restored", "300 3"), ("source", "3 /srv"), ("sample", "3 0 0 0"),
    ("missing", "0"), ("read", "1/1 sound"),
]  # fmt: skip


def judged(rows, *parts, exit_status=0, **options):
    fixed = {"recovery_point": timedelta(hours=26), "recovery_time": timedelta(minutes=60), **options}
    return judge(exit_status=exit_status, facts=parse_facts(rows), promise=Promise(parts=parts, **fixed), at=AT)


def database(rows=DATABASE, *, exit_status=0, **options):
    values = {"tool": "pg_dump", "name": "orders", "databases": ("shop",), **options}
    return judged(rows, PartPromise(**values), exit_status=exit_status)


def but(rows, *changed):
    names = {name for name, _ in changed}
    return [row for row in rows if row[0] not in names] + list(changed)


def test_a_database_that_is_whole_passes_with_its_numbers():
    found = database()
    assert (found.verdict, found.findings) == ("pass", ("2 tables with 23 rows loaded, 2 indexes checked.",))
    assert parse_facts(DATABASE).recovery_s() == 2.5


@pytest.mark.parametrize(
    ("rows", "options", "cause", "words"),
    [
        (but(DATABASE, ("database", "other")), {}, "coverage", "The database shop is not in the dump"),
        ([row for row in DATABASE if row[0] not in {"table", "live_table"}], {}, "coverage", "Not a single table"),
        ([*DATABASE, ("live_table", f"0 {OLD} shop.public.lost")], {}, "coverage", "1 tables that live are not in the dump: shop.public.lost"),
        ([*DATABASE, ("live_table", "0 0 shop.public.known")], {"tables": {"shop.public.known": 4}}, "coverage", "shop.public.known"),
        (but(DATABASE, ("table", "0 shop.public.orders")), {}, "coverage", "came back empty and have rows where they live"),
        (DATABASE, {"tables": {"shop.public.orders": 1, "shop.public.gone": 2}, "elsewhere": True}, "", ""),
        ([*DATABASE, ("amcheck", "0 broken")], {}, "corruption", "amcheck found a broken index"),
        ([*DATABASE, ("checked", "4 1")], {}, "corruption", "CHECK TABLE found 1 problems"),
        ([*DATABASE, ("programs", "0 1 0"), ("live_programs", "2 1 0")], {}, "coverage", "0 of 2 routines"),
        ([*DATABASE, ("query", "1 3")], {"expectations": (("SELECT 1", "at least 10"),)}, "mismatch", "answered 3; expected at least 10"),
        ([*DATABASE, ("query_failed", "1 no such table")], {"expectations": (("SELECT 1", "at least 1"),)}, "mismatch", "no such table"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_database_fails_with_its_cause(rows, options, cause, words):
    options.pop("elsewhere", None)
    found = database(rows, **options)
    assert found.cause == cause
    assert (found.verdict == "fail") == bool(cause)
    assert words in " ".join(found.findings)


def test_what_may_be_newer_than_the_dump_or_is_excluded_is_no_failure():
    newer = [*DATABASE, ("live_table", f"1 {STAMP + 60} shop.public.new")]
    assert (database(newer).verdict, "may be newer than it" in database(newer).findings[0]) == ("notes", True)
    session = [*DATABASE, ("table", "0 shop.public.sessions"), ("live_table", f"1 {OLD} shop.public.sessions")]
    assert database(session).cause == "coverage"
    assert database(session, excludes=("sessions",)).verdict == "pass"
    assert database(session, excludes=("public.s*",)).verdict == "pass"


def test_what_was_not_found_out_of_a_database_never_passes():
    for name in ("snapshot", "restored", "newest", "verifier", "server"):
        assert database([row for row in DATABASE if row[0] != name]).cause == "unread", name
    assert database([row for row in DATABASE if not row[1].startswith("load")]).cause == "unread"
    assert database(expectations=(("SELECT 1", "at least 1"),)).cause == "unread", "nobody heard its answer"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("the dump does not go to its end: its last line is missing", ("fail", "corruption")),
        ("gzip: unexpected end of file", ("fail", "corruption")),
        ("pg_restore: error: could not uncompress data: (null)", ("fail", "corruption")),
        ('ERROR:  extension "postgis" is not available', ("inconclusive", "tool")),
        ('ERROR:  relation "x" does not exist', ("fail", "load")),
        ("No space left on device", ("inconclusive", "scratch")),
    ],
)
def test_why_a_dump_does_not_load(said, expected):
    found = database(but(DATABASE, ("said", said)), exit_status=47)
    assert (found.verdict, found.cause) == expected
    assert database(exit_status=49).cause == "tool"


def together(rows=None, **options):
    parts = (PartPromise(tool="tar", name="files", sources=("/srv",)), PartPromise(tool="pg_dump", name="orders", databases=("shop",)))
    return judged(rows or [*FILES, ("part", "2"), *DATABASE[1:]], *parts, **options)


def test_parts_pass_together_or_not_at_all():
    assert together().verdict == "pass"
    late = [(name, value.replace(str(STAMP), str(STAMP + 86400)) if name == "snapshot" else value) for name, value in FILES]
    found = together([*late, ("part", "2"), *DATABASE[1:]])
    assert (found.cause, found.findings[0]) == ("mismatch", "The parts are 24 hours apart; they count together only within 15 minutes.")
    broken = together([*but(FILES, ("read", "1/1 broken"), ("said", "x")), ("part", "2"), *DATABASE[1:]])
    assert (broken.cause, broken.findings[0].startswith("files: ")) == ("corruption", True)
    assert together(FILES).cause == "unread", "the second part was never reached"
    second = together([*FILES, ("part", "2"), ("said", "wrong password or no key found")], exit_status=45)
    assert (second.cause, second.findings[0].startswith("orders: ")) == ("key", True)


def test_an_application_is_whole_or_fails():
    rows = [*FILES, ("part", "2"), *DATABASE[1:]]
    whole = together([*rows, ("rows_and_files", "6 0 0")], application="nextcloud")
    assert (whole.verdict, whole.findings[-1]) == ("pass", "6 of its rows have their file.")
    for more, words in (
        ([("rows_and_files", "5 1 0"), ("row_without_file", "a/b")], "1 of 6 rows"),
        ([("rows_and_files", "5 0 2"), ("file_without_row", "a/c")], "2 files have no row"),
        ([("rows_and_files", "0 0 0")], "no row of any file"),
        ([("application", "config.php has no secret"), ("rows_and_files", "5 0 0")], "Config.php has no secret"),
        ([], "was not found out"),
    ):
        found = together([*rows, *more], application="nextcloud")
        assert (found.verdict, words in " ".join(found.findings)) == ("fail", True), found


def canary(came, *planted):
    part = PartPromise(tool="tar", sources=("/srv",), canaries=tuple(Planted("/srv/c", digest, at) for digest, at in planted))
    rows = [*FILES, ("canary", f"{came} /srv/c")] if came else FILES
    return judged(rows, part)


def test_the_last_canary_before_the_snapshot_must_be_in_it():
    first, second, after = (("1" * 64, TAKEN - timedelta(days=9)), ("2" * 64, TAKEN - timedelta(days=2)), ("3" * 64, AT))
    assert canary("2" * 64, first, second, after).verdict == "pass"
    assert canary("3" * 64, first, second, after).verdict == "pass", "planted while the backup ran"
    assert "is an older one" in canary("1" * 64, first, second).findings[0]
    assert "did not come back" in canary("", first, second).findings[0]
    assert canary("", after).verdict == "pass", "none was due yet"


def test_restored_elsewhere_is_said_and_compared_with_the_list():
    rows = [row for row in FILES if row[0] not in {"sample", "missing"}]
    part = PartPromise(tool="tar", sources=("/srv",))
    assert judged(rows, part).cause == "unread"
    found = judged([*rows, ("elsewhere", "yes")], part)
    assert (found.verdict, "Restored away from the system" in found.findings[0]) == ("notes", True)


@pytest.mark.parametrize(
    ("words", "answer", "good"),
    [
        ("at least 10", "10", True), ("at least 10", "9.5", False), ("at most 5", "5", True), ("at most 5", "6", False),
        ("exactly open", "open", True), ("exactly open", "", False), ("at least 1", "many", False),
        ("within 24 hours", "2026-11-24 09:00:00+00", True), ("within 24 hours", "2026-11-23 09:00:00", False), ("within 1 hours", "soon", False),
    ],
)  # fmt: skip
def test_answers_are_held_against_what_was_expected(words, answer, good):
    assert (Expectation("SELECT 1", words).failed(answer, taken=TAKEN) == "") is good


@pytest.mark.parametrize(
    "line",
    ["SELECT 1", "DELETE FROM x => exactly 0", "SELECT 1; SELECT 2 => exactly 1", "SELECT 1 => often", "SELECT \\! => exactly 1"],
)
def test_what_is_no_expectation(line):
    with pytest.raises(BadExpectation, match="Write one SELECT"):
        parse_expectation(line)
    assert parse_expectation("SELECT a => b FROM x => exactly 1").words == "exactly 1"


@pytest.mark.parametrize(
    "row", [("part", "3"), ("part", "0"), ("table", "x y"), ("live_table", "2 0 x"), ("amcheck", "1 fine"), ("programs", "1 2")]
)
def test_facts_of_databases_are_read_strictly(row):
    with pytest.raises(UnreadableFacts):
        parse_facts([*DATABASE, row])
