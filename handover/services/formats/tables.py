"""CSV: 1Password's columns, and a table that any other manager can be told about.

Formulas of spreadsheets are not disarmed here, and only here: a quote in front would be part of the password. The page says so.
"""

import csv
import io
from collections.abc import Sequence

from handover.services.formats.entries import Entry

ONEPASSWORD = ["Title", "Url", "Username", "Password", "OTPAuth", "Favorite", "Archived", "Tags", "Notes"]
GENERIC = ["group", "title", "kind", "username", "password", "url", "otp", "private_key", "public_key", "notes"]


def onepassword(entries: Sequence[Entry]) -> str:
    """1Password's import (RFC 4180, CRLF); keys are not in it."""
    rows = [
        [one.title, one.url, one.username, one.password, one.otp, "false", "false", one.group, one.notes]
        for one in entries
        if not one.private
    ]
    return _csv(ONEPASSWORD, rows)


def generic(entries: Sequence[Entry]) -> str:
    """Everything, with names of columns that say what they are."""
    rows = [
        [one.group, one.title, one.kind, one.username, one.password, one.url, one.otp, one.private, one.public, one.notes]
        for one in entries
    ]
    return _csv(GENERIC, rows)


def _csv(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
