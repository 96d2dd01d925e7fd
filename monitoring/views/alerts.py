"""Alerts."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from monitoring import queries
from monitoring.forms import MuteForm, PersonForm
from monitoring.services import alerts, escalation
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def alert_list(request: PortalRequest) -> HttpResponse:
    """What is open, and what closed of late."""
    context = {
        "open": queries.open_alerts(request.actor), "closed": queries.closed_alerts(request.actor, now=timezone.now()),
        "told": queries.somebody_is_told(),
    }  # fmt: skip
    return render_page(request, "monitoring/alerts.html", context, fragment="live")


@require_GET
@requires(Permission.SEE)
def alert_detail(request: PortalRequest, raised_id: int) -> HttpResponse:
    """One alert with its messages."""
    return _detail(request, raised_id)


@require_POST
@requires(Permission.OPERATE)
def acknowledge(request: PortalRequest, raised_id: int) -> HttpResponse:
    """Say that one is on it."""
    alert = get_object_or_404(queries.alerts_for(request.actor), pk=raised_id)
    try:
        alerts.acknowledge(alert=alert, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _detail(request, raised_id, error=error)
    return see(request, "monitoring:alert", alert.pk)


@require_POST
@requires(Permission.OPERATE)
def mute(request: PortalRequest, raised_id: int) -> HttpResponse:
    """Send no messages of its check for a while."""
    alert = get_object_or_404(queries.alerts_for(request.actor), pk=raised_id)
    form = MuteForm(request.POST)
    if not form.is_valid():
        return _detail(request, raised_id, form=form)
    try:
        alerts.mute(alert=alert, actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except PortalError as error:
        return _detail(request, raised_id, error=error)
    return see(request, "monitoring:alert", alert.pk)


@require_POST
@requires(Permission.OPERATE)
def give(request: PortalRequest, raised_id: int) -> HttpResponse:
    """Give it to somebody."""
    alert = get_object_or_404(queries.alerts_for(request.actor), pk=raised_id)
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _detail(request, raised_id, person_form=form)
    try:
        escalation.give(alert=alert, person=form.cleaned_data["person"], actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _detail(request, raised_id, error=error)
    return see(request, "monitoring:alert", alert.pk)


def _detail(
    request: PortalRequest,
    raised_id: int,
    *,
    error: PortalError | None = None,
    form: MuteForm | None = None,
    person_form: PersonForm | None = None,
) -> HttpResponse:
    alert = get_object_or_404(queries.alerts_for(request.actor), pk=raised_id)
    line = queries.line_of(alert.check_row, now=timezone.now())
    messages = alert.deliveries.select_related("channel").order_by("created_at", "pk") if request.actor.sees_all_clients else []
    context = {"alert": alert, "line": line, "messages": messages, "error": error, "form": form or MuteForm(), "now": timezone.now()}
    context["person_form"] = person_form or PersonForm()
    return render_page(request, "monitoring/alert.html", context, status=422 if error or form or person_form else 200)
