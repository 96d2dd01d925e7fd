"""A client's windows: how long after its release an update is applied at the latest."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from clients.models import Client
from maintenance.forms import WindowsForm
from maintenance.services import matching, windows
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.SEE, change=Permission.OPERATE)
def window_policy(request: PortalRequest, client_id: int) -> HttpResponse:
    """The windows, for the client to read and for operators to change; open updates get their new due times at once."""
    client = get_object_or_404(Client.objects.visible_to(request.actor), pk=client_id)
    policy = windows.policy_of(client)
    form = WindowsForm(request.POST or None, initial={name: getattr(policy, name) for name in (*windows.FIELDS, *windows.OPTIONS)})
    if request.method == "POST" and form.is_valid():
        try:
            windows.set_policy(client=client, hours=form.cleaned_data, actor=request.actor, now=timezone.now())
            matching.match_all(client_id=client.pk)
            return see(request, "maintenance:windows", client.pk)
        except PortalError as error:
            form.add_error(None, str(error))
    context = {"client": client, "policy": policy, "form": form}
    return render_page(request, "maintenance/windows.html", context, status=422 if form.errors else 200)
