"""Live terminals: opened, typed into, ended. The page asks a few times a second for what is new."""

import json

from csp.decorators import csp_update
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from handover.choices import OPEN_TERMINAL
from handover.models import LiveTerminal
from handover.queries import system_of
from handover.services import terminals
from handover.views.systems import PLAYER, walkthroughs_page
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import problem, render_page, see


@require_POST
@requires(Permission.OPERATE, fresh=True)
def start(request: PortalRequest, system_id: int) -> HttpResponse:
    """Ask for a terminal on a system."""
    system = system_of(request.actor, system_id)
    try:
        row = terminals.ask(system=system, title=request.POST.get("title", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return walkthroughs_page(request, system_id, error=error)
    return see(request, "handover:terminal", row.pk)


def _row(request: PortalRequest, terminal_id: int) -> LiveTerminal:
    rows = LiveTerminal.objects.visible_to(request.actor, Permission.OPERATE).select_related("system__client", "walkthrough")
    row: LiveTerminal = get_object_or_404(rows, pk=terminal_id)
    return row


@require_GET
@requires(Permission.OPERATE)
@csp_update(PLAYER)  # type: ignore[arg-type]  # csp knows plain requests only
def terminal(request: PortalRequest, terminal_id: int) -> HttpResponse:
    """The terminal for its own person; for others that there is one."""
    row = _row(request, terminal_id)
    context = {
        "row": row,
        "system": row.system,
        "own": row.started_by_id == request.actor.user_id,
        "open": row.state in OPEN_TERMINAL,
        "columns": terminals.COLUMNS,
        "rows": terminals.ROWS,
    }
    return render_page(request, "handover/terminal.html", context)


@require_POST
@requires(Permission.OPERATE)
def exchange(request: PortalRequest, terminal_id: int) -> HttpResponse:
    """What was typed goes, what was shown comes."""
    row = _row(request, terminal_id)
    try:
        typed, after = _read(request)
        given = terminals.exchange(terminal=row, typed=typed, after=after, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return problem(error)
    return JsonResponse(
        {
            "state": given.state,
            "open": given.state in OPEN_TERMINAL,
            "words": row.get_state_display(),
            "problem": given.problem,
            "shown": given.shown,
            "last": given.last,
            "where": reverse("handover:terminal", args=[row.pk]),
        }
    )


def _read(request: PortalRequest) -> tuple[str, int]:
    """The body of an exchange: what was typed, and the last number that the page has.

    Raises:
        PortalError: it is none.
    """
    try:
        said = json.loads(request.body)
        typed, after = said["typed"], said["after"]
    except (ValueError, KeyError, TypeError) as error:
        raise PortalError("This is no exchange with a terminal.") from error
    if not isinstance(typed, str) or not isinstance(after, int) or not 0 <= after < 2**62:
        raise PortalError("This is no exchange with a terminal.")
    return typed, after


@require_POST
@requires(Permission.OPERATE)
def chapter(request: PortalRequest, terminal_id: int) -> HttpResponse:
    """A chapter begins."""
    row = _row(request, terminal_id)
    title, words = request.POST.get("title", ""), request.POST.get("words", "")
    try:
        terminals.begin_chapter(terminal=row, title=title, words=words, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return problem(error)
    return HttpResponse(status=204)


@require_POST
@requires(Permission.OPERATE)
def end(request: PortalRequest, terminal_id: int) -> HttpResponse:
    """It is over: keep it, or throw it away."""
    row = _row(request, terminal_id)
    try:
        terminals.end(terminal=row, keep=request.POST.get("do") == "keep", actor=request.actor, now=timezone.now())
    except PortalError as error:
        return walkthroughs_page(request, row.system_id, error=error)
    return see(request, "handover:terminal", row.pk)
