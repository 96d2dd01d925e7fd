"""Sessions whose table opens nothing: the key is a hash of the cookie, the data are sealed with a key from SECRET_KEY.

Django's own database sessions keep the cookie's value in clear; whoever reads a dump of that table is signed in as everybody.
"""

import base64
import binascii
import hashlib
import json
import secrets
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, IntegrityError, router, transaction
from django.utils import timezone

from portal.accounts.models import PortalSession

NONCE_BYTES = 12


def digest(cookie: str) -> str:
    """How a session's row is found: SHA-256 of the cookie, which is random enough to need no slow hash."""
    return hashlib.sha256(cookie.encode()).hexdigest()


class SessionStore(SessionBase):
    """Django's contract for a session engine (django.contrib.sessions.backends.base), over PortalSession."""

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Seal the data."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(_key()).encrypt(nonce, json.dumps(session_dict).encode(), b"session")).decode()

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Open the data; what can't be opened (another SECRET_KEY, a changed row) is an empty session."""
        try:
            raw = base64.b64decode(session_data)
            found: dict[str, Any] = json.loads(AESGCM(_key()).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], b"session"))
        except (InvalidTag, ValueError, binascii.Error):
            return {}
        return found

    def load(self) -> dict[str, Any]:
        """The data of this cookie's session; an unknown or expired one is empty and gets a new key."""
        row = PortalSession.objects.filter(pk=digest(self.session_key or ""), expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
            return {}
        return self.decode(row.session_data)

    def exists(self, session_key: str) -> bool:
        """Whether a session has this cookie."""
        return PortalSession.objects.filter(pk=digest(session_key)).exists()

    def create(self) -> None:
        """A new session with a key of its own."""
        while True:
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]  # the stubs leave it out
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  # the base class's signature
        """Write the session.

        Raises:
            CreateError: `must_create`, and the key is taken.
            UpdateError: the session was ended meanwhile; it does not come back.
        """
        if self.session_key is None:
            self.create()
            return
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        now = timezone.now()
        user = data.get("_auth_user_id")
        row = {"session_data": self.encode(data), "expire_date": self.get_expiry_date(), "user_id": int(user) if user else None}
        try:
            with transaction.atomic(using=router.db_for_write(PortalSession)):
                if must_create:
                    PortalSession.objects.create(pk=digest(self.session_key), started_at=now, last_seen_at=now, **row)
                elif not PortalSession.objects.filter(pk=digest(self.session_key)).update(**row):
                    raise UpdateError
        except IntegrityError as error:
            if must_create:
                raise CreateError from error
            raise
        except DatabaseError as error:
            raise UpdateError from error

    def delete(self, session_key: str | None = None) -> None:
        """End the session."""
        key = session_key or self.session_key
        if key is not None:
            PortalSession.objects.filter(pk=digest(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        """Remove what is over."""
        PortalSession.objects.filter(expire_date__lt=timezone.now()).delete()


def _key() -> bytes:
    secret = settings.SECRET_KEY
    if not secret:
        raise ImproperlyConfigured("SECRET_KEY is empty.")
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"retainer sessions").derive(secret.encode())
