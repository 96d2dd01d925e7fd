"""The structured handover: its checklist, its sessions, and what the client's people signed."""

from datetime import date, datetime

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.views.decorators.http import require_GET, require_POST

from handover.choices import PHASES, ItemState, Phase
from handover.models import ChecklistItem, Handover, Question, TeachingSession
from handover.queries import client_of, runbooks_of
from handover.services import plan as service
from portal.accounts.models import User
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import STAFF, Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def plan(request: PortalRequest, client_id: int) -> HttpResponse:
    """A client's handover."""
    return _page(request, client_id)


def _page(request: PortalRequest, client_id: int, *, error: PortalError | None = None) -> HttpResponse:
    client = client_of(request.actor, client_id)
    row = Handover.objects.filter(client=client).order_by("-begun_at").first()
    items = list(ChecklistItem.objects.filter(handover=row).select_related("owner").order_by("position", "pk")) if row else []
    phases = [(phase, [item for item in items if item.phase == phase]) for phase in PHASES if phase != Phase.CLOSED]
    sessions = (
        TeachingSession.objects.filter(handover=row)
        .select_related("runbook__system")
        .prefetch_related("attendances__user", "questions")
    )
    members = User.objects.filter(memberships__client=client, is_active=True).order_by("name", "pk")
    context = {
        "client": client,
        "handover": row,
        "phases": phases,
        "sessions": sessions.order_by("held_at", "pk") if row else [],
        "members": members,
        "staff": User.objects.filter(role__in=STAFF, is_active=True).order_by("name", "pk"),
        "runbooks": runbooks_of(client),
        "error": error,
        "states": ItemState.choices,
        "today": timezone.localdate(),
        "me": request.actor.user_id,
    }
    return render_page(request, "handover/plan.html", context, status=422 if error else 200)


def _day(text: str) -> date:
    found = parse_date(text) if text else None
    if found is None:
        raise PortalError("Write the day as year-month-day.")
    return found


def _moment(text: str) -> datetime:
    try:
        found = parse_datetime(text) if text else None
    except ValueError:
        found = None
    if found is None:
        raise PortalError("Write when it is.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


@require_POST
@requires(Permission.APPROVE)
def begin(request: PortalRequest, client_id: int) -> HttpResponse:
    """Begin a handover."""
    client = client_of(request.actor, client_id)
    try:
        days = request.POST.get("stand_by_days", "30")
        service.begin(
            client=client,
            goal_on=_day(request.POST.get("goal_on", "")),
            stand_by_days=int(days) if days.isdecimal() and len(days) < 5 else -1,
            actor=request.actor,
            now=timezone.now(),
        )
    except PortalError as error:
        return _page(request, client_id, error=error)
    return see(request, "handover:plan", client.pk)


@require_POST
@requires(Permission.APPROVE)
def advance(request: PortalRequest, handover_id: int) -> HttpResponse:
    """On to the next phase."""
    row = get_object_or_404(Handover.objects.visible_to(request.actor).select_related("client"), pk=handover_id)
    try:
        service.advance(handover=row, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row.client_id, error=error)
    return see(request, "handover:plan", row.client_id)


@require_POST
@requires(Permission.OPERATE)
def item(request: PortalRequest, item_id: int) -> HttpResponse:
    """Where a line of the checklist stands."""
    row = get_object_or_404(ChecklistItem.objects.visible_to(request.actor), pk=item_id)
    owner_id = request.POST.get("owner", "")
    try:
        owner = User.objects.filter(pk=int(owner_id)).first() if owner_id.isdecimal() and len(owner_id) < 18 else None
        due_on = _day(request.POST.get("due_on", row.due_on.isoformat()))
        service.tick(
            item=row,
            state=request.POST.get("state", ""),
            note=request.POST.get("note", ""),
            owner=owner,
            due_on=due_on,
            actor=request.actor,
            now=timezone.now(),
        )
    except PortalError as error:
        return _page(request, row.client_id, error=error)
    return see(request, "handover:plan", row.client_id)


@require_POST
@requires(Permission.OPERATE)
def add(request: PortalRequest, handover_id: int) -> HttpResponse:
    """One more line, or one more session."""
    row, now = get_object_or_404(Handover.objects.visible_to(request.actor), pk=handover_id), timezone.now()
    try:
        if request.POST.get("title") is not None:
            runbook_id = request.POST.get("runbook", "")
            runbook = (
                runbooks_of(row.client).filter(pk=int(runbook_id)).first() if runbook_id.isdecimal() and len(runbook_id) < 18 else None
            )
            people = [int(one) for one in request.POST.getlist("people") if one.isdecimal() and len(one) < 18]
            service.hold_session(
                handover=row,
                title=request.POST["title"],
                agenda=request.POST.get("agenda", ""),
                held_at=_moment(request.POST.get("held_at", "")),
                people=people,
                runbook=runbook,
                actor=request.actor,
                now=now,
            )
        else:
            service.add_item(
                handover=row,
                phase=request.POST.get("phase", ""),
                words=request.POST.get("words", ""),
                due_on=_day(request.POST.get("due_on", "")),
                actor=request.actor,
                now=now,
            )
    except PortalError as error:
        return _page(request, row.client_id, error=error)
    return see(request, "handover:plan", row.client_id)


def _session(request: PortalRequest, session_id: int) -> TeachingSession:
    row: TeachingSession = get_object_or_404(TeachingSession.objects.visible_to(request.actor), pk=session_id)
    return row


@require_POST
@requires(Permission.OPERATE)
def notes(request: PortalRequest, session_id: int) -> HttpResponse:
    """How a session went."""
    row = _session(request, session_id)
    service.note_session(session=row, notes=request.POST.get("notes", ""), actor=request.actor, now=timezone.now())
    return see(request, "handover:plan", row.client_id)


@require_POST
@requires(Permission.SEE)
def sign(request: PortalRequest, session_id: int) -> HttpResponse:
    """Sign that one was there and understood."""
    row = _session(request, session_id)
    try:
        service.sign(session=row, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row.client_id, error=error)
    return see(request, "handover:plan", row.client_id)


@require_POST
@requires(Permission.SEE)
def question(request: PortalRequest, session_id: int) -> HttpResponse:
    """Ask a question."""
    row = _session(request, session_id)
    try:
        service.ask_question(session=row, words=request.POST.get("words", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row.client_id, error=error)
    return see(request, "handover:plan", row.client_id)


@require_POST
@requires(Permission.OPERATE)
def answer(request: PortalRequest, question_id: int) -> HttpResponse:
    """Answer one."""
    row = get_object_or_404(Question.objects.visible_to(request.actor), pk=question_id)
    try:
        service.answer(question=row, words=request.POST.get("words", ""), actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row.client_id, error=error)
    return see(request, "handover:plan", row.client_id)
