"""A report on paper: HTML made from its figures alone, set by WeasyPrint. Made twice from the same figures it is the same file."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from portal.reports.models import Report
from portal.ui.printing import fonts, set_page

# Of an outage shorter than this nobody speaks.
A_MINUTE = 60


def pdf_of(report: Report) -> bytes:
    """The report as a PDF.

    Raises:
        PortalError: this machine lacks the libraries that set text (Pango).
    """
    with translation.override(report.language), timezone.override(ZoneInfo(report.facts["zone"])):
        html = render_to_string("reports/paper.html", {**context_of(report), "fonts": fonts().as_uri()})
    return set_page(html, identifier=f"retainer-{report.client_id}-{report.month:%Y-%m}".encode())


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
