"""Incidents: what stands, their timelines, what the client is told."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from monitoring import queries
from monitoring.forms import NoteForm, PersonForm
from monitoring.models import Incident
from monitoring.services import incidents
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def incident_list(request: PortalRequest) -> HttpResponse:
    """What stands, what is answered and what not, and what was resolved of late."""
    now = timezone.now()
    context = {"open": queries.open_incidents(request.actor), "past": queries.past_incidents(request.actor), "now": now}
    context |= {"answers": queries.answers(request.actor, now=now)}
    return render_page(request, "monitoring/incidents.html", context, fragment="live")


@require_GET
@requires(Permission.SEE)
def incident(request: PortalRequest, incident_id: int) -> HttpResponse:
    """One incident with its timeline."""
    return _page(request, _visible(request, incident_id))


@require_POST
@requires(Permission.OPERATE)
def note(request: PortalRequest, incident_id: int) -> HttpResponse:
    """A line more, for us or for the client."""
    found, form = _visible(request, incident_id), NoteForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form)
    incidents.note(incident=found, actor=request.actor, now=timezone.now(), **form.cleaned_data)
    return see(request, "monitoring:incident", found.pk)


@require_POST
@requires(Permission.OPERATE)
def take(request: PortalRequest, incident_id: int) -> HttpResponse:
    """Somebody is on it; without a name that is oneself."""
    found, form = _visible(request, incident_id), PersonForm(request.POST)
    if not form.is_valid():
        return _page(request, found, error=PortalError("Choose who is on it."))
    try:
        incidents.take(incident=found, person=form.cleaned_data["person"], actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, found, error=error)
    return see(request, "monitoring:incident", found.pk)


@require_POST
@requires(Permission.OPERATE)
def resolve(request: PortalRequest, incident_id: int) -> HttpResponse:
    """It is over."""
    found = _visible(request, incident_id)
    try:
        incidents.resolve(incident=found, words=request.POST.get("words", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, found, error=error)
    return see(request, "monitoring:incident", found.pk)


@require_POST
@requires(Permission.OPERATE)
def post_mortem(request: PortalRequest, incident_id: int) -> HttpResponse:
    """What was learnt."""
    found = _visible(request, incident_id)
    incidents.write_post_mortem(incident=found, text=request.POST.get("text", ""), actor=request.actor, now=timezone.now())
    return see(request, "monitoring:incident", found.pk)


def _visible(request: PortalRequest, incident_id: int) -> Incident:
    return get_object_or_404(Incident.objects.visible_to(request.actor).select_related("client", "owner"), pk=incident_id)


def _page(request: PortalRequest, found: Incident, *, form: NoteForm | None = None, error: PortalError | None = None) -> HttpResponse:
    context = {
        "incident": found, "alerts": queries.alerts_of(found), "entries": queries.timeline(found, request.actor),
        "form": form or NoteForm(),
        "person_form": PersonForm(initial={"person": request.user.pk}), "error": error, "now": timezone.now(),
    }  # fmt: skip
    return render_page(request, "monitoring/incident.html", context, status=422 if form or error else 200)
