"""The API's part of reports."""

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Router, Schema

from portal.accounts.permissions import operation
from portal.accounts.roles import Permission
from portal.reports.models import Report, ReportState

router = Router(tags=["reports"])


class ReportOut(Schema):
    """A report; `sha256` is that of its PDF."""

    id: int
    client_id: int
    month: date
    state: str
    sent_at: datetime | None
    sha256: str


class ReportFacts(ReportOut):
    """With all its figures."""

    facts: dict[str, Any]


@router.get("/reports", response=list[ReportOut], operation_id="list_reports")
@operation(Permission.SEE)
def list_reports(request: HttpRequest) -> Any:
    """Reports that were sent, and to us also drafts; the newest first, two hundred at most."""
    return _readable(request).defer("pdf", "facts").order_by("-month", "-pk")[:200]


@router.get("/reports/{int:report_id}", response=ReportFacts, operation_id="get_report")
@operation(Permission.SEE)
def get_report(request: HttpRequest, report_id: int) -> Any:
    """One report with its figures."""
    return get_object_or_404(_readable(request).defer("pdf"), pk=report_id)


def _readable(request: HttpRequest) -> Any:
    actor = request.actor  # type: ignore[attr-defined]  # set by the token's check
    rows = Report.objects.visible_to(actor)
    return rows if actor.sees_all_clients else rows.filter(state=ReportState.SENT)
