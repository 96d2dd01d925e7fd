"""What these parsers return and raise."""

from dataclasses import dataclass


class UnreadableText(Exception):
    """The text as a whole is not of its format; the message says where."""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A system as the text describes it; empty values were not said.

    Args:
        line: where it stands, counted from 1; 0 where the format has no lines (YAML).
        groups: names of groups and headings it stands under, for environment and roles.
        error: why this row can't be used; empty when it can.
    """

    line: int
    name: str
    address: str = ""
    port: int = 22
    login: str = ""
    groups: tuple[str, ...] = ()
    error: str = ""


def port_of(text: str) -> int:
    """A port number.

    Raises:
        ValueError: not between 1 and 65535; the message says so.
    """
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ValueError(f"“{text}” is not a port (1 to 65535)")
    return int(text)
