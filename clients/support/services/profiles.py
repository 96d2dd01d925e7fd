"""A mail profile for an iPhone or iPad: made from what the portal knows of the client's mail server, sent as an answer, recorded.

It holds no password: the phone asks for it. Source of the keys: Apple, Configuration Profile Reference, com.apple.mail.managed.
"""

import plistlib
import uuid
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from clients.support.models import Message, Ticket
from clients.support.services import knowledge, tickets
from clients.support.services.files import NewFile
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

IMAP_PORT, SUBMISSION_PORT = 993, 587
_NAMESPACE = uuid.UUID("5b6f2e0e-7f0a-4f0e-9d3c-0a7d7c1f8a11")


def profile(*, address: str, name: str, server: str, organisation: str) -> bytes:
    """A .mobileconfig for one mailbox; made twice it is the same, so that a phone replaces it instead of adding another."""
    own = str(uuid.uuid5(_NAMESPACE, f"{address} {server}"))
    account = {
        "PayloadType": "com.apple.mail.managed", "PayloadVersion": 1, "PayloadIdentifier": f"retainer.mail.{own}.account",
        "PayloadUUID": str(uuid.uuid5(_NAMESPACE, own)), "PayloadDisplayName": organisation, "EmailAccountType": "EmailTypeIMAP",
        "EmailAccountName": name, "EmailAddress": address, "EmailAccountDescription": organisation,
        "IncomingMailServerAuthentication": "EmailAuthPassword", "IncomingMailServerHostName": server,
        "IncomingMailServerPortNumber": IMAP_PORT,
        "IncomingMailServerUseSSL": True, "IncomingMailServerUsername": address,
        "OutgoingMailServerAuthentication": "EmailAuthPassword", "OutgoingMailServerHostName": server,
        "OutgoingMailServerPortNumber": SUBMISSION_PORT, "OutgoingMailServerUseSSL": True, "OutgoingMailServerUsername": address,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }  # fmt: skip
    whole = {
        "PayloadType": "Configuration", "PayloadVersion": 1, "PayloadIdentifier": f"retainer.mail.{own}", "PayloadUUID": own,
        "PayloadDisplayName": f"{organisation}: {address}", "PayloadOrganization": organisation, "PayloadContent": [account],
    }  # fmt: skip
    return plistlib.dumps(whole)


def send_profile(*, ticket: Ticket, actor: Actor, now: datetime) -> Message:
    """Answer a ticket with a profile for whoever asks.

    Raises:
        PortalError: the client's mail server is not known here.
    """
    actor.require(Permission.OPERATE)
    server = knowledge.facts_of(ticket.client).get("mail_server", "")
    if not server:
        raise PortalError("No production system of this client has the role of mail.", hint="Give it the role, then make the profile.")
    content = profile(address=ticket.requester_email, name=ticket.requester_name, server=server, organisation=ticket.client.name)
    with translation.override(ticket.language):
        words = _(
            "Here is a profile for your iPhone or iPad: open it there, then Settings → Profile Downloaded → Install. "
            "It asks for your password."
        )
    message = tickets.answer(
        ticket=ticket,
        body=words,
        files=[NewFile("mail.mobileconfig", "application/x-apple-aspen-config", content)],
        actor=actor,
        now=now,
    )
    audit.record(
        action="ticket.profile", actor=actor, subject=ticket, client_id=ticket.client_id, now=now, address=ticket.requester_email
    )
    return message
