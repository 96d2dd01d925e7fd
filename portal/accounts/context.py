"""What templates may ask about the person in front of the page."""

from django.http import HttpRequest

from portal.accounts.actor import NOBODY
from portal.accounts.roles import Permission


def may(request: HttpRequest) -> dict[str, dict[str, bool]]:
    """`{{ may.operate }}` and so on: the same table that the views ask."""
    actor = getattr(request, "actor", NOBODY)
    return {"may": {permission.value: actor.may(permission) for permission in Permission}}
