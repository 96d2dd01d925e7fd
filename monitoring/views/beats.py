"""Heartbeats: the address that jobs call, and their pages."""

from django.http import HttpResponse, HttpResponseNotFound
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from monitoring import queries
from monitoring.choices import Beat
from monitoring.forms import HeartbeatForm
from monitoring.models import Heartbeat
from monitoring.services import heartbeats
from monitoring.views.probes import visible_system
from portal.accounts.permissions import anybody_allowed, requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.accounts.scope import acting_for_all
from portal.errors import PortalError
from portal.ui.answers import render_page, see

# What is read of a call's text; the end of it is kept.
LONGEST = 1024 * 1024


@csrf_exempt
@anybody_allowed
@require_http_methods(["GET", "HEAD", "POST"])
def call(request: PortalRequest, secret: str, what: str = Beat.DONE) -> HttpResponse:
    """A job calls. Whoever has the address may say that it ran, and learns nothing."""
    log = request.read(LONGEST).decode("utf-8", "replace") if request.method == "POST" else ""
    with acting_for_all():
        known = heartbeats.call(token=secret, what=Beat(what), log=log, now=timezone.now())
    if not known:
        return HttpResponseNotFound("No heartbeat has this address.\n", content_type="text/plain")
    return HttpResponse("OK\n", content_type="text/plain")


@require_GET
@requires(Permission.SEE)
def heartbeat(request: PortalRequest, beat_id: int) -> HttpResponse:
    """A heartbeat with its last calls."""
    return _page(request, _visible(request, beat_id))


@require_POST
@requires(Permission.OPERATE)
def add(request: PortalRequest, system_id: int) -> HttpResponse:
    """One more job of a system; its address is shown once."""
    system, form = visible_system(request, system_id), HeartbeatForm(request.POST)
    address = ""
    if form.is_valid():
        try:
            made, token = heartbeats.add(
                system=system, name=form.cleaned_data["name"], period_s=form.cleaned_data["every_min"] * 60,
                grace_s=form.cleaned_data["late_min"] * 60, actor=request.actor, now=timezone.now(),
            )  # fmt: skip
            address = request.build_absolute_uri(reverse("monitoring:beat", args=[token]))
            return render_page(request, "monitoring/heartbeat_new.html", {"heartbeat": made, "address": address})
        except PortalError as error:
            form.add_error(None, str(error))
    return render_page(request, "monitoring/heartbeat_new.html", {"system": system, "form": form}, status=422)


@require_POST
@requires(Permission.OPERATE)
def end(request: PortalRequest, beat_id: int) -> HttpResponse:
    """Wait for its calls no more."""
    found = _visible(request, beat_id)
    try:
        heartbeats.end(heartbeat=found, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, found, error=error)
    return see(request, "monitoring:probes", found.system_id)


def _page(request: PortalRequest, found: Heartbeat, *, error: PortalError | None = None) -> HttpResponse:
    context = {
        "heartbeat": found, "calls": found.calls.order_by("-at", "-pk")[:50], "error": error,
        "line": queries.line_of_heartbeat(found, now=timezone.now()),
    }  # fmt: skip
    return render_page(request, "monitoring/heartbeat.html", context, status=422 if error else 200)


def _visible(request: PortalRequest, beat_id: int) -> Heartbeat:
    return get_object_or_404(Heartbeat.objects.visible_to(request.actor).select_related("system__client"), pk=beat_id)
