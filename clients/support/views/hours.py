"""Hours of the retainer: what a month stands at, what was billed, and what is noted."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from clients.models import Client
from clients.support import queries
from clients.support.forms import PlanForm, TimeForm
from clients.support.models import Plan, Statement, TimeEntry
from clients.support.services import hours
from clients.support.views.tickets import page as ticket_page
from clients.support.views.tickets import visible
from portal.accounts.models import User
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see
from portal.ui.downloads import csv_download


@require_GET
@requires(Permission.SEE_HOURS)
def account(request: PortalRequest, client_id: int) -> HttpResponse:
    """A client's hours."""
    return _page(request, _client(request, client_id))


def _client(request: PortalRequest, client_id: int) -> Client:
    return get_object_or_404(Client.objects.visible_to(request.actor, Permission.SEE_HOURS), pk=client_id)


def _page(request: PortalRequest, client: Client, *, error: PortalError | None = None, **forms: Any) -> HttpResponse:
    today = timezone.localdate()
    context = {
        "client": client,
        "account": hours.account(client=client, month=today),
        "entries": queries.entries_of(client, statement=None)[:200],
        "statements": queries.statements_of(client),
        "error": error,
        "plans": Plan.objects.filter(client=client).order_by("-from_month"),
        "last": hours.previous(today),
        "time_form": forms.get("time_form") or TimeForm(initial={"spent_on": today}),
        "plan_form": forms.get("plan_form") or PlanForm(initial={"from_month": hours.following(today)}),
    }
    return render_page(request, "support/hours.html", context, status=422 if error or forms else 200)


@require_POST
@requires(Permission.OPERATE)
def note(request: PortalRequest, client_id: int) -> HttpResponse:
    """Note hours for a client."""
    client, form = _client(request, client_id), TimeForm(request.POST)
    if not form.is_valid():
        return _page(request, client, time_form=form)
    try:
        hours.note(client=client, ticket=None, person=_person(request), actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except PortalError as error:
        return _page(request, client, error=error, time_form=form)
    return see(request, "support:hours", client.pk)


@require_POST
@requires(Permission.OPERATE)
def note_on_ticket(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """Note hours on a ticket: typed, or by the clock in the page."""
    row, now = visible(request, ticket_id), timezone.now()
    try:
        if request.POST.get("timer") == "start":
            hours.start_timer(ticket=row, person=_person(request), actor=request.actor, now=now)
        elif request.POST.get("timer") == "stop":
            hours.stop_timer(person=_person(request), words=request.POST.get("words", ""), actor=request.actor, now=now)
        else:
            form = TimeForm({**request.POST.dict(), "work": "ticket"})
            if not form.is_valid():
                raise PortalError("Write hours like 0.25, what it was, and the day.")
            hours.note(client=row.client, ticket=row, person=_person(request), actor=request.actor, now=now, **form.cleaned_data)
    except PortalError as error:
        return ticket_page(request, row, error=error, status=422)
    return see(request, "support:ticket", row.pk)


@require_POST
@requires(Permission.OPERATE)
def reverse_entry(request: PortalRequest, client_id: int, entry_id: int) -> HttpResponse:
    """Take hours back."""
    client = _client(request, client_id)
    entry = get_object_or_404(TimeEntry.objects.filter(client=client), pk=entry_id)
    try:
        hours.reverse(entry=entry, why=request.POST.get("why", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, client, error=error)
    return see(request, "support:hours", client.pk)


@require_POST
@requires(Permission.OPERATE)
def plan(request: PortalRequest, client_id: int) -> HttpResponse:
    """What the retainer includes from a month on."""
    client, form = _client(request, client_id), PlanForm(request.POST)
    if not form.is_valid():
        return _page(request, client, plan_form=form)
    try:
        hours.set_plan(client=client, actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except PortalError as error:
        return _page(request, client, error=error, plan_form=form)
    return see(request, "support:hours", client.pk)


@require_POST
@requires(Permission.OPERATE)
def close(request: PortalRequest, client_id: int) -> HttpResponse:
    """Close the month that is over."""
    client = _client(request, client_id)
    try:
        hours.close(client=client, month=hours.previous(timezone.localdate()), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, client, error=error)
    return see(request, "support:hours", client.pk)


@require_GET
@requires(Permission.SEE_HOURS)
def statement(request: PortalRequest, client_id: int, statement_id: int) -> HttpResponse:
    """A month as it was closed."""
    client = _client(request, client_id)
    row = get_object_or_404(Statement.objects.filter(client=client), pk=statement_id)
    context = {"client": client, "statement": row, "entries": queries.entries_of(client, statement=row)}
    return render_page(request, "support/statement.html", context)


@require_GET
@requires(Permission.SEE_HOURS)
def statement_csv(request: PortalRequest, client_id: int, statement_id: int) -> HttpResponse:
    """The same for accountants."""
    client = _client(request, client_id)
    row = get_object_or_404(Statement.objects.filter(client=client), pk=statement_id)
    return csv_download(hours.rows(row), filename=f"hours-{client.slug}-{row.month:%Y-%m}.csv")


def _person(request: PortalRequest) -> User:
    return User.objects.get(pk=request.actor.user_id or 0)
