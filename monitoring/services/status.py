"""Public status pages: a client's own wish, with an address that says who it is of."""

from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from clients.models import Client
from monitoring.models import StatusPage
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError


@transaction.atomic
def publish(*, client: Client, slug: str, title: str, actor: Actor, now: datetime) -> StatusPage:
    """Show a client's production systems by name, with 90 days of each, to everybody who has the address.

    Raises:
        PortalError: a name that is taken, or one is there already.
    """
    actor.require(Permission.OPERATE)
    name = slugify(slug)
    if not name or StatusPage.objects.filter(slug=name).exists():
        raise PortalError("Give it a name of letters, digits and dashes that no other page has or had.")
    if not title.strip():
        raise PortalError("Give it a title.")
    if StatusPage.objects.filter(client=client, ended_at=None).exists():
        raise PortalError("This client has a public page already.")
    page = StatusPage.objects.create(client=client, slug=name, title=title.strip()[:100], created_at=now, actor_label=actor.label)
    audit.record(action="status_page.publish", actor=actor, subject=page, client_id=client.pk, now=now, slug=name)
    return page


@transaction.atomic
def withdraw(*, page: StatusPage, actor: Actor, now: datetime) -> None:
    """Show it to nobody any more. Its address is not given to another client."""
    actor.require(Permission.OPERATE)
    if StatusPage.objects.filter(pk=page.pk, ended_at=None).update(ended_at=now):
        audit.record(action="status_page.withdraw", actor=actor, subject=page, client_id=page.client_id, now=now)
