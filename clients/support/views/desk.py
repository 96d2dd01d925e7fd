"""What operators do with tickets: give, sort, join, part, link; held mail; words that are used often."""

from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clients.models import Client, System
from clients.support import queries
from clients.support.forms import TemplateForm
from clients.support.models import AnswerTemplate, IncomingMail, Ticket
from clients.support.services import guided, incoming, profiles, templates, tickets
from clients.support.views.tickets import page, visible
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see
from portal.ui.downloads import download


@require_POST
@requires(Permission.OPERATE)
def change(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """Who has it, how urgent it is, with which it is joined."""
    row, now, actor = visible(request, ticket_id), timezone.now(), request.actor
    try:
        if "person" in request.POST:
            person = queries.staff().filter(pk=_number(request.POST["person"])).first()
            tickets.assign(ticket=row, person=person, actor=actor, now=now)
        if "priority" in request.POST:
            tickets.set_priority(ticket=row, priority=request.POST["priority"], actor=actor, now=now)
        if "into" in request.POST:
            target = Ticket.objects.visible_to(actor).filter(pk=_number(request.POST["into"].strip().lstrip("#"))).first()
            if target is None:
                raise PortalError("There is no ticket of this number.")
            tickets.merge(ticket=row, into=target, actor=actor, now=now)
            return see(request, "support:ticket", target.pk)
    except PortalError as error:
        return page(request, row, error=error, status=422)
    return see(request, "support:ticket", row.pk)


@require_POST
@requires(Permission.OPERATE)
def split(request: PortalRequest, ticket_id: int, message_id: int) -> HttpResponse:
    """Make a ticket of its own of a message."""
    row = visible(request, ticket_id)
    message = get_object_or_404(row.messages.select_related("ticket__client"), pk=message_id)
    try:
        made = tickets.split(message=message, subject=request.POST.get("subject", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return page(request, row, error=error, status=422)
    return see(request, "support:ticket", made.pk)


@require_POST
@requires(Permission.OPERATE)
def password(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """A new password for an account on a system, done by a worker."""
    row, given = visible(request, ticket_id), request.POST
    try:
        guided.ask_for_password(
            ticket=row, system=_system(row, given), account=given.get("account", "").strip(), actor=request.actor, now=timezone.now()
        )
    except PortalError as error:
        return page(request, row, error=error, status=422)
    return see(request, "support:ticket", row.pk)


@require_POST
@requires(Permission.OPERATE)
def share(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """A share link to a file, made by a worker."""
    row, given = visible(request, ticket_id), request.POST
    try:
        login = queries.logins_of(row.client).filter(pk=_number(given.get("login", ""))).first()
        if login is None:
            raise PortalError("Choose a login of the vault.", hint="An app password of that Nextcloud, with its user name.")
        guided.ask_for_share(
            ticket=row,
            system=_system(row, given),
            path=given.get("path", "").strip(),
            login=login,
            actor=request.actor,
            now=timezone.now(),
        )
    except PortalError as error:
        return page(request, row, error=error, status=422)
    return see(request, "support:ticket", row.pk)


def _system(ticket: Ticket, given: QueryDict) -> System:
    system = queries.systems_of(ticket.client).filter(pk=_number(given.get("system", ""))).first()
    if system is None:
        raise PortalError("Choose one of the client's systems.")
    return system


@require_POST
@requires(Permission.OPERATE)
def profile(request: PortalRequest, ticket_id: int) -> HttpResponse:
    """Answer with a mail profile for a phone."""
    row = visible(request, ticket_id)
    try:
        profiles.send_profile(ticket=row, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return page(request, row, error=error, status=422)
    return see(request, "support:ticket", row.pk)


@require_GET
@requires(Permission.SEE_FLEET)
def mail(request: PortalRequest) -> HttpResponse:
    """Mail that is held, and what became of the rest."""
    return _mail_page(request)


def _mail_page(request: PortalRequest, *, error: PortalError | None = None) -> HttpResponse:
    context = {
        "held": queries.held_mail()[:200],
        "page": Paginator(queries.other_mail(), 50).get_page(request.GET.get("page")),
        "error": error,
        "failed": queries.failed_mail()[:50],
        "clients": Client.objects.visible_to(request.actor).filter(ended_at=None).order_by("name", "pk"),
    }
    return render_page(request, "support/mail.html", context, status=422 if error else 200)


@require_POST
@requires(Permission.OPERATE)
def mail_assign(request: PortalRequest, mail_id: int) -> HttpResponse:
    """Say where a held mail belongs, or that it is nothing."""
    row, now = get_object_or_404(IncomingMail.objects.visible_to(request.actor), pk=mail_id), timezone.now()
    try:
        if request.POST.get("discard"):
            incoming.discard(mail=row, actor=request.actor, now=now)
            return see(request, "support:mail")
        client = Client.objects.visible_to(request.actor).filter(pk=_number(request.POST.get("client", ""))).first()
        ticket = queries.tickets_for(request.actor).filter(pk=_number(request.POST.get("ticket", "").lstrip("#"))).first()
        made = incoming.assign_held(mail=row, client=client, ticket=ticket, actor=request.actor, now=now)
    except PortalError as error:
        return _mail_page(request, error=error)
    return see(request, "support:ticket", made.pk)


@require_GET
@requires(Permission.SEE_FLEET)
def mail_original(request: PortalRequest, mail_id: int) -> HttpResponse:
    """A mail as it came."""
    row = get_object_or_404(IncomingMail.objects.visible_to(request.actor), pk=mail_id)
    return download(bytes(row.original), filename=f"mail-{row.pk}.eml", content_type="application/octet-stream")


@require_http_methods(["GET", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.OPERATE)
def template_list(request: PortalRequest) -> HttpResponse:
    """Words that are used often."""
    form, error = TemplateForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        try:
            templates.write(**form.cleaned_data, actor=request.actor, now=timezone.now())
            return see(request, "support:templates")
        except PortalError as problem:
            error = problem
    rows = AnswerTemplate.objects.filter(ended_at=None).order_by("language", "name")
    return render_page(
        request, "support/templates.html", {"rows": rows, "form": form, "error": error}, status=422 if form.errors or error else 200
    )


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 18 else 0
