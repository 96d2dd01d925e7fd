"""The dashboard, sign-in and sign-out, the audit trail, health."""

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from portal.accounts.permissions import anybody_allowed, member_allowed, operator_required
from portal.accounts.request import PortalRequest
from portal.audit.models import AuditEvent
from portal.desk import queries
from portal.ui.answers import render_page


class SignInForm(AuthenticationForm):
    """Address and password; the error tells nothing about who exists."""

    error_messages = {  # noqa: RUF012  # the base class declares it so
        "invalid_login": "Address and password do not belong together. Check both and try again.",
        "inactive": "Address and password do not belong together. Check both and try again.",
    }


sign_in = anybody_allowed(
    LoginView.as_view(template_name="desk/sign_in.html", authentication_form=SignInForm, redirect_authenticated_user=True)
)
sign_out = member_allowed(LogoutView.as_view())


@require_GET
@member_allowed
def home(request: PortalRequest) -> HttpResponse:
    """Operators see the fleet; a client's people see their own systems."""
    context = {"desk": queries.desk(request.actor, now=timezone.now())}
    return render_page(request, "desk/home.html", context, fragment="fleet")


@require_GET
@operator_required
def audit(request: PortalRequest) -> HttpResponse:
    """Who did what."""
    events = AuditEvent.objects.visible_to(request.actor).select_related("client").order_by("-at", "-pk")
    page = Paginator(events, 100).get_page(request.GET.get("page"))
    return render_page(request, "desk/audit.html", {"page": page})


@require_GET
@anybody_allowed
def health(request: PortalRequest) -> HttpResponse:
    """200 when the portal can reach its database; says nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
