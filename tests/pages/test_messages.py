"""What clients read stands in both languages, whole, and what is compiled is what was written."""

import io
import re

from babel.messages import pofile
from babel.messages.mofile import write_mo

from portal.up.messages import PLACE, entries

_PLACES = re.compile(r"%\([a-z_]+\)[sd]")


def catalogue():
    with (PLACE / "django.po").open("rb") as file:
        return pofile.read_po(file, locale="de")


def test_every_message_has_its_german():
    there = {
        (message.context, message.id[0] if isinstance(message.id, tuple) else message.id): message
        for message in catalogue()
        if message.id
    }
    missing = []
    for context, singular, _ in entries():
        message = there.get((context, singular))
        words = message.string if message else ""
        if not words or not all(words if isinstance(words, tuple | list) else [words]) or "fuzzy" in message.flags:
            missing.append(singular)
    assert missing == [], "run `make messages` and translate them"


def test_a_missing_message_would_be_found():
    assert (None, "Nobody ever said this.", None) not in set(entries())
    assert (None, "Your systems", None) in set(entries())


def test_places_for_values_are_the_same_in_both():
    for message in catalogue():
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        words = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if ids[0]:
            assert {frozenset(_PLACES.findall(one)) for one in words} <= {frozenset(_PLACES.findall(one)) for one in ids}, ids[0]


def test_what_is_compiled_is_what_was_written():
    made = io.BytesIO()
    write_mo(made, catalogue())
    assert (PLACE / "django.mo").read_bytes() == made.getvalue(), "run `make messages`"
