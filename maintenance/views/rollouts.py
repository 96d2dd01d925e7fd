"""Rollouts: what is ready, what is on its way, and the approval."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseStopPolling

from clients.models import Client
from maintenance import queries
from maintenance.forms import ApprovalForm, ReasonForm, RolloutForm
from maintenance.models import Rollout
from maintenance.services import rollouts, runs, upgrades
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see, wants_fragment


@require_GET
@requires(Permission.SEE)
def rollout_list(request: PortalRequest) -> HttpResponse:
    """Clients with something decided, and all rollouts."""
    page = Paginator(queries.rollouts_for(request.actor), 50).get_page(request.GET.get("page"))
    ready = queries.clients_ready(request.actor) if request.actor.may(Permission.OPERATE) else []
    return render_page(request, "maintenance/rollouts.html", {"page": page, "ready": ready})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPERATE)
def rollout_new(request: PortalRequest, client_id: int) -> HttpResponse:
    """Put a rollout together: which systems, and how."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    now = timezone.now()
    systems = list(rollouts.ready(client, now=now))
    lines = []
    for system in systems:
        updates = runs.decided_updates(system)
        lines.append(queries.ReadySystem(system, updates, runs.unverified_on_staging(system, updates)))
    form = RolloutForm(request.POST or None, systems=systems)
    if request.method == "POST" and form.is_valid():
        try:
            rollout = rollouts.start(
                client=client, systems=form.cleaned_data["systems"], emergency=form.cleaned_data["emergency"],
                reason=form.cleaned_data["reason"], restart=form.cleaned_data["restart"],
                share_percent=form.cleaned_data["share_percent"], actor=request.actor, now=now,
            )  # fmt: skip
            return see(request, "maintenance:rollout", rollout.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    context = {"client": client, "form": form, "lines": lines}
    return render_page(request, "maintenance/rollout_new.html", context, status=422 if form.errors else 200)


@require_GET
@requires(Permission.SEE)
def rollout_detail(request: PortalRequest, rollout_id: int) -> HttpResponse:
    """A rollout with its plan, its systems and who approved it; the live part refreshes itself to the end."""
    return _page(request, _rollout(request, rollout_id))


@require_POST
@requires(Permission.APPROVE, fresh=True)
def rollout_approve(request: PortalRequest, rollout_id: int) -> HttpResponse:
    """Let the plan that was read pass to production."""
    rollout = _rollout(request, rollout_id)
    form = ApprovalForm(request.POST)
    if form.is_valid():
        try:
            rollouts.approve(
                rollout=rollout, plan_hash=form.cleaned_data["plan_hash"], note=form.cleaned_data["note"], actor=request.actor,
                now=timezone.now(),
            )  # fmt: skip
            return see(request, "maintenance:rollout", rollout.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, rollout, form=form)


@require_POST
@requires(Permission.OPERATE)
def rollout_cancel(request: PortalRequest, rollout_id: int) -> HttpResponse:
    """End a rollout that has not reached production."""
    rollout = _rollout(request, rollout_id)
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            rollouts.cancel(rollout=rollout, reason=form.cleaned_data["reason"], actor=request.actor, now=timezone.now())
            return see(request, "maintenance:rollout", rollout.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, rollout, form=form)


def _rollout(request: PortalRequest, rollout_id: int) -> Rollout:
    rows = Rollout.objects.visible_to(request.actor).select_related("client", "asked_by", "document__plan")
    return get_object_or_404(rows, pk=rollout_id)


def _page(request: PortalRequest, rollout: Rollout, *, form: ApprovalForm | ReasonForm | None = None) -> HttpResponse:
    context = {
        "rollout": rollout,
        "targets": queries.targets_of(rollout),
        "approval": rollout.approvals.first(),
        "form": form,
        "content": upgrades.read(rollout.document) if rollout.document else None,
        "may_approve": request.actor.may(Permission.APPROVE) and request.actor.user_id != rollout.asked_by_id,
    }
    wrong = form is not None and bool(form.errors)
    answer = render_page(request, "maintenance/rollout.html", context, fragment="live", status=422 if wrong else 200)
    if wants_fragment(request) and not rollout.is_open:
        return HttpResponseStopPolling(answer.content)
    return answer
