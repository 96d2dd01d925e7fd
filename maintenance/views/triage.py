"""The triage queue."""

from typing import Any, cast
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clients.models import Client
from maintenance import queries
from maintenance.choices import Priority
from maintenance.forms import DecisionForm
from maintenance.models import SavedView
from maintenance.queries import TriageFilter, TriageRow
from maintenance.services import priorities, triage_lines
from maintenance.services.decisions import UpdateKey, decide
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see

PAGE_SIZE = 50
NAMES_SHOWN = 5
COLUMNS = [("package", "Update"), ("priority", "Priority"), ("severity", "Severity"), ("security", "Security"), ("systems", "Systems"),
           ("age", "Pending"), ("due", "Due")]  # fmt: skip


@require_GET
@requires(Permission.SEE_FLEET)
def triage(request: PortalRequest) -> HttpResponse:
    """One row per update across the fleet; filters are in the address."""
    return _page(request, request.GET)


@require_POST
@requires(Permission.OPERATE)
def decide_updates(request: PortalRequest) -> HttpResponse:
    """Decide about the chosen rows, and answer with the rows that are left. Nothing typed is lost on an error."""
    form = DecisionForm(request.POST)
    chosen = request.POST.getlist("update")
    done = ""
    if not chosen:
        form.add_error(None, "Choose at least one update.")
    elif form.is_valid():
        wanted = _filter(request.POST)
        try:
            decide(
                keys=[UpdateKey.parse(text) for text in chosen], kind=form.cleaned_data["kind"],
                reason=form.cleaned_data["reason"], defer_until=form.cleaned_data["defer_until"],
                environment=form.cleaned_data["scope"] or wanted.environment, client_id=wanted.client_id,
                actor=request.actor, now=timezone.now(),
            )  # fmt: skip
            done = f"{len(chosen)} update{'s' * (len(chosen) > 1)}: {form.cleaned_data['kind']}."
            form, chosen = DecisionForm(), []
        except PortalError as error:
            form.add_error(None, str(error))
    return _page(request, request.POST, form=form, chosen=chosen, done=done)


@require_POST
@requires(Permission.SEE_FLEET)
def save_view(request: PortalRequest) -> HttpResponse:
    """Give the filters that are in force a name, or forget a named one."""
    name, query = request.POST.get("name", "").strip()[:60], request.POST.get("query", "")[:500]
    if request.POST.get("forget"):
        SavedView.objects.filter(Q(user_id=request.actor.user_id), name=request.POST.get("view", "")).delete()
    elif name:
        SavedView.objects.update_or_create(user_id=cast("int", request.user.pk), name=name, defaults={"query": query})
    return see(request, "maintenance:triage")


def _filter(values: Any) -> TriageFilter:
    client = values.get("client", "")
    return TriageFilter(
        search=values.get("q", "")[:200],
        client_id=int(client) if client.isdecimal() and len(client) < 18 else None,
        environment=values.get("environment", ""),
        security=values.get("security", ""),
        state=values.get("state", "open"),
        since=values.get("since", ""),
        sort=values.get("sort", "due"),
    )


def _page(
    request: PortalRequest, values: Any, *, form: DecisionForm | None = None, chosen: list[str] | None = None, done: str = ""
) -> HttpResponse:
    now = timezone.now()
    wanted = _filter(values)
    triage_lines.refresh()
    clients = list(Client.objects.visible_to(request.actor).order_by("name", "pk"))
    names_of = {client.pk: client.name for client in clients}
    page = Paginator(queries.triage_keys(request.actor, wanted, now=now), PAGE_SIZE).get_page(values.get("page"))
    rows = [
        {"update": row, "priority": Priority(row.rank).label, "why": _why(row), "clients": _some(names_of, row.client_ids)}
        for row in queries.triage_rows(request.actor, wanted, list(page), now=now)
    ]
    names = ("q", "client", "environment", "security", "state", "since", "sort")
    context = {
        "page": page, "rows": rows, "wanted": wanted, "form": form or DecisionForm(), "chosen": set(chosen or []), "done": done,
        "now": now,
        "clients": clients,
        "address": urlencode({name: values.get(name) for name in names if values.get(name)}),
        "sort_address": urlencode({name: values.get(name) for name in names[:-1] if values.get(name)}),
        "notices": queries.feed_notices(now=now),
        "columns": COLUMNS,
        "yesterday": queries.since_yesterday(request.actor, now=now),
        "views": SavedView.objects.filter(Q(user_id=request.actor.user_id)).order_by("name"),
    }  # fmt: skip
    wrong = form is not None and bool(form.errors)
    return render_page(request, "maintenance/triage.html", context, fragment="queue", status=422 if wrong else 200)


def _why(row: TriageRow) -> str:
    return priorities.words(
        exploited=row.exploited_since is not None, severity=row.severity, likelihood=row.likelihood, exposures=sorted(row.exposures),
        exposed_production=len(row.exposed_production),
    )  # fmt: skip


def _some(names_of: dict[int, str], ids: set[int]) -> str:
    """A few of the clients by name, and how many more there are."""
    names = sorted(names_of.get(pk, "?") for pk in ids)
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else "")
