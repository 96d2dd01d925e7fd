"""What a look reads, and what it means: pure functions, from a lab host's real answer."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitoring.choices import Kind, Level
from monitoring.parsers.sweep import Space, UnreadableSample, parse_sample
from monitoring.services.rules import counters_of, observe
from monitoring.services.states import FLAPS, State, is_flapping, step

TEXT = (Path(__file__).parents[1] / "captures/debian-12/sweep.txt").read_text()
CLOCK = 1795694160.565271520
ASKED = datetime.fromtimestamp(CLOCK - 0.2, UTC)
NOW = datetime.fromtimestamp(CLOCK + 0.3, UTC)


def without(name: str) -> str:
    """The answer of a host that can't say this."""
    before, after = TEXT.split(f"@{name}\n")
    return before + after[after.index("@") :]


def seen(text=TEXT, **values):
    sample = parse_sample(text)
    found = observe(sample, **{"counters": {}, "own": {}, "asked_at": ASKED, "answered_at": NOW, **values})
    return {(one.kind, one.subject): one for one in found}


def test_a_real_answer_is_read():
    sample = parse_sample(TEXT)
    assert (sample.cpus, sample.load) == (2, (0.14, 0.52, 1.30))
    assert sample.cpu == (326015 + 20930 + 71677 + 1057 + 474, 326015 + 20930 + 71677 + 784042 + 1894 + 1057 + 474)
    assert (sample.memory_kib, sample.swap_kib) == ((24176568, 24731708), (0, 0))
    assert sample.pressure == {"cpu": 0.20, "memory": 0.0, "io": 0.01}
    # tmpfs and the one file that the lab binds in from its host are no disks
    assert sample.disks == (Space("/", 27820284, 78570628),)
    assert (sample.units, sample.restart) == ((), False)


def test_a_server_in_order_is_up_in_everything():
    found = seen()
    assert {one.level for one in found.values()} == {Level.UP}
    assert set(found) == {
        (Kind.REACH, ""), (Kind.LOAD, ""), (Kind.MEMORY, ""), (Kind.PRESSURE, ""), (Kind.DISK, "/"), (Kind.INODES, "/"), (Kind.UNITS, ""),
        (Kind.CLOCK, ""), (Kind.RESTART, ""),
    }  # fmt: skip
    assert found[Kind.DISK, "/"].words == "26 % used, 74.9 GiB free."


@pytest.mark.parametrize("name", ["clock", "load", "memory", "units", "restart"])
def test_what_the_host_does_not_say_is_unknown_and_never_fine(name):
    kind = {"memory": Kind.MEMORY, "clock": Kind.CLOCK, "load": Kind.LOAD, "units": Kind.UNITS, "restart": Kind.RESTART}[name]
    assert seen(without(name))[kind, ""].level == Level.UNKNOWN


@pytest.mark.parametrize("cut", [100, 1000, len(TEXT) - 3])
def test_an_answer_that_was_cut_is_no_answer(cut):
    with pytest.raises(UnreadableSample, match="no end"):
        parse_sample(TEXT[:cut])


