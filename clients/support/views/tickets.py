"""Tickets: raised, read, answered."""

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clients.models import Client
from clients.support import queries
from clients.support.choices import Priority, State
from clients.support.forms import AnswerForm, QuestionForm
from clients.support.models import Ticket
from clients.support.services import knowledge, promises, tickets
from portal.accounts.models import User
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see
from portal.ui.downloads import download
from portal.ui.uploads import LARGEST_B, too_large

PAGE = 50


@require_GET
@requires(Permission.SEE)
def ticket_list(request: PortalRequest) -> HttpResponse:
    """Open tickets first; all of them by their words."""
    words, state, client_id = request.GET.get("words", "")[:200], request.GET.get("state", "open"), request.GET.get("client", "")
    if words and "state" not in request.GET:
        state = ""
    rows = queries.ticket_list(
        request.actor, state=state if state in {*State.values, "open"} else "", words=words, mine=bool(request.GET.get("mine")),
        client_id=int(client_id) if client_id.isdigit() and len(client_id) < 12 else None,
    )  # fmt: skip
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page, "words": words, "state": state, "states": State, "now": timezone.now(), "mine": request.GET.get("mine", ""),
        "clients": Client.objects.visible_to(request.actor).asking(now=timezone.now()).order_by("name", "pk"), "client_id": client_id,
    }  # fmt: skip
    return render_page(request, "support/tickets.html", context, fragment="list")


