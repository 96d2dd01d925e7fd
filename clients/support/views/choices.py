"""How a person wants to be told of things, in which language, and one press to end mails of a topic."""

from django.core import signing
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from clients.support.choices import Delivery, Language, Topic
from clients.support.models import Choice
from clients.support.services import choosing
from portal.accounts.models import User
from portal.accounts.permissions import anybody_allowed, signed_in
from portal.accounts.request import PortalRequest
from portal.errors import PortalError
from portal.ui.answers import render_page, see


@require_http_methods(["GET", "POST"])
@signed_in
def choices(request: PortalRequest) -> HttpResponse:
    """What I am told of, and how."""
    user, error = User.objects.get(pk=request.actor.user_id or 0), None
    if request.method == "POST":
        try:
            choosing.choose(
                user=user, language=request.POST.get("language", ""), actor=request.actor, now=timezone.now(),
                deliveries={topic: request.POST.get(topic, Delivery.AT_ONCE) for topic in Topic.values},
            )  # fmt: skip
            return see(request, "support:choices")
        except PortalError as problem:
            error = problem
    standing = dict(Choice.objects.filter(user=user).values_list("topic", "delivery"))
    context = {
        "lines": [(topic, label, standing.get(topic, Delivery.AT_ONCE)) for topic, label in Topic.choices],
        "deliveries": Delivery.choices,
        "languages": Language.choices,
        "own": user.language,
        "error": error,
    }
    return render_page(request, "support/choices.html", context, status=422 if error else 200)


@csrf_exempt  # mail programs press it by themselves (RFC 8058); the signed address is the proof
@require_http_methods(["GET", "POST"])
@anybody_allowed
def unsubscribe(request: PortalRequest, secret: str) -> HttpResponse:
    """One press and no mail of this topic comes any more. Only a POST does it: what looks at links changes nothing."""
    try:
        found = choosing.read_unsubscribe(secret)
    except signing.BadSignature:
        return render_page(request, "support/unsubscribe.html", {"gone": True}, status=404)
    if request.method == "POST":
        choosing.unsubscribe(found, now=timezone.now())
    context = {"done": request.method == "POST", "topic": Topic(found.topic).label}
    return render_page(request, "support/unsubscribe.html", context)
