"""Files for people: always saved, never rendered, and safe in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.http import content_disposition_header

# A cell that begins like this is a formula to a spreadsheet (OWASP, CSV Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # full-width forms count as well


def download(content: bytes | str, *, filename: str, content_type: str) -> HttpResponse:
    """An answer that a browser saves under this name and never shows."""
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=filename) or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def csv_download(rows: Iterable[Sequence[Any]], *, filename: str) -> HttpResponse:
    """Rows as CSV, with every cell that a spreadsheet would calculate disarmed."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return download("\ufeff" + text.getvalue(), filename=filename, content_type="text/csv; charset=utf-8")


def cell(value: Any) -> str:
    """A value as a cell that is nothing but text; a leading quote is what spreadsheets show text by."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA[:4]) else text
