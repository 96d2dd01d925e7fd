"""Envelope encryption: AES-256-GCM, a key per client wrapped by the master key, the row's identity as associated data.

Sealed bytes are the 12-byte nonce followed by ciphertext and tag (NIST SP 800-38D; cryptography's AESGCM).
"""

import base64
import binascii
import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from portal.errors import PortalError

NONCE_BYTES = 12


class Unsealable(PortalError):
    """Sealed bytes don't open with this key for this row: another master key, or a row that was tampered with."""


def master_key() -> bytes:
    """The master key from the settings, 32 bytes.

    Raises:
        ImproperlyConfigured: it is not 32 bytes in base64. The message does not repeat it.
    """
    return _key_from("VAULT_MASTER_KEY", settings.VAULT_MASTER_KEY)


def master_keys() -> dict[str, bytes]:
    """The master keys that may have wrapped something, by their id: the one in use, and during a rotation the one before.

    Raises:
        ImproperlyConfigured: see `master_key`.
    """
    keys = [master_key()]
    if settings.VAULT_MASTER_KEY_PREVIOUS:
        keys.append(_key_from("VAULT_MASTER_KEY_PREVIOUS", settings.VAULT_MASTER_KEY_PREVIOUS))
    return {master_id(key): key for key in keys}


def master_id(key: bytes) -> str:
    """A name for a master key that tells nothing about it: which key wrapped a data key."""
    return hashlib.sha256(b"retainer master key id\0" + key).hexdigest()[:16]


def _key_from(name: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImproperlyConfigured(f"{name} is not base64. Make one: openssl rand -base64 32") from error
    if len(key) != 32:
        raise ImproperlyConfigured(f"{name} is not 32 bytes. Make one: openssl rand -base64 32")
    return key


def new_key() -> bytes:
    """A fresh 256-bit key."""
    return AESGCM.generate_key(bit_length=256)


def seal(*, key: bytes, plain: bytes, identity: str) -> bytes:
    """Encrypt for one row: the result opens only with the same identity."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, identity.encode())


def unseal(*, key: bytes, sealed: bytes, identity: str) -> bytes:
    """The opposite of `seal`.

    Raises:
        Unsealable: wrong key, wrong row or changed bytes.
    """
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], identity.encode())
    except InvalidTag as error:
        raise Unsealable("A stored credential can't be opened.", hint="Is VAULT_MASTER_KEY the one it was sealed with?") from error