@require_http_methods(["GET", "POST"])
@requires(Permission.SEE, change=Permission.RAISE_TICKETS)
def ticket_new(request: PortalRequest, client_id: int) -> HttpResponse:
    """Raise a ticket; before it is sent, answers that fit are offered."""
    client = get_object_or_404(Client.objects.visible_to(request.actor).asking(now=timezone.now()), pk=client_id)
    fields = {"systems": queries.systems_of(client), "people": queries.colleagues(client)}
    if request.method == "GET":
        own = queries.colleagues(client).filter(pk=request.actor.user_id or 0).first()
        return _new_page(request, client, QuestionForm(initial={"person": own}, **fields))
    form = QuestionForm(request.POST, request.FILES, **fields)
    if too_large(request):
        form.add_error("upload", _("The files are larger than %(size)d MB together.") % {"size": LARGEST_B // 1024 // 1024})
    if not form.is_valid():
        return _new_page(request, client, form, status=422)
    given = form.cleaned_data
    question = tickets.Question(
        subject=given["subject"], body=given["body"], form=given["form"], priority=given["priority"], system=given["system"],
        name=given["name"], email=given["email"], about={"what": given["about"]} if given["about"] else {}, files=given["upload"],
    )  # fmt: skip
    try:
        ticket = tickets.raise_ticket(client=client, question=question, actor=request.actor, person=given["person"], now=timezone.now())
    except PortalError as error:
        return _new_page(request, client, form, error=error, status=422)
    return see(request, "support:ticket", ticket.pk)


def _new_page(
    request: PortalRequest, client: Client, form: QuestionForm, *, error: PortalError | None = None, status: int = 200
) -> HttpResponse:
    promised = promises.promise(client=client, priority=Priority.NORMAL, at=timezone.now())
    context = {"client": client, "form": form, "error": error, "due": promised.response_due_at}
    return render_page(request, "support/ticket_new.html", context, status=status)


@require_GET
@requires(Permission.SEE)
def new_choose(request: PortalRequest) -> HttpResponse:
    """For whom: at once where somebody belongs to one client."""
    clients = list(Client.objects.visible_to(request.actor).asking(now=timezone.now()).order_by("name", "pk")[:500])
    if len(clients) == 1:
        return see(request, "support:ticket-new", clients[0].pk)
    return render_page(request, "support/ticket_choose.html", {"clients": clients})


@require_GET
@requires(Permission.SEE)
def ticket(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """A thread."""
    return page(request, visible(request, ticket_id))


def page(request: PortalRequest, row: Ticket, *, form: Any = None, error: PortalError | None = None, status: int = 200) -> HttpResponse:
    """A ticket's page, maybe with what went wrong and what was typed."""
    context: dict[str, Any] = {
        "thread": queries.thread(row, request.actor),
        "ticket": row,
        "form": form or AnswerForm(),
        "error": error,
        "now": timezone.now(),
        "priorities": Priority.choices,
        "links": row.links.order_by("kind", "target_id"),
    }
    if request.actor.sees_all_clients:
        context |= {
            "staff": queries.staff(), "templates": queries.templates(row.language), "colleagues": queries.colleagues(row.client),
            "systems": queries.systems_of(row.client), "actions": queries.actions_of(row),
            "logins": queries.logins_of(row.client) if row.form == "sharing" else [],
            "found": knowledge.search(words=row.subject, client_ids=[row.client_id], language=row.language, most=3),
        }  # fmt: skip
    return render_page(request, "support/ticket.html", context, fragment="thread", status=status)


def visible(request: PortalRequest, ticket_id: int) -> Ticket:
    """A ticket that the person may see; else there is none."""
    return get_object_or_404(queries.tickets_for(request.actor).select_related("requester", "merged_into", "calendar"), pk=ticket_id)


@require_POST
@requires(Permission.RAISE_TICKETS)
def answer(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """Write into a thread: for all, or of ours for ourselves."""
    row, form = visible(request, ticket_id), AnswerForm(request.POST, request.FILES)
    if too_large(request):
        form.add_error("upload", _("The files are larger than %(size)d MB together.") % {"size": LARGEST_B // 1024 // 1024})
    if not form.is_valid():
        return page(request, row, form=form, status=422)
    body, then, now = form.cleaned_data["body"], request.POST.get("then", ""), timezone.now()
    try:
        if then == "note":
            tickets.note(ticket=row, body=body, actor=request.actor, now=now)
        else:
            tickets.answer(ticket=row, body=body, files=form.cleaned_data["upload"], then=then, actor=request.actor, now=now)
    except PortalError as error:
        return page(request, row, form=form, error=error, status=422)
    return see(request, "support:ticket", row.pk)


@require_POST
@requires(Permission.RAISE_TICKETS)
def resolve(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """It is over."""
    row = visible(request, ticket_id)
    try:
        tickets.resolve(ticket=row, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return page(request, row, error=error, status=422)
    return see(request, "support:ticket", row.pk)


@require_POST
@requires(Permission.RAISE_TICKETS)
def rate(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """Whether it helped."""
    row = visible(request, ticket_id)
    try:
        tickets.rate(
            ticket=row,
            helped=request.POST.get("helped") == "yes",
            words=request.POST.get("words", ""),
            actor=request.actor,
            now=timezone.now(),
        )
    except PortalError as error:
        return page(request, row, error=error, status=422)
    return see(request, "support:ticket", row.pk)


@require_POST
@requires(Permission.RAISE_TICKETS)
def watch(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """Be told of it, or no longer: oneself, or a colleague."""
    row = visible(request, ticket_id)
    wanted, own = request.POST.get("person", ""), request.actor.user_id or 0
    number = int(wanted) if wanted.isdigit() and len(wanted) < 12 else own
    # of ours: anybody of the client; of theirs: themselves alone
    people = queries.colleagues(row.client) if request.actor.sees_all_clients and number != own else User.objects.filter(pk=own)
    person = people.filter(pk=number).first()
    if person is None:
        raise Http404
    tickets.watch(ticket=row, person=person, on=request.POST.get("watch") == "yes", actor=request.actor, now=timezone.now())
    return see(request, "support:ticket", row.pk)


@require_GET
@requires(Permission.SEE)
def attachment(request: PortalRequest, ticket_id: int, attachment_id: int) -> HttpResponse:
    """A file, saved and never shown."""
    row = visible(request, ticket_id)
    file = get_object_or_404(queries.attachment_for(request.actor, row), pk=attachment_id)
    return download(bytes(file.content), filename=file.name, content_type="application/octet-stream")


def language() -> str:
    """What the page is in."""
    return "de" if (get_language() or "").startswith("de") else "en"
