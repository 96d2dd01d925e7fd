"""Where messages go, who is on duty, and who is told next."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from monitoring import queries
from monitoring.forms import ChannelForm, DutyForm
from monitoring.models import Channel
from monitoring.services import channels, escalation
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see

STEPS = 5


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPERATE)
def channel_list(request: PortalRequest) -> HttpResponse:
    """Where messages go, whether they arrive, and one more."""
    form = ChannelForm(request.POST or None, channels=Channel.objects.filter(ended_at=None).order_by("name"))
    if request.method == "POST" and form.is_valid():
        try:
            channels.add(actor=request.actor, now=timezone.now(), **form.values)
            return see(request, "monitoring:channels")
        except PortalError as error:
            form.add_error(None, f"{error} {error.hint}")
    context = {"lines": queries.channel_lines(), "form": form}
    return render_page(request, "monitoring/channels.html", context, status=422 if form.errors else 200)


@require_POST
@requires(Permission.OPERATE)
def channel_end(request: PortalRequest, channel_id: int) -> HttpResponse:
    """Send nothing there any more."""
    channel = get_object_or_404(Channel, pk=channel_id)
    channels.end(channel=channel, actor=request.actor, now=timezone.now())
    return see(request, "monitoring:channels")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPERATE)
def on_call(request: PortalRequest) -> HttpResponse:
    """Who is on duty, and more shifts."""
    form = DutyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            escalation.plan_duty(
                people=list(data["people"]), place=int(data["place"]), starts_at=data["starts_at"],
                shift=timedelta(hours=data["hours"]), shifts=data["shifts"], actor=request.actor, now=timezone.now(),
            )  # fmt: skip
            return see(request, "monitoring:on-call")
        except PortalError as error:
            form.add_error(None, str(error))
    return _on_call(request, form=form)


@require_POST
@requires(Permission.OPERATE)
def steps(request: PortalRequest) -> HttpResponse:
    """Who is told next while nobody is on a critical alert; an empty line is no step."""
    wanted: list[tuple[int, Channel | None, int | None]] = []
    try:
        for number in range(1, STEPS + 1):
            minutes, who = request.POST.get(f"after_{number}", "").strip(), request.POST.get(f"who_{number}", "")
            if not minutes and not who:
                continue
            if not minutes.isdigit() or not who:
                raise PortalError(f"Step {number}: say after how many minutes, and who.")
            channel = (
                None if who in {"duty-1", "duty-2"} else Channel.objects.filter(pk=who if who.isdigit() else 0, ended_at=None).first()
            )
            if channel is None and not who.startswith("duty-"):
                raise PortalError(f"Step {number}: this channel is not there any more.")
            wanted.append((int(minutes), channel, int(who[5:]) if channel is None else None))
        escalation.set_steps(steps=wanted, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _on_call(request, error=error)
    return see(request, "monitoring:on-call")


def _on_call(request: PortalRequest, *, form: DutyForm | None = None, error: PortalError | None = None) -> HttpResponse:
    now = timezone.now()
    context = {
        "on_duty": [escalation.on_duty(place, now=now) for place in (1, 2)], "shifts": queries.coming_shifts(now=now),
        "steps": queries.steps(STEPS), "channels": Channel.objects.filter(ended_at=None).order_by("name"), "form": form or DutyForm(),
        "error": error,
    }  # fmt: skip
    return render_page(request, "monitoring/on_call.html", context, status=422 if error or (form and form.errors) else 200)
