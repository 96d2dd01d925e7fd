"""Addresses and Message-IDs by which an answer finds its ticket: signed, so that nobody can write into a ticket by guessing."""

import base64
import hashlib
import hmac
import re
import secrets

from django.conf import settings

_SIGNED = re.compile(r"\+t(\d{1,18})\.([a-z2-7]{16})$")


def reply_address(ticket_id: int) -> str:
    """The address to which answers to a ticket go: support+t12.signature@example.org."""
    local, _, domain = settings.SUPPORT_ADDRESS.partition("@")
    return f"{local}+t{ticket_id}.{_signature(ticket_id)}@{domain}"


def ticket_of(address: str) -> int | None:
    """The ticket that an address of ours is signed for; None where it is none, or the signature is wrong."""
    local, _, domain = address.lower().partition("@")
    own_local, _, own_domain = settings.SUPPORT_ADDRESS.lower().partition("@")
    found = _SIGNED.search(local)
    if domain != own_domain or not local.startswith(f"{own_local}+") or found is None:
        return None
    ticket_id = int(found.group(1))
    return ticket_id if hmac.compare_digest(found.group(2), _signature(ticket_id)) else None


def is_ours(address: str) -> bool:
    """Whether it is our own address, signed or not: what comes from there is a loop."""
    local, _, domain = address.lower().partition("@")
    own_local, _, own_domain = settings.SUPPORT_ADDRESS.lower().partition("@")
    return domain == own_domain and local.split("+")[0] == own_local


def new_message_id() -> str:
    """A Message-ID that nobody can guess: who names it has had the mail."""
    return f"<{secrets.token_hex(16)}@{settings.SUPPORT_ADDRESS.partition('@')[2] or 'localhost'}>"


def _signature(ticket_id: int) -> str:
    key = hashlib.sha256(f"support address\n{settings.SECRET_KEY}".encode()).digest()
    return base64.b32encode(hmac.digest(key, str(ticket_id).encode(), "sha256"))[:16].decode().lower()
