"""The certificate of a restore test that passed: one page for the client's files, made from what was sealed."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import font_roboto
from fpdf import FPDF

from backups.choices import PROVING
from backups.models import RestoreTest
from portal.errors import PortalError

_FONTS = Path(font_roboto.__file__).with_name("files")
_INK, _QUIET, _LINE = (23, 32, 31), (85, 97, 95), (31, 95, 91)
_LABEL_MM, _LINE_MM = 48, 6


def certificate(test: RestoreTest) -> bytes:
    """A PDF of one A4 page.

    Raises:
        PortalError: the test did not pass.
    """
    if test.verdict not in PROVING or test.finished_at is None:
        raise PortalError("Only a restore test that passed has a certificate.")
    page = FPDF(format="A4")
    page.set_creation_date(test.finished_at)
    page.set_title(f"Restore test {test.pk}")
    page.set_auto_page_break(auto=False)
    for style, file in (("", "Roboto-Regular.ttf"), ("B", "Roboto-Bold.ttf")):
        page.add_font("Roboto", style, _FONTS / file)
    page.add_page()
    page.set_margins(20, 20)
    page.set_xy(20, 22)
    _write(page, "This backup was restored", 22, "B")
    page.set_draw_color(*_LINE)
    page.line(20, page.get_y() + 2, 190, page.get_y() + 2)
    page.ln(6)
    for label, value in _rows(test):
        _row(page, label, value)
    page.ln(4)
    _write(page, "What was found", 12, "B")
    for finding in test.findings[:10]:
        _write(page, f"- {finding[:400]}", 10)
    page.set_y(-42)
    page.set_text_color(*_QUIET)
    _write(page, f"Seal (SHA-256 over what was asked, done and found): {test.seal}", 8)
    _write(page, "The same seal stands in the audit trail of the portal, with every command, time and fact of this test.", 8)
    return bytes(page.output())


def _rows(test: RestoreTest) -> Iterator[tuple[str, str]]:
    job, zone = test.job, ZoneInfo(test.client.time_zone)
    yield "Client", str(test.client)
    yield "System", str(job.system) if test.system_id == job.system_id else f"{job.system}, restored on {test.system}"
    yield "Backup", f"{job.name} ({job.get_tool_display()})"
    yield "Holds", ", ".join(job.holds) or ", ".join(part.name for part in job.parts.order_by("pk"))
    yield "Verdict", f"{test.get_verdict_display()}, {test.get_purpose_display().lower()} {test.pk}"
    yield "Restored", _moment(test.finished_at, zone)
    yield "Data as of", f"{_moment(test.snapshot_at, zone)}, snapshot {test.snapshot_id[:16]}"
    yield "Came back", f"{test.restored_files} files or tables, {test.restored_bytes} bytes"
    yield "Took", f"{test.recovery_s} s; promised are {job.recovery_time_min} minutes"
    yield "Newest data", f"promised to be at most {job.recovery_point_h} hours old"
    yield "Proven until", _moment(job.proven_until, zone) if job.proof_id == test.pk else "a newer restore test proves it"


def _moment(value: datetime | None, zone: ZoneInfo) -> str:
    return value.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z") if value else "not known"


def _row(page: FPDF, label: str, value: str) -> None:
    page.set_font("Roboto", "B", 10)
    page.set_text_color(*_QUIET)
    page.cell(_LABEL_MM, _LINE_MM, label)
    page.set_font("Roboto", "", 10)
    page.set_text_color(*_INK)
    page.multi_cell(0, _LINE_MM, value[:400], new_x="LMARGIN", new_y="NEXT")


def _write(page: FPDF, text: str, size: int, style: str = "") -> None:
    page.set_font("Roboto", style, size)
    if size >= 10:  # small print keeps its own, quieter colour
        page.set_text_color(*_INK)
    page.multi_cell(0, size * 0.55, text, new_x="LMARGIN", new_y="NEXT")
