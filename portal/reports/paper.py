"""A report on paper: HTML made from its figures alone, set by WeasyPrint. Made twice from the same figures it is the same file."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import font_roboto
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from portal.errors import PortalError
from portal.reports.models import Report

# Of an outage shorter than this nobody speaks.
A_MINUTE = 60
_FONTS = Path(font_roboto.__file__).with_name("files")


def pdf_of(report: Report) -> bytes:
    """The report as a PDF.

    Raises:
        PortalError: this machine lacks the libraries that set text (Pango).
    """
    try:
        from weasyprint import HTML  # looks for Pango when it is imported: pages work without it
    except OSError as error:
        raise PortalError(
            "PDFs can't be made on this machine: Pango is missing.",
            hint="Install libpango-1.0-0, libpangoft2-1.0-0 and libharfbuzz-subset0.",
        ) from error
    with translation.override(report.language), timezone.override(ZoneInfo(report.facts["zone"])):
        html = render_to_string("reports/paper.html", {**context_of(report), "fonts": _FONTS.as_uri()})
    found = HTML(string=html, base_url="about:blank", url_fetcher=_fetch)
    identifier = f"retainer-{report.client_id}-{report.month:%Y-%m}".encode()
    made: bytes = found.write_pdf(pdf_identifier=identifier)
    return made


def _fetch(url: str, *_: Any, **__: Any) -> Any:
    """Only our own letters: nothing that somebody wrote into a report is fetched from anywhere."""
    from weasyprint.urls import URLFetcherResponse

    for name in ("Roboto-Regular.ttf", "Roboto-Bold.ttf"):
        if url == (_FONTS / name).as_uri():
            return URLFetcherResponse(url, (_FONTS / name).read_bytes(), {"Content-Type": "font/ttf"})
    raise ValueError("a report fetches nothing")


def context_of(report: Report) -> dict[str, Any]:
    """What both the page and the paper are made from."""
    facts = report.facts
    return {
        "report": report, "facts": _with_moments(facts), "month": date.fromisoformat(facts["month"]),
        "portal": settings.PORTAL_URL.rstrip("/"), "tone": tone_of(facts),
    }  # fmt: skip


def tone_of(facts: dict[str, Any]) -> str:
    """Whether the month was well: ok, bad, or unknown where too little is known."""
    jobs, uptime = facts["restores"]["jobs"], facts["uptime"]
    down = any(line["down_s"] >= A_MINUTE for line in uptime) or any(not test["passed"] for test in facts["restores"]["tests"])
    if facts["incidents"] or facts["updates"]["missed"] or down or any(not run["verified"] for run in facts["updates"]["runs"]):
        return "bad"
    unproven = not jobs or any(job["proven"] is None for job in jobs)
    unseen = not uptime or any(line["percent"] is None or line["unknown_days"] for line in uptime)
    unseen = unseen or bool(facts["updates"]["unread"])
    if unproven or unseen or facts["security"]["open"] or any(not row["known"] for row in facts["certificates"]):
        return "unknown"
    return "ok"


def _with_moments(value: Any, key: str = "") -> Any:
    """The figures with their moments as such, so that pages write them in the client's zone."""
    if isinstance(value, dict):
        return {name: _with_moments(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_moments(one) for one in value]
    if isinstance(value, str) and key in {"at", "due", "until", "proven"}:
        return datetime.fromisoformat(value)
    if isinstance(value, str) and key in {"on", "ends"}:
        return date.fromisoformat(value)
    return value


def address_of(route: str, *args: int) -> str:
    """Where the evidence of a figure is."""
    return settings.PORTAL_URL.rstrip("/") + reverse(route, args=args)
