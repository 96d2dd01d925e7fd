"""How ready clients are to go on without us; a client's own page of it."""

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from clients.models import Client
from handover.models import Handover, LettingGo, Package, ReadinessDay
from handover.queries import client_of
from handover.services import diagrams, readiness, receiving, signing
from portal.accounts.permissions import requires
from portal.accounts.request import PortalRequest
from portal.accounts.roles import Permission
from portal.ui.answers import render_page


@require_GET
@requires(Permission.SEE_FLEET)
def home(request: PortalRequest) -> HttpResponse:
    """Every client with its newest score."""
    rows = []
    for client in Client.objects.visible_to(request.actor).order_by("ended_at", "name", "pk"):
        day = ReadinessDay.objects.filter(client=client).order_by("-day").first()
        rows.append((client, day, Handover.objects.filter(client=client, closed_at=None).first()))
    return render_page(request, "handover/home.html", {"rows": rows})


@require_GET
@requires(Permission.SEE)
def client(request: PortalRequest, client_id: int) -> HttpResponse:
    """A client's readiness, part by part, with what is missing; and where everything of a handover is."""
    row, now = client_of(request.actor, client_id), timezone.now()
    key = receiving.current(row.pk)
    return render_page(
        request,
        "handover/client.html",
        {
            "client": row,
            "readiness": readiness.readiness_of(row, now=now),
            "days": ReadinessDay.objects.filter(client=row).order_by("-day")[:90],
            "packages": Package.objects.filter(client=row).order_by("-asked_at", "-pk")[:5],
            "key": key,
            "picture": diagrams.overview(row, styled=False),
            "handover": Handover.objects.filter(client=row).order_by("-begun_at").first(),
            "letting": LettingGo.objects.filter(client=row).order_by("-begun_at").first(),
            "signing": signing.fingerprint(signing.current(now=now)),
            "owner": request.actor.may(Permission.RECEIVE_HANDOVER, row.pk),
        },
    )
