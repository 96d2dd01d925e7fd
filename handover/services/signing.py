"""Signatures that stock OpenSSH verifies: `ssh-keygen -Y verify -n handover`.

Source: openssh-portable, PROTOCOL.sshsig. Ed25519 and SHA-512; the private key is sealed with the portal's own key.
"""

import base64
import hashlib
import struct
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key
from django.db import IntegrityError, transaction

from handover.models import SigningKey
from portal.ssh.keys import fingerprint_of, new_key_pair
from portal.vault import services as vault

NAMESPACE, IDENTITY = "handover", "retainer"
_MAGIC, _HASH = b"SSHSIG", b"sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


class BadSignature(Exception):
    """Not signed by this key, or changed since."""


def current(*, now: datetime) -> SigningKey:
    """The key in use; made where there is none."""
    row = SigningKey.objects.filter(retired_at=None).first()
    if row is not None:
        return row
    private, public = new_key_pair(IDENTITY)
    try:
        with transaction.atomic():
            return SigningKey.objects.create(public=public, sealed=vault.seal_for_portal(private), created_at=now)
    except IntegrityError:  # another worker made one in the same moment
        return SigningKey.objects.get(retired_at=None)


def fingerprint(key: SigningKey) -> str:
    """What a client compares by another way than the package."""
    return fingerprint_of(key.public)


def allowed_signers(key: SigningKey) -> str:
    """The file that `ssh-keygen -Y verify -f` takes."""
    words = key.public.split()
    return f'{IDENTITY} namespaces="{NAMESPACE}" {words[0]} {words[1]}\n'


def sign(content: bytes, *, key: SigningKey) -> str:
    """A detached signature, armoured."""
    private = load_ssh_private_key(vault.unseal_for_portal(key.sealed).encode(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise BadSignature("the portal's key is not of Ed25519")
    public = base64.b64decode(key.public.split()[1])
    signature = _string(b"ssh-ed25519") + _string(private.sign(_told(content)))
    blob = (
        _MAGIC
        + struct.pack(">I", 1)
        + _string(public)
        + _string(NAMESPACE.encode())
        + _string(b"")
        + _string(_HASH)
        + _string(signature)
    )
    text = base64.b64encode(blob).decode()
    return "\n".join([_BEGIN, *(text[i : i + 70] for i in range(0, len(text), 70)), _END, ""])


def verify(content: bytes, signature: str, *, public: str) -> None:
    """Check a signature as ssh-keygen does.

    Raises:
        BadSignature: not by this key, not of this content, or not a signature.
    """
    try:
        blob = base64.b64decode("".join(signature.strip().splitlines()[1:-1]), validate=True)
        place = len(_MAGIC) + 4
        parts = []
        while place < len(blob):
            (size,) = struct.unpack(">I", blob[place : place + 4])
            parts.append(blob[place + 4 : place + 4 + size])
            place += 4 + size
        shown, namespace, _reserved, algorithm, inner = parts
        (kind_size,) = struct.unpack(">I", inner[:4])
        key = load_ssh_public_key(public.encode())
        if (
            shown != base64.b64decode(public.split()[1])
            or namespace != NAMESPACE.encode()
            or algorithm != _HASH
            or not isinstance(key, Ed25519PublicKey)
        ):
            raise BadSignature("signed by another key, or for another purpose")
        key.verify(inner[4 + kind_size + 4 :], _told(content))
    except (ValueError, struct.error, InvalidSignature) as error:
        raise BadSignature("the signature does not fit") from error


def _told(content: bytes) -> bytes:
    return _MAGIC + _string(NAMESPACE.encode()) + _string(b"") + _string(_HASH) + _string(hashlib.sha512(content).digest())


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value
