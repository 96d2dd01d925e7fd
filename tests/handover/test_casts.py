"""Recordings: what a host's tour says, as asciicast; secrets in them are found wherever they show, and masked."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handover.parsers import casts
from handover.parsers.casts import Cast, Event
from handover.parsers.secrets import mask_text
from tests.handover.conftest import TOUR, b64


def test_a_tour_becomes_a_recording_with_chapters():
    timing = b64("0.5 6\n0.25 7\n")
    shown = b64('Script started on x\nhosts\r\nnginx\r\n\nScript done on x [COMMAND_EXIT_CODE="0"]\n')
    answer = f"clock\t100\nhost\tweb\nchapter\tA\tWords.\ncommand\tls\noutput\t{shown}\t{timing}\nexit\t0\nchapter\tB\tMore.\nend\n"
    cast, chapters = casts.tour_of(answer, title="A tour")
    assert chapters == [("A", "Words."), ("B", "More.")]
    assert [title for _, title in cast.chapters] == ["A", "B"]
    text = casts.plain_text(cast)
    assert "hosts\nnginx\n" in text
    assert "Script" not in text
    again = casts.parse_cast(casts.write_cast(cast))
    assert again.events == cast.events
    head = json.loads(casts.write_cast(cast).split("\n")[0])
    assert set(head) == {"version", "width", "height", "timestamp", "title"}, (
        "no command, no environment: they tell more than was shown"
    )


def test_a_tour_that_was_cut_is_none():
    with pytest.raises(casts.UnreadableCast):
        casts.tour_of(TOUR.removesuffix("end\n"), title="x")


@given(st.text())
def test_the_parser_fails_in_one_way_only(text):
    with contextlib.suppress(casts.UnreadableCast):
        casts.parse_cast(text)


def typed(secret: str) -> Cast:
    """A secret typed over as many events as it has signs."""
    events = [Event(0.0, "m", "A"), *(Event(1 + n / 10, "o", sign) for n, sign in enumerate(secret)), Event(9.0, "o", "\r\n")]
    return Cast(80, 24, "x", 0, tuple(events))


def test_a_secret_that_is_typed_sign_by_sign_shows_and_is_masked():
    cast = typed("Tr0ubad0ur")
    assert "Tr0ubad0ur" in casts.plain_text(cast)

    def mask(text):
        found = mask_text(text, known=["Tr0ubad0ur"])
        return found.text, found.count

    hidden = casts.masked(cast, mask)
    assert "Tr0ubad0ur" not in casts.plain_text(hidden)
    assert all("Tr0ubad0ur" not in screen for screen in casts.screens(hidden))


def test_a_secret_that_is_written_out_of_order_shows_on_the_screen_alone():
    pieces = [("\x1b[1;4H", "0ub"), ("\x1b[1;1H", "Tr"), ("\x1b[1;7H", "ad0ur"), ("\x1b[1;3H", "x")]
    cast = Cast(80, 24, "x", 0, tuple(Event(n, "o", move + text) for n, (move, text) in enumerate(pieces)))
    assert "Trx0ubad0ur" not in casts.plain_text(cast)
    assert any("Trx0ubad0ur" in screen for screen in casts.screens(cast))


def test_a_secret_that_is_broken_over_two_rows_is_one():
    cast = Cast(20, 5, "x", 0, (Event(0, "o", "x" * 15 + "Tr0ubad0ur"),))
    assert any("Tr0ubad0ur" in screen for screen in casts.screens(cast))


def test_typing_that_was_taken_back_is_read_as_it_ended():
    cast = Cast(80, 24, "x", 0, (Event(0, "o", "sekX\b \bret"),))
    assert casts.plain_text(cast).startswith("sek")


def test_input_is_left_out():
    text = '{"version": 2, "width": 80, "height": 24}\n[0.1, "i", "hunter2x"]\n[0.2, "o", "ok"]\n'
    assert [event.text for event in casts.parse_cast(text).events] == ["ok"]


def test_titles_of_windows_do_not_come_along():
    cast = Cast(80, 24, "x", 0, (Event(0, "o", "a\x1b]0;secret place\x07b"),))
    assert "secret place" not in casts.write_cast(cast)


def test_a_typed_secret_costs_its_line_the_timing_and_no_other():
    typing = [Event(2 + n / 10, "o", sign) for n, sign in enumerate("$ login Tr0ubad0ur")]
    before = [Event(0.0, "o", "\x1b[32m$\x1b[0m ls\r\n"), Event(0.5, "o", "one\r\n")]
    after = [Event(5.0, "o", "\r\n"), Event(6.0, "o", "$ exit\r\n")]
    cast = Cast(80, 24, "x", 0, (*before, *typing, *after))

    def mask(text):
        found = mask_text(text, known=["Tr0ubad0ur"])
        return found.text, found.count

    hidden = casts.masked(cast, mask)
    assert "Tr0ubad0ur" not in casts.plain_text(hidden)
    assert hidden.events == (*before, Event(5.0, "o", "$ login •••\r\n"), after[1])
