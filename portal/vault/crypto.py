"""Envelope encryption: AES-256-GCM, a key per client wrapped by the master key, the row's identity as associated data.

Sealed bytes are the 12-byte nonce followed by ciphertext and tag (NIST SP 800-38D; cryptography's AESGCM).
"""

import base64
import binascii
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
    try:
        key = base64.b64decode(settings.VAULT_MASTER_KEY, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImproperlyConfigured("VAULT_MASTER_KEY is not base64. Make one: openssl rand -base64 32") from error
    if len(key) != 32:
        raise ImproperlyConfigured("VAULT_MASTER_KEY is not 32 bytes. Make one: openssl rand -base64 32")
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
