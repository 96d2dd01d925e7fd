"""Taking over a client from another operator's package."""

import json

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from handover.services import importing
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.OPERATE)
def take_over(request: PortalRequest) -> HttpResponse:
    """Choose an inventory, read what would come in, bring it in. The zip itself is read by `manage.py take_over`."""
    error, found, text = None, None, ""
    if request.method == "POST":
        file = request.FILES.get("inventory")
        try:
            content = file.read() if file is not None else request.POST.get("text", "").encode()
            if not content:
                raise PortalError("Choose a package's inventory/inventory.json, of at most 10 MiB.")
            values = importing.read_inventory(content)
            if file is None and request.POST.get("do") == "take_over":
                client = importing.take_over(values=values, actor=request.actor, now=timezone.now())
                return see(request, "clients:client", client.pk)
            found, text = importing.preview(values), json.dumps(values)
        except PortalError as problem:
            error = problem
    context = {"error": error, "preview": found, "text": text}
    return render_page(request, "handover/take_over.html", context, status=422 if error else 200)
