"""A fresh proof of identity: password, code or passkey within the last ten minutes, of this session's person.

django-allauth keeps the records of each proof in the session, asks for a new one and then goes on with what was posted.
"""

import time

from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect

FRESH_S = 600
# Single sign-on is no proof of ours: another site says that somebody was there, maybe days ago.
PROOFS = frozenset({"password", "mfa"})


def is_fresh(request: HttpRequest) -> bool:
    """Whether this session's person proved who they are within the last ten minutes."""
    user = request.user
    if not user.is_authenticated:
        return False
    proofs = [record for record in get_authentication_records(request, user) if record.get("method") in PROOFS]
    return bool(proofs) and 0 <= time.time() - max(record["at"] for record in proofs) < FRESH_S


def demand_fresh_proof(request: HttpRequest) -> None:
    """Return where the proof is fresh; else the browser is sent to prove itself, and what it posted goes on afterwards.

    Raises:
        ReauthenticationRequired, ImmediateHttpResponse: django-allauth's middleware turns them into that answer.
    """
    if is_fresh(request):
        return
    if getattr(request, "htmx", False):
        back = request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
        raise ImmediateHttpResponse(
            HttpResponseClientRedirect(f"{reverse('account_reauthenticate')}?{urlencode({REDIRECT_FIELD_NAME: back})}")
        )
    raise ReauthenticationRequired
