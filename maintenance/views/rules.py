"""Rules of the triage: what has which priority, and what decides by itself."""

import json

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from clients.models import Client
from maintenance.forms import RulesForm, TriageRuleForm
from maintenance.models import PriorityRules, TriageRule
from maintenance.services import priorities
from maintenance.services import triage_rules as deciding
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.OPERATE)
def priority_rules(request: PortalRequest) -> HttpResponse:
    """The rules in force; an operator previews an edit, a lead puts it in force."""
    in_force = priorities.rules_in_force()
    form = RulesForm(request.POST or None, initial={"rules": in_force})
    preview = None
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("do") == "keep":
                priorities.change(
                    rules=form.cleaned_data["rules"], note=form.cleaned_data["note"], actor=request.actor, now=timezone.now()
                )
                return see(request, "maintenance:priority-rules")
            preview = priorities.preview(form.cleaned_data["rules"], actor=request.actor)
        except PortalError as error:
            form.add_error(None, str(error))
    context = {
        "form": form, "preview": preview, "in_force": [json.dumps(rule) for rule in in_force],
        "newest": PriorityRules.objects.order_by("-pk").first(),
    }  # fmt: skip
    return render_page(request, "maintenance/priority_rules.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SEE_FLEET, change=Permission.APPROVE)
def triage_rules(request: PortalRequest) -> HttpResponse:
    """The rules that decide by themselves, with what each fits now; a lead previews and adds one."""
    now = timezone.now()
    form = TriageRuleForm(request.POST or None, clients=Client.objects.visible_to(request.actor).order_by("name"))
    fitting = None
    if request.method == "POST" and form.is_valid():
        values = {**form.cleaned_data, "actor": request.actor, "now": now}
        try:
            if request.POST.get("do") == "keep":
                deciding.add(**values)
                return see(request, "maintenance:triage-rules")
            fitting = deciding.matches(deciding.draft(**values)).select_related("system", "client")
        except PortalError as error:
            form.add_error(None, str(error))
    context = {
        "form": form, "rules": TriageRule.objects.filter(ended_at=None).select_related("for_client").order_by("name"),
        "fitting": fitting[:50] if fitting is not None else None, "fitting_total": fitting.count() if fitting is not None else 0,
    }  # fmt: skip
    return render_page(request, "maintenance/triage_rules.html", context, status=422 if form.errors else 200)


@require_POST
@requires(Permission.APPROVE)
def triage_rule_end(request: PortalRequest, rule_id: int) -> HttpResponse:
    """Take a rule out of force."""
    deciding.end(rule=get_object_or_404(TriageRule, pk=rule_id), actor=request.actor, now=timezone.now())
    return see(request, "maintenance:triage-rules")
