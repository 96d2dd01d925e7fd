"""Letting go of a client: looked at first, begun, stopped, gone on with; what the client says, and what was proven."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from handover.choices import LettingState
from handover.models import LettingGo, LettingStep
from handover.queries import client_of
from handover.services import letting, records
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def page(request: PortalRequest, client_id: int) -> HttpResponse:
    """Where letting go of a client stands."""
    return _page(request, client_id)


def _page(request: PortalRequest, client_id: int, *, error: PortalError | None = None) -> HttpResponse:
    client = client_of(request.actor, client_id)
    row = LettingGo.objects.filter(client=client).order_by("-begun_at", "-pk").first()
    steps = LettingStep.objects.filter(letting=row).select_related("system", "credential").order_by("kind", "pk") if row else []
    context = {
        "client": client,
        "row": row,
        "steps": steps,
        "error": error,
        "owner": request.actor.may(Permission.RECEIVE_HANDOVER, client.pk),
        "kept": "\n".join(records.kept_words(client, at=timezone.now())),
        "states": LettingState,
    }
    return render_page(request, "handover/letting.html", context, fragment="live", status=422 if error else 200)


@require_POST
@requires(Permission.APPROVE, fresh=True)
def change(request: PortalRequest, client_id: int) -> HttpResponse:
    """Look, begin or go on, stop, or finish."""
    client, now, wanted = client_of(request.actor, client_id), timezone.now(), request.POST.get("do", "")
    row = LettingGo.objects.filter(client=client).exclude(state=LettingState.DONE).select_related("client").first()
    try:
        if wanted == "plan":
            letting.plan(client=client, actor=request.actor, now=now)
        elif row is None:
            raise PortalError("Look first what there is to let go of.")
        elif wanted == "begin":
            letting.begin(letting=row, confirmation=request.POST.get("confirmation", ""), actor=request.actor, now=now)
        elif wanted == "stop":
            letting.stop(letting=row, why=request.POST.get("why", ""), actor=request.actor, now=now)
        else:
            letting.finish(letting=row, actor=request.actor, now=now)
    except PortalError as error:
        return _page(request, client_id, error=error)
    return see(request, "handover:letting", client.pk)


def _step(request: PortalRequest, step_id: int, permission: Permission) -> LettingStep:
    rows = LettingStep.objects.visible_to(request.actor, permission).select_related("letting", "credential", "system")
    row: LettingStep = get_object_or_404(rows, pk=step_id)
    return row


@require_POST
@requires(Permission.RECEIVE_HANDOVER)
def changed(request: PortalRequest, step_id: int) -> HttpResponse:
    """The client's owner says that they set a new one."""
    row = _step(request, step_id, Permission.RECEIVE_HANDOVER)
    try:
        letting.changed(step=row, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row.client_id, error=error)
    return see(request, "handover:letting", row.client_id)


@require_POST
@requires(Permission.APPROVE)
def unproven(request: PortalRequest, step_id: int) -> HttpResponse:
    """Go on without a proof."""
    row = _step(request, step_id, Permission.APPROVE)
    try:
        letting.leave_unproven(step=row, why=request.POST.get("why", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row.client_id, error=error)
    return see(request, "handover:letting", row.client_id)
