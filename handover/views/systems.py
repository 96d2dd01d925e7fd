"""A system's document and its walkthroughs."""

from collections.abc import Iterator

from csp.decorators import csp_update
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from handover.choices import OPEN_TERMINAL, WalkthroughKind
from handover.models import LiveTerminal, MonthDifference, Papers, Prose, SystemDocument, Walkthrough
from handover.queries import system_of
from handover.services import diagrams, documents, papers, walkthroughs, writing
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui import ranges
from portal.ui.answers import problem, render_page, see
from portal.ui.downloads import download

# The player's terminal is WebAssembly, and its colours are styles of its elements.
PLAYER = {"script-src": ["'wasm-unsafe-eval'"], "style-src": ["'unsafe-inline'"], "media-src": ["'self'"]}


@require_GET
@requires(Permission.SEE)
def document(request: PortalRequest, system_id: int) -> HttpResponse:
    """The newest version of a system's document, or the one that is asked for."""
    system = system_of(request.actor, system_id)
    rows = SystemDocument.objects.filter(system=system).order_by("-number")
    number = request.GET.get("version", "")
    row = rows.filter(number=int(number)).first() if number.isdecimal() and len(number) < 9 else rows.first()
    return _document(request, system_id, row)


def _document(
    request: PortalRequest, system_id: int, row: SystemDocument | None, *, error: PortalError | None = None, prose: str | None = None
) -> HttpResponse:
    system = system_of(request.actor, system_id)
    before = SystemDocument.objects.filter(system=system, number=row.number - 1).first() if row else None
    return render_page(
        request,
        "handover/document.html",
        {
            "system": system,
            "document": row,
            "text": writing.document_markdown(system, row),
            "picture": diagrams.around(system, styled=False),
            "error": error,
            "versions": SystemDocument.objects.filter(system=system)
            .order_by("-number")
            .only("number", "collected_at", "confirmed_at")[:30],
            "changed": writing.difference_markdown(documents.difference(before.facts, row.facts)) if row and before else "",
            "months": [one for one in MonthDifference.objects.filter(system=system).order_by("-month")[:36] if one.changes],
            "prose": documents.prose_of(system.client_id, system.pk) if prose is None else prose,
            "papers": Papers.objects.filter(system=system).first(),
            "prose_versions": Prose.objects.filter(system=system).count(),
        },
        status=422 if error else 200,
    )


@require_GET
@requires(Permission.SEE)
def month(request: PortalRequest, system_id: int, difference_id: int) -> HttpResponse:
    """What became different in a month."""
    system = system_of(request.actor, system_id)
    row = get_object_or_404(MonthDifference.objects.filter(system=system), pk=difference_id)
    return render_page(request, "handover/month.html", {"system": system, "row": row, "text": writing.difference_markdown(row.changes)})


@require_GET
@requires(Permission.SEE)
def document_file(request: PortalRequest, system_id: int) -> HttpResponse:
    """The document as Markdown."""
    system = system_of(request.actor, system_id)
    text = writing.document_markdown(system, documents.newest(system.pk))
    return download(text, filename=f"{system.name}.md", content_type="text/markdown; charset=utf-8")


