"""The promise, month by month: what met its window, what did not and why, and the risks that the client took."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clients.models import Client
from maintenance.forms import ReasonForm, RiskForm
from maintenance.models import AcceptedRisk, Breach, PendingUpdate
from maintenance.services import promise
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import MemberRole, Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def compliance(request: PortalRequest, client_id: int) -> HttpResponse:
    """A client's month as a figure, with the list behind it."""
    return _page(request, get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id))


@require_POST
@requires(Permission.OPERATE)
def state_reasons(request: PortalRequest, client_id: int) -> HttpResponse:
    """Say why windows were missed."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    chosen = [int(pk) for pk in request.POST.getlist("breach") if pk.isdecimal() and len(pk) < 18]
    breaches = Breach.objects.filter(client=client, pk__in=chosen)
    try:
        promise.state_reason(breaches=breaches, reason=request.POST.get("reason", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, client, error=error)
    return see(request, "maintenance:promise", client.pk)


@require_POST
@requires(Permission.OPERATE)
def ask_risk(request: PortalRequest, update_id: int) -> HttpResponse:
    """Ask the client to take the risk of an update that is put off."""
    update = get_object_or_404(PendingUpdate.objects.visible_to(request.actor).select_related("client"), pk=update_id)
    form = RiskForm(request.POST)
    if not form.is_valid():
        return _page(request, update.client, error=PortalError("Say what the risk is, and until when it is taken."))
    try:
        promise.ask_to_accept(update=update, actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except PortalError as error:
        return _page(request, update.client, error=error)
    return see(request, "maintenance:promise", update.client_id)


@require_POST
@requires(Permission.ACCEPT_RISK, fresh=True)
def answer_risk(request: PortalRequest, risk_id: int) -> HttpResponse:
    """The client's owner takes a risk, or does not."""
    rows = AcceptedRisk.objects.visible_to(request.actor, Permission.ACCEPT_RISK).select_related("client")
    risk = get_object_or_404(rows, pk=risk_id)
    try:
        promise.answer_risk(risk=risk, accepted=request.POST.get("answer") == "accept", actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, risk.client, error=error)
    return see(request, "maintenance:promise", risk.client_id)


def _page(request: PortalRequest, client: Client, *, error: PortalError | None = None) -> HttpResponse:
    now = timezone.now()
    this = promise.this_month(client, now=now)
    first = promise.first_of(request.GET.get("month", ""), this)
    context = {
        "client": client, "error": error, "month": first, "found": promise.compliance(client, first, now=now),
        "breaches": Breach.objects.filter(client=client, reason="").select_related("update__system").order_by("due_at")[:200],
        "stated": Breach.objects.filter(client=client).exclude(reason="").select_related("update__system").order_by("-due_at")[:100],
        "risks": AcceptedRisk.objects.filter(client=client).select_related("update__system").order_by("-pk")[:100],
        "may_answer": (client.pk, MemberRole.OWNER.value) in request.actor.memberships, "form": ReasonForm(),
    }  # fmt: skip
    return render_page(request, "maintenance/promise.html", context, status=422 if error else 200)
