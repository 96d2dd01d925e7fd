"""Reports: read by clients, reviewed and sent by us."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone, translation
from django.views.decorators.http import require_GET, require_POST

from clients.models import Client
from clients.support.services.hours import previous
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.reports import paper, services
from portal.reports.models import Report, ReportState
from portal.ui.answers import render_page, see
from portal.ui.downloads import download


@require_GET
@requires(Permission.SEE_FLEET)
def report_list(request: PortalRequest) -> HttpResponse:
    """All reports: those to be reviewed first."""
    rows = (
        Report.objects.visible_to(request.actor)
        .defer("pdf", "facts")
        .select_related("client")
        .order_by("state", "-month", "client__name")
    )
    clients = Client.objects.visible_to(request.actor).filter(ended_at=None).order_by("name", "pk")
    return render_page(request, "reports/list.html", {"rows": rows[:300], "clients": clients, "last": previous(timezone.localdate())})


@require_GET
@requires(Permission.SEE)
def own(request: PortalRequest) -> HttpResponse:
    """The reports of a client's person, the newest first."""
    rows = _readable(request).defer("pdf", "facts").select_related("client").order_by("-month", "client__name")
    return render_page(request, "reports/own.html", {"rows": rows[:200]})


@require_GET
@requires(Permission.SEE)
def report(request: PortalRequest, report_id: int) -> HttpResponse:
    """One report as a page."""
    return _page(request, _visible(request, report_id))


def _readable(request: PortalRequest):  # type: ignore[no-untyped-def]  # a queryset of Report
    rows = Report.objects.visible_to(request.actor)
    return rows if request.actor.sees_all_clients else rows.filter(state=ReportState.SENT)


def _visible(request: PortalRequest, report_id: int) -> Report:
    row: Report = get_object_or_404(_readable(request).defer("pdf").select_related("client"), pk=report_id)
    return row


def _page(request: PortalRequest, row: Report, *, error: PortalError | None = None) -> HttpResponse:
    with translation.override(row.language), timezone.override(row.facts["zone"]):
        return render_page(request, "reports/report.html", {**paper.context_of(row), "error": error}, status=422 if error else 200)


@require_GET
@requires(Permission.SEE)
def pdf(request: PortalRequest, report_id: int) -> HttpResponse:
    """The PDF as it was sent; of a draft as it would be."""
    row = _visible(request, report_id)
    try:
        content = bytes(Report.objects.values_list("pdf", flat=True).get(pk=row.pk) or b"") or paper.pdf_of(row)
    except PortalError as error:
        return _page(request, row, error=error)
    return download(content, filename=f"report-{row.client.slug}-{row.month:%Y-%m}.pdf", content_type="application/pdf")


@require_POST
@requires(Permission.OPERATE)
def make(request: PortalRequest, client_id: int) -> HttpResponse:
    """Make last month's report now, or gather it anew."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    month = previous(timezone.localdate()) if request.POST.get("month") != "this" else timezone.localdate()
    try:
        row = services.make(client=client, month=month, actor=request.actor, now=timezone.now())
    except PortalError:
        found = Report.objects.filter(client=client, month=month.replace(day=1)).first()
        if found is None:
            raise Http404 from None
        row = found
    return see(request, "reports:report", row.pk)


@require_POST
@requires(Permission.OPERATE)
def review(request: PortalRequest, report_id: int) -> HttpResponse:
    """Add words, or send it."""
    row, now = _visible(request, report_id), timezone.now()
    try:
        if request.POST.get("send"):
            services.send(report=row, actor=request.actor, now=now)
        else:
            services.review(
                report=row,
                words=request.POST.get("words", ""),
                language=request.POST.get("language", row.language),
                actor=request.actor,
                now=now,
            )
    except PortalError as error:
        return _page(request, row, error=error)
    return see(request, "reports:report", row.pk)
