"""Runbooks: read, changed, rehearsed."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from handover.models import Rehearsal, Runbook
from handover.parsers.runbooks import script_of
from handover.queries import client_of, rehearsals_of, runbooks_of, system_of
from handover.services import runbooks, writing
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see
from portal.ui.downloads import download


@require_GET
@requires(Permission.SEE)
def runbook_list(request: PortalRequest, client_id: int) -> HttpResponse:
    """A client's runbooks with their last rehearsals."""
    client = client_of(request.actor, client_id)
    rows = runbooks.last_rehearsals(runbooks_of(client))
    systems = client.system_set.order_by("name", "pk")
    return render_page(request, "handover/runbooks.html", {"client": client, "rows": rows, "systems": systems})


def _visible(request: PortalRequest, runbook_id: int) -> Runbook:
    rows = runbooks.last_rehearsals(Runbook.objects.visible_to(request.actor).select_related("system__staging_twin", "client"))
    row: Runbook = get_object_or_404(rows, pk=runbook_id)
    return row


@require_GET
@requires(Permission.SEE)
def runbook(request: PortalRequest, runbook_id: int) -> HttpResponse:
    """One runbook."""
    return _page(request, _visible(request, runbook_id))


def _page(request: PortalRequest, row: Runbook, *, error: PortalError | None = None) -> HttpResponse:
    values = {
        "row": row,
        "text": writing.runbook_markdown(row, runbooks.read(row)),
        "rehearsals": rehearsals_of(row),
        "place": runbooks.place_of(row),
        "error": error,
    }
    return render_page(request, "handover/runbook.html", values, status=422 if error else 200)


@require_GET
@requires(Permission.SEE)
def script(request: PortalRequest, runbook_id: int) -> HttpResponse:
    """The runbook as a shell script."""
    row = _visible(request, runbook_id)
    return download(
        script_of(runbooks.read(row), row.values), filename=f"{row.slug}.sh", content_type="text/x-shellscript; charset=utf-8"
    )


@require_POST
@requires(Permission.OPERATE)
def rehearse(request: PortalRequest, runbook_id: int) -> HttpResponse:
    """Rehearse it now."""
    row = _visible(request, runbook_id)
    try:
        runbooks.rehearse(runbook=row, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row, error=error)
    return see(request, "handover:runbook", row.pk)


@require_GET
@requires(Permission.SEE)
def rehearsal(request: PortalRequest, rehearsal_id: int) -> HttpResponse:
    """What a rehearsal showed."""
    row = get_object_or_404(Rehearsal.objects.visible_to(request.actor).select_related("runbook__system", "system"), pk=rehearsal_id)
    return render_page(request, "handover/rehearsal.html", {"row": row}, fragment="live")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPERATE)
def write(request: PortalRequest, system_id: int, slug: str = "") -> HttpResponse:
    """Write a runbook, or change one."""
    system = system_of(request.actor, system_id)
    row = get_object_or_404(Runbook.objects.filter(system=system), slug=slug) if slug else None
    text = row.text if row else _NEW
    name, values, error = slug, dict(row.values) if row else {}, None
    if request.method == "POST":
        name, text = slug or request.POST.get("name", ""), request.POST.get("text", "")
        values = {key.removeprefix("value_"): value for key, value in request.POST.items() if key.startswith("value_")}
        try:
            made = runbooks.write(system=system, slug=name, text=text, values=values, actor=request.actor, now=timezone.now())
            return see(request, "handover:runbook", made.pk)
        except PortalError as problem:
            error = problem
    context = {"system": system, "row": row, "name": name, "text": text, "values": sorted(values.items()), "error": error}
    return render_page(request, "handover/runbook_edit.html", context, status=422 if error else 200)


_NEW = """# What it does
Who: operator
Parameter service: the unit | nginx.service

When and why.

## Look at it first
```sh check
systemctl status "$service" --no-pager
```

## Do it
```sh run timeout=60
true
```
```sh undo
true
```
"""
