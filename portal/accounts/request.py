"""The request as our views know it."""

from contextlib import ExitStack

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from portal.accounts.actor import Actor


class PortalRequest(HttpRequest):
    """A request after our middleware: it has an actor and htmx's details."""

    actor: Actor
    # what is entered here is left when the request ends: an API token's scope
    scopes: ExitStack
    htmx: HtmxDetails
