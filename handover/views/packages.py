"""Packages: asked for, looked at, fetched."""

from datetime import datetime
from typing import Any

from django.db.models import Count
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_POST

from handover.choices import PROTECTED, Form, PackageState
from handover.models import Download, Package
from handover.queries import client_of
from handover.services import packages, receiving, signing
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui import ranges
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE)
def package_list(request: PortalRequest, client_id: int) -> HttpResponse:
    """A client's packages."""
    return _list(request, client_id)


def _list(request: PortalRequest, client_id: int, *, error: PortalError | None = None) -> HttpResponse:
    client = client_of(request.actor, client_id)
    context = {
        "client": client,
        "rows": Package.objects.filter(client=client).order_by("-asked_at", "-pk")[:50],
        "key": receiving.current(client.pk),
        "plain": [(form.value, form.label) for form in Form if form not in PROTECTED],
        "error": error,
        "may_ask": request.actor.may(Permission.OPERATE) or request.actor.may(Permission.RECEIVE_HANDOVER, client.pk),
    }
    return render_page(request, "handover/packages.html", context, status=422 if error else 200)


@require_POST
@requires(Permission.SEE)
def ask(request: PortalRequest, client_id: int) -> HttpResponse:
    """Ask for a package: us, or the client's owner (the service holds that)."""
    client = client_of(request.actor, client_id)
    try:
        row = packages.ask(
            client=client,
            with_credentials=bool(request.POST.get("with_credentials")),
            plain_forms=request.POST.getlist("plain"),
            plain_reason=request.POST.get("plain_reason", ""),
            actor=request.actor,
            now=timezone.now(),
        )
    except PortalError as error:
        return _list(request, client_id, error=error)
    return see(request, "handover:package", row.pk)


def _visible(request: PortalRequest, package_id: int, permission: Permission = Permission.SEE) -> Package:
    rows = Package.objects.visible_to(request.actor, permission).select_related("client", "approved_by")
    row: Package = get_object_or_404(rows, pk=package_id)
    return row


@require_GET
@requires(Permission.SEE)
def package(request: PortalRequest, package_id: int) -> HttpResponse:
    """One package: where it stands, what it proved, who fetched it."""
    return _page(request, _visible(request, package_id))


def _page(request: PortalRequest, row: Package, *, error: PortalError | None = None) -> HttpResponse:
    now = timezone.now()
    context = {
        "row": row,
        "downloads": _downloads(request, row, now),
        "owner": request.actor.may(Permission.RECEIVE_HANDOVER, row.client_id),
        "signing": signing.fingerprint(signing.current(now=now)),
        "error": error,
        "can_approve": request.actor.user_id != row.asked_by_id,
        "only_looks": not any(one.get("kind") == "known" for one in row.findings),
    }
    return render_page(request, "handover/package.html", context, fragment="live", status=422 if error else 200)


def _downloads(request: PortalRequest, row: Package, now: datetime) -> list[Any]:
    """Who fetched it, the newest first; what of the reader's own still goes on."""
    found: list[Any] = list(row.downloads.annotate(parts=Count("transfers")).order_by("-at", "-pk"))
    for one in found:
        mine = one.user_id == request.actor.user_id and row.state == PackageState.READY
        one.goes_on = mine and one.at > now - packages.TRANSFER_FOR
    return found


@require_POST
@requires(Permission.APPROVE, fresh=True)
def approve(request: PortalRequest, package_id: int) -> HttpResponse:
    """Agree to plain credentials."""
    row = _visible(request, package_id)
    try:
        packages.approve(package=row, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row, error=error)
    return see(request, "handover:package", row.pk)


@require_POST
@requires(Permission.OPERATE)
def change(request: PortalRequest, package_id: int) -> HttpResponse:
    """Say that what looks like secrets is none, or take the package back."""
    row, now = _visible(request, package_id), timezone.now()
    try:
        if request.POST.get("do") == "take_back":
            packages.take_back(package=row, actor=request.actor, now=now)
        else:
            packages.excuse(package=row, why=request.POST.get("why", ""), actor=request.actor, now=now)
    except PortalError as error:
        return _page(request, row, error=error)
    return see(request, "handover:package", row.pk)


@require_POST
@requires(Permission.RECEIVE_HANDOVER, fresh=True)
def fetch(request: PortalRequest, package_id: int) -> HttpResponse:
    """A download for the client's owner: counted, then the file comes by an address that a broken transfer can be asked again from."""
    row = _visible(request, package_id, Permission.RECEIVE_HANDOVER)
    try:
        download = packages.fetch(package=row, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row, error=error)
    return see(request, "handover:package-transfer", download.pk)


@require_GET
@requires(Permission.RECEIVE_HANDOVER)
def transfer(request: PortalRequest, download_id: int) -> HttpResponseBase:
    """The zip, or the rest of it."""
    rows = Download.objects.visible_to(request.actor, Permission.RECEIVE_HANDOVER).select_related("package__client")
    download: Download = get_object_or_404(rows.filter(user=request.actor.user_id), pk=download_id)
    row = download.package
    try:
        from_byte = ranges.first_byte(request, size=row.size_b, etag=row.sha256)
        path = packages.transfer(download=download, from_byte=from_byte, actor=request.actor, now=timezone.now())
    except PortalError as error:
        return _page(request, row, error=error)
    name = f"handover-{slugify(row.client.name) or 'client'}-{row.asked_at:%Y-%m-%d}.zip"
    answer = ranges.send(request, path, etag=row.sha256, content_type="application/zip", filename=name)
    answer["Cache-Control"] = "no-store, private"
    return answer
