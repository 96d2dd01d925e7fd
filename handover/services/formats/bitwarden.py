"""Bitwarden: its JSON, plain and protected by a passphrase.

Source: bitwarden/clients, libs/exporter and libs/importer (vault export formats); the salt is the base64 text itself, as UTF-8.
"""

import base64
import hashlib
import hmac
import json
import os
import uuid
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from handover.services.formats.entries import Entry
from portal.errors import PortalError
from portal.ssh.keys import fingerprint_of

ITERATIONS = 600_000
NOTES_MOST = 7_000


def plain_json(entries: Sequence[Entry]) -> str:
    """The unprotected export."""
    folders = {name: str(uuid.uuid4()) for name in dict.fromkeys(entry.group for entry in entries)}
    value = {
        "encrypted": False,
        "folders": [{"id": identity, "name": name} for name, identity in folders.items()],
        "items": [_item(entry, folders[entry.group]) for entry in entries],
    }
    return json.dumps(value, ensure_ascii=False, indent=1)


def _item(entry: Entry, folder: str) -> dict[str, Any]:
    common: dict[str, Any] = {
        "id": str(uuid.uuid4()), "organizationId": None, "folderId": folder, "collectionIds": None, "reprompt": 0, "name": entry.title,
        "notes": entry.notes or None, "favorite": False, "fields": [], "passwordHistory": None,
    }  # fmt: skip
    if entry.private:
        fingerprint = fingerprint_of(entry.public) if entry.public else ""
        if fingerprint:
            key = {"privateKey": entry.private, "publicKey": entry.public, "keyFingerprint": fingerprint}
            return common | {"type": 5, "sshKey": key}
        notes = f"{entry.notes}\n\n{entry.private}".strip()
        return common | {"type": 2, "secureNote": {"type": 0}, "notes": notes}
    if entry.kind == "note":
        return common | {"type": 2, "secureNote": {"type": 0}, "notes": f"{entry.notes}\n\n{entry.password}".strip()}
    uris = [{"match": None, "uri": entry.url}] if entry.url else []
    login = {
        "uris": uris,
        "username": entry.username or None,
        "password": entry.password or None,
        "totp": entry.otp or None,
        "fido2Credentials": [],
    }
    return common | {"type": 1, "login": login}


def protect(plain: str, *, passphrase: str) -> str:
    """The password-protected export, which opens with the passphrase alone, in any account."""
    salt = base64.b64encode(os.urandom(16)).decode()
    encryption, mac = _keys(passphrase, salt, ITERATIONS)
    value = {
        "encrypted": True, "passwordProtected": True, "salt": salt, "kdfType": 0, "kdfIterations": ITERATIONS,
        "encKeyValidation_DO_NOT_EDIT": _seal(str(uuid.uuid4()), encryption, mac), "data": _seal(plain, encryption, mac),
    }  # fmt: skip
    return json.dumps(value, indent=1)


def unprotect(text: str, *, passphrase: str) -> dict[str, Any]:
    """Open a protected export again.

    Raises:
        PortalError: it does not open.
    """
    try:
        value = json.loads(text)
        encryption, mac = _keys(passphrase, value["salt"], value["kdfIterations"])
        found: dict[str, Any] = json.loads(_open(value["data"], encryption, mac))
    except (ValueError, KeyError) as error:
        raise PortalError("The protected Bitwarden file does not open again.") from error
    return found


def _keys(passphrase: str, salt: str, iterations: int) -> tuple[bytes, bytes]:
    master = PBKDF2HMAC(hashes.SHA256(), 32, salt.encode(), iterations).derive(passphrase.encode())
    return HKDFExpand(hashes.SHA256(), 32, b"enc").derive(master), HKDFExpand(hashes.SHA256(), 32, b"mac").derive(master)


def _seal(text: str, encryption: bytes, mac: bytes) -> str:
    iv = os.urandom(16)
    padder = padding.PKCS7(128).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(encryption), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(padded) + encryptor.finalize()
    code = hmac.new(mac, iv + sealed, hashlib.sha256).digest()
    return "2." + "|".join(base64.b64encode(part).decode() for part in (iv, sealed, code))


def _open(text: str, encryption: bytes, mac: bytes) -> str:
    iv, sealed, code = (base64.b64decode(part) for part in text.removeprefix("2.").split("|"))
    if not hmac.compare_digest(hmac.new(mac, iv + sealed, hashlib.sha256).digest(), code):
        raise ValueError("another passphrase, or changed")
    decryptor = Cipher(algorithms.AES(encryption), modes.CBC(iv)).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()
