"""One check: its thresholds, and whether it is looked at."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from monitoring import queries
from monitoring.choices import Kind
from monitoring.forms import ThresholdForm
from monitoring.models import Check
from monitoring.queries.checks import RANGES
from monitoring.services import checks
from monitoring.services.forecast import full_at
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def check_detail(request: PortalRequest, measured_id: int) -> HttpResponse:
    """A check with its thresholds and alerts."""
    return _detail(request, measured_id)


@require_POST
@requires(Permission.OPERATE)
def thresholds(request: PortalRequest, measured_id: int) -> HttpResponse:
    """Give it thresholds of its own."""
    check, form = _visible(request, measured_id), ThresholdForm(request.POST)
    if not form.is_valid():
        return _detail(request, measured_id, form=form)
    try:
        checks.set_thresholds(check=check, actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except PortalError as error:
        return _detail(request, measured_id, error=error)
    return see(request, "monitoring:check", check.pk)


@require_POST
@requires(Permission.OPERATE)
def end(request: PortalRequest, measured_id: int) -> HttpResponse:
    """Look at it no more."""
    check = _visible(request, measured_id)
    try:
        checks.end(check=check, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _detail(request, measured_id, error=error)
    return see(request, "monitoring:check", check.pk)


@require_POST
@requires(Permission.OPERATE)
def again(request: PortalRequest, measured_id: int) -> HttpResponse:
    """Look at it again."""
    check = _visible(request, measured_id)
    checks.again(check=check, actor=request.actor, now=timezone.now())
    return see(request, "monitoring:check", check.pk)


def _visible(request: PortalRequest, measured_id: int) -> Check:
    return get_object_or_404(Check.objects.visible_to(request.actor).select_related("system__client"), pk=measured_id)


def _detail(
    request: PortalRequest, measured_id: int, *, error: PortalError | None = None, form: ThresholdForm | None = None
) -> HttpResponse:
    check, now = _visible(request, measured_id), timezone.now()
    span = request.GET.get("span", "day")
    span = span if span in RANGES else "day"
    context = {
        "check": check, "line": queries.line_of(check, now=timezone.now()), "threshold": queries.threshold_of(check), "error": error,
        "proof": queries.proof_of(check, now=now), "picture": queries.long_picture(check, span, now=now), "span": span,
        "spans": list(RANGES),
        "full_at": full_at(queries.full_points(check, now=now)) if check.kind in {Kind.DISK, Kind.INODES} else None,
        "alerts": queries.alerts_for(request.actor).filter(check_row=check).order_by("-opened_at", "-pk")[:20],
        "form": form or ThresholdForm(initial={"warning": check.warning, "critical": check.critical}),
    }  # fmt: skip
    return render_page(request, "monitoring/check.html", context, status=422 if error or form else 200)