@pytest.mark.parametrize(("old", "new"), [("0.14 0.52", "many"), ("cpu  326015", "cpu  x"), ("27820284", "27G")])
def test_an_answer_of_another_form_is_no_answer(old, new):
    with pytest.raises(UnreadableSample, match="not of its form"):
        parse_sample(TEXT.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "kind", "level", "words"),
    [
        ("27820284  78570628", "94000000  10000000", (Kind.DISK, "/"), "warning", "90 % used"),
        ("27820284  78570628", "99999999  100", (Kind.DISK, "/"), "critical", "100 % used"),
        ("534424 16242792", "16000000 777216", (Kind.INODES, "/"), "critical", "777216 free"),
        ("MemAvailable:   24176568", "MemAvailable:   100", (Kind.MEMORY, ""), "critical", "100 % of 23.6 GiB"),
        ("SwapTotal:             0", "SwapTotal:         1000", (Kind.SWAP, ""), "critical", "100 %"),
        ("@units\n", "@units\nnginx.service loaded failed failed x\n", (Kind.UNITS, ""), "critical", "nginx.service"),
        ("@units\n", "@units\n{n}.service loaded failed failed x\n", (Kind.UNITS, ""), "critical", "{n}.service"),
        ("@restart\nno", "@restart\nyes", (Kind.RESTART, ""), "warning", "waits for a restart"),
        ("0.14 0.52 1.30", "0.14 12.0 1.30", (Kind.LOAD, ""), "critical", "6.00 processes"),
        ("avg60=0.01", "avg60=70.00", (Kind.PRESSURE, ""), "critical", "waited for io"),
        (str(1795694160), str(1795694160 - 60), (Kind.CLOCK, ""), "critical", "59.8 s off"),
    ],
)
def test_what_is_not_in_order_says_so(old, new, kind, level, words):
    assert old in TEXT
    found = seen(TEXT.replace(old, new))[kind]
    assert (found.level, words in found.words) == (level, True), found.words


def test_the_processor_is_judged_between_two_looks_of_one_boot():
    before = counters_of(parse_sample(TEXT))
    later = TEXT.replace("cpu  326015 20930 71677 784042", "cpu  327015 20930 71677 784092")
    assert seen(later, counters=before)[Kind.CPU, ""].value == pytest.approx(100 * 1000 / 1050, abs=0.01)
    rebooted = later.replace("ea4edef3", "00000000")
    assert (Kind.CPU, "") not in seen(rebooted, counters=before)
    assert seen(TEXT, counters=before)[Kind.CPU, ""].level == Level.UNKNOWN, "no time passed: nothing is known"


def test_a_check_has_thresholds_of_its_own():
    assert seen(own={(Kind.DISK, "/"): (20.0, None)})[Kind.DISK, "/"].level == Level.WARNING
    assert seen(own={(Kind.DISK, "/"): (None, 25.0)})[Kind.DISK, "/"].level == Level.CRITICAL


def follow(state, *said, confirm=3):
    for number, level in enumerate(said, 1):
        state = step(state, level, at=NOW + timedelta(minutes=number), confirm=confirm)
    return state


UP = State(Level.UP, NOW, Level.UP, 9)


def test_bad_is_believed_after_so_many_and_up_after_two():
    assert follow(UP, "critical", "critical").level == Level.UP
    bad = follow(UP, "critical", "critical", "critical")
    assert (bad.level, bad.since, len(bad.changes)) == (Level.CRITICAL, NOW + timedelta(minutes=3), 1)
    assert follow(UP, "critical", "up", "critical", "up", "critical").level == Level.UP, "never three in a row"
    assert follow(bad, "up").level == Level.CRITICAL
    assert follow(bad, "up", "up").level == Level.UP
    assert follow(bad, "up", "critical", "up").level == Level.CRITICAL


def test_a_first_look_is_believed_like_any_other():
    new = State(Level.UNKNOWN, NOW, Level.UNKNOWN, 0)
    assert follow(new, "up").level == Level.UNKNOWN
    assert follow(new, "up", "up").level == Level.UP
    assert follow(new, "critical", "critical", "critical").level == Level.CRITICAL
    assert follow(new, "warning", "warning").level == Level.UNKNOWN, "noise is believed as late as later on"
    assert follow(new, "warning", "warning", "warning").level == Level.WARNING


def test_many_changes_within_an_hour_are_flapping():
    state = UP
    for turn in range(FLAPS):
        state = follow(state, *(["critical"] if turn % 2 == 0 else ["up", "up"]), confirm=1)
    assert is_flapping(state.changes, at=NOW + timedelta(minutes=2))
    assert not is_flapping(state.changes, at=NOW + timedelta(minutes=90))
