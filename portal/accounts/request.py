"""The request as our views know it."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from portal.accounts.actor import Actor


class PortalRequest(HttpRequest):
    """A request after our middleware: it has an actor and htmx's details."""

    actor: Actor
    htmx: HtmxDetails
