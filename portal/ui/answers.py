"""Answers to a browser, whole pages and fragments alike."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from portal.accounts.request import PortalRequest
from portal.errors import PortalError


def wants_fragment(request: PortalRequest) -> bool:
    """Whether only a part of the page is asked for; a history restore needs the whole page (htmx issue 3037)."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: PortalRequest, template: str, context: dict[str, Any], *, fragment: str = "", status: int = 200
) -> HttpResponse:
    """The page, or its named part for htmx."""
    name = f"{template}#{fragment}" if fragment and wants_fragment(request) else template
    answer = render(request, name, context, status=status)
    patch_vary_headers(answer, ["HX-Request", "HX-Boosted", "HX-History-Restore-Request"])
    return answer


def problem(error: PortalError) -> HttpResponse:
    """What is to be corrected, for a script of ours: `detail` and `hint`."""
    return JsonResponse({"detail": error.message, "hint": error.hint}, status=422)


def see(request: PortalRequest, route: str, *args: Any) -> HttpResponse:
    """Send the browser to a page after a change."""
    address = reverse(route, args=args)
    if request.htmx:
        return HttpResponseClientRedirect(address)
    answer = HttpResponseRedirect(address)
    answer.status_code = 303
    return answer
