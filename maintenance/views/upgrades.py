"""Upgrade plans, their documents, and sending one on its way."""

import difflib

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from clients.choices import Access
from clients.models import Client, System
from maintenance import queries
from maintenance.forms import UpgradeDocumentForm, UpgradeForm
from maintenance.models import UpgradeDocument, UpgradePlan
from maintenance.queries import end_of_life
from maintenance.services import upgrades
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_GET
@requires(Permission.SEE_FLEET)
def plan_list(request: PortalRequest) -> HttpResponse:
    """All plans with their newest documents, and the ones that come with the portal."""
    context = {"plans": queries.upgrade_plans(), "shipped": sorted(upgrades.shipped())}
    return render_page(request, "maintenance/upgrades.html", context)


@require_GET
@requires(Permission.SEE)
def end_of_life_list(request: PortalRequest) -> HttpResponse:
    """What is installed and until when its makers fix it, the earliest end first."""
    today = timezone.now().date()
    lives = end_of_life.of_systems(System.objects.visible_to(request.actor).filter(client__ended_at=None).select_related("client"))
    ends_soon = request.GET.get("all") is None
    rows = [(life, level) for life in lives if (level := life.level(today)) != "ok" or not ends_soon]
    context = {
        "page": Paginator(rows, 200).get_page(request.GET.get("page")), "notices": end_of_life.notices(), "ends_soon": ends_soon,
        "address": "" if ends_soon else "all=1", "today": today,
    }  # fmt: skip
    return render_page(request, "maintenance/end_of_life.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPERATE)
def plan_new(request: PortalRequest) -> HttpResponse:
    """A plan of one's own, from nothing or from one that comes with the portal."""
    given = request.GET.get("from", "")
    form = UpgradeDocumentForm(request.POST or None, initial={"name": given, "text": upgrades.shipped().get(given, "")})
    if request.method == "POST" and form.is_valid():
        try:
            document = upgrades.add_plan(**form.cleaned_data, actor=request.actor, now=timezone.now())
            return see(request, "maintenance:upgrade", document.plan_id)
        except PortalError as error:
            form.add_error(None, str(error))
    return render_page(request, "maintenance/upgrade_edit.html", {"form": form, "plan": None}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPERATE)
def plan_edit(request: PortalRequest, plan_id: int) -> HttpResponse:
    """The next version of a plan."""
    plan = get_object_or_404(UpgradePlan, pk=plan_id)
    newest = plan.documents.order_by("-number").first()
    form = UpgradeDocumentForm(request.POST or None, initial={"text": newest.text if newest else ""})
    if request.method == "POST" and form.is_valid():
        try:
            upgrades.add_document(
                plan=plan, text=form.cleaned_data["text"], note=form.cleaned_data["note"], actor=request.actor, now=timezone.now()
            )
            return see(request, "maintenance:upgrade", plan.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    return render_page(request, "maintenance/upgrade_edit.html", {"form": form, "plan": plan}, status=422 if form.errors else 200)


@require_GET
@requires(Permission.SEE_FLEET)
def plan_detail(request: PortalRequest, plan_id: int) -> HttpResponse:
    """A plan: a version of its document (`?version=`), what changed in it, and where it ran."""
    plan = get_object_or_404(UpgradePlan, pk=plan_id)
    documents = list(plan.documents.order_by("-number"))
    chosen = next((row for row in documents if str(row.number) == request.GET.get("version")), documents[0])
    before = next((row for row in documents if row.number == chosen.number - 1), None)
    context = {
        "plan": plan,
        "documents": documents,
        "document": chosen,
        "content": upgrades.read(chosen),
        "runs": queries.runs_for(request.actor).filter(document__sha256=chosen.sha256)[:50],
        "diff": _diff(before, chosen) if before else "",
        "clients": Client.objects.visible_to(request.actor).filter(ended_at=None).order_by("name"),
    }
    return render_page(request, "maintenance/upgrade.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPERATE)
def upgrade_new(request: PortalRequest, client_id: int, document_id: int) -> HttpResponse:
    """Send a document on its way through a client's systems."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    document = get_object_or_404(UpgradeDocument.objects.select_related("plan"), pk=document_id)
    now = timezone.now()
    rows = System.objects.filter(client=client, access=Access.MANAGE, package_manager__in=["", "apt"]).order_by("-environment", "name")
    systems = list(rows.select_related("client", "staging_twin"))
    form = UpgradeForm(request.POST or None, systems=systems)
    if request.method == "POST" and form.is_valid():
        try:
            rollout = upgrades.start(client=client, document=document, **form.cleaned_data, actor=request.actor, now=now)
            return see(request, "maintenance:rollout", rollout.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    done = upgrades.upgraded(systems, document)
    context = {
        "client": client, "document": document, "form": form, "content": upgrades.read(document),
        "lines": [(system, system.pk in done, upgrades.unmet(document, system, now=now)) for system in systems],
    }  # fmt: skip
    return render_page(request, "maintenance/upgrade_new.html", context, status=422 if form.errors else 200)


def _diff(before: UpgradeDocument, after: UpgradeDocument) -> str:
    names = (f"version {before.number}", f"version {after.number}")
    return "\n".join(difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), *names, lineterm=""))
