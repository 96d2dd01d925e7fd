"""age: encrypted to a client's own public key (age, or SSH), which opens with `age -d -i KEY` and nothing of ours.

Source: https://age-encryption.org/v1
"""

import hashlib

import pyrage

from portal.errors import PortalError
from portal.ssh.keys import fingerprint_of


def recipient(text: str) -> object:
    """Who may open it.

    Raises:
        PortalError: neither an age key (age1…) nor an SSH public key of a kind that age knows (ssh-ed25519, ssh-rsa).
    """
    text = text.strip()
    try:
        return pyrage.x25519.Recipient.from_str(text) if text.startswith("age1") else pyrage.ssh.Recipient.from_str(text)
    except Exception as error:  # the library's own, of which each means the same
        raise PortalError(
            "This is neither an age key nor an SSH key that age can encrypt to.",
            hint="Paste a line that begins with age1, ssh-ed25519 or ssh-rsa.",
        ) from error


def fingerprint(text: str) -> str:
    """What a person can compare."""
    text = text.strip()
    return (
        f"{text[:12]}…{text[-6:]}"
        if text.startswith("age1")
        else fingerprint_of(text) or hashlib.sha256(text.encode()).hexdigest()[:16]
    )


def encrypt(content: bytes, *, to: str) -> bytes:
    """Encrypt to one recipient."""
    sealed: bytes = pyrage.encrypt(content, [recipient(to)])
    return sealed