@require_POST
@requires(Permission.OPERATE)
def ask(request: PortalRequest, system_id: int) -> HttpResponse:
    """Ask for a fresh document, or a fresh tour."""
    system, tour = system_of(request.actor, system_id), bool(request.POST.get("tour"))
    try:
        papers.ask(system=system, tour=tour, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _document(request, system_id, documents.newest(system.pk), error=error)
    return see(request, "handover:walkthroughs" if tour else "handover:document", system.pk)


@require_POST
@requires(Permission.OPERATE)
def prose(request: PortalRequest, system_id: int) -> HttpResponse:
    """Write beside a document."""
    system, body = system_of(request.actor, system_id), request.POST.get("body", "")
    try:
        documents.write_prose(client=system.client, system=system, body=body, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _document(request, system_id, documents.newest(system.pk), error=error, prose=body)
    return see(request, "handover:document", system.pk)


@require_GET
@requires(Permission.SEE)
@csp_update(PLAYER)  # type: ignore[arg-type]  # csp knows plain requests only
def walkthrough_list(request: PortalRequest, system_id: int) -> HttpResponse:
    """A system's walkthroughs; the newest, or the one that is asked for, plays."""
    return walkthroughs_page(request, system_id)


def walkthroughs_page(request: PortalRequest, system_id: int, *, error: PortalError | None = None) -> HttpResponse:
    """The list, with what went wrong where something did."""
    system = system_of(request.actor, system_id)
    rows = Walkthrough.objects.filter(system=system, ended_at=None).order_by("-made_at", "-pk")
    wanted = request.GET.get("play", "")
    row = rows.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 18 else rows.first()
    return render_page(
        request,
        "handover/walkthroughs.html",
        {
            "system": system,
            "rows": rows.defer("cast"),
            "row": row,
            "chapters": walkthroughs.lines_of(row) if row else [],
            "error": error,
            "papers": Papers.objects.filter(system=system).first(),
            "live": LiveTerminal.objects.filter(system=system, state__in=OPEN_TERMINAL).first(),
        },
        status=422 if error else 200,
    )


@require_POST
@requires(Permission.OPERATE)
def upload_cast(request: PortalRequest, system_id: int) -> HttpResponse:
    """Bring a recording of a terminal."""
    system, file = system_of(request.actor, system_id), request.FILES.get("cast")
    try:
        if file is None:
            raise PortalError("Choose a file of at most 8 MiB.")
        text = file.read().decode("utf-8", errors="replace")
        walkthroughs.upload_cast(system=system, title=request.POST.get("title", ""), text=text, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return walkthroughs_page(request, system_id, error=error)
    return see(request, "handover:walkthroughs", system.pk)


@require_POST
@requires(Permission.OPERATE)
def upload_video(request: PortalRequest, system_id: int) -> HttpResponse:
    """Bring a video: the request's body is the file, read piece by piece as it comes."""
    system = system_of(request.actor, system_id)

    def pieces() -> Iterator[bytes]:
        while piece := request.read(1024 * 1024):
            yield piece

    try:
        walkthroughs.upload_video(
            system=system, title=request.GET.get("title", ""), pieces=pieces(), actor=request.actor, now=timezone.now()
        )
    except PortalError as error:
        return problem(error)
    return HttpResponse(status=204)


@require_GET
@requires(Permission.SEE)
def video(request: PortalRequest, video_id: int) -> HttpResponseBase:
    """A video's bytes, from where a player winds to."""
    row = get_object_or_404(
        Walkthrough.objects.visible_to(request.actor).filter(kind=WalkthroughKind.VIDEO, ended_at=None), pk=video_id
    )
    answer = ranges.send(request, walkthroughs.path_of(row), etag=row.sha256, content_type=row.content_type)
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@require_GET
@requires(Permission.SEE)
def cast(request: PortalRequest, walkthrough_id: int) -> HttpResponse:
    """A recording as a file."""
    row = get_object_or_404(Walkthrough.objects.visible_to(request.actor).exclude(kind=WalkthroughKind.VIDEO), pk=walkthrough_id)
    return download(row.cast, filename=f"walkthrough-{row.pk}.cast", content_type="application/x-asciicast")


@require_POST
@requires(Permission.OPERATE)
def end(request: PortalRequest, walkthrough_id: int) -> HttpResponse:
    """Take a walkthrough out."""
    row = get_object_or_404(Walkthrough.objects.visible_to(request.actor), pk=walkthrough_id)
    try:
        walkthroughs.end(walkthrough=row, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return walkthroughs_page(request, row.system_id, error=error)
    return see(request, "handover:walkthroughs", row.system_id)
