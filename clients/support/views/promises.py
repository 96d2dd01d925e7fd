"""What a client is promised: hours until an answer, and the calendar that they are counted by."""

from datetime import date, time
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from clients.models import Client
from clients.services import calendars
from clients.support import queries
from clients.support.choices import Priority
from clients.support.forms import TargetsForm
from clients.support.services import promises
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_http_methods(["GET", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.OPERATE)
def targets(request: PortalRequest, client_id: int) -> HttpResponse:
    """Read and change both; a change makes a new version of the calendar, and counts for what is raised from now on."""
    client, now = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id), timezone.now()
    form, error = TargetsForm(request.POST or None, initial=_standing(client)), None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            promises.set_targets(
                client=client, hours={one: (given[f"response_{one}"], given[f"resolution_{one}"]) for one in Priority.values},
                actor=request.actor, now=now,
            )  # fmt: skip
            calendars.set_calendar(
                client=client,
                hours=_hours(given),
                region=given["region"].strip(),
                closed=_days(given["closed"]),
                actor=request.actor,
                now=now,
            )
            return see(request, "support:targets", client.pk)
        except PortalError as problem:
            error = problem
    context = {"client": client, "form": form, "error": error, "version": calendars.version_of(client, at=now)}
    return render_page(request, "support/targets.html", context, status=422 if error or form.errors else 200)


def _standing(client: Client) -> dict[str, Any]:
    now = timezone.now()
    calendar = calendars.calendar_of(client, at=now)
    found: dict[str, Any] = {"region": calendar.region, "closed": ", ".join(day.isoformat() for day in sorted(calendar.closed))}
    for day, (start, end) in calendar.hours.items():
        found |= {f"from_{day}": start, f"until_{day}": end}
    for priority, target in queries.targets_of(client).items():
        found |= {f"response_{priority}": target.response_h, f"resolution_{priority}": target.resolution_h}
    return found


def _hours(given: dict[str, Any]) -> dict[int, tuple[time, time]]:
    found: dict[int, tuple[time, time]] = {}
    for day in range(7):
        start, end = given[f"from_{day}"], given[f"until_{day}"]
        if (start is None) != (end is None):
            raise PortalError("A day has both a beginning and an end of work.", hint="Leave both fields of a free day empty.")
        if start is not None:
            found[day] = (start, end)
    return found


def _days(text: str) -> list[date]:
    try:
        return [date.fromisoformat(word.strip()) for word in text.replace("\n", ",").split(",") if word.strip()]
    except ValueError as error:
        raise PortalError("Free days are written like 2026-12-24, with commas between them.") from error
