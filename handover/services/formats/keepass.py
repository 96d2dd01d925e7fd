"""KeePass, KDBX 4. The only importer of pykeepass (GPL-3, an optional extra)."""

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from handover.services.formats.entries import Entry
from portal.errors import PortalError


def write_kdbx(entries: Sequence[Entry], *, passphrase: str, title: str, now: datetime) -> bytes:
    """A KDBX 4 database (AES-256, Argon2), groups by system; SSH keys as attachments, seeds where KeePassXC reads them.

    Raises:
        PortalError: this installation lacks pykeepass.
    """
    library = _library()
    with tempfile.TemporaryDirectory(prefix="retainer-kdbx-") as folder:
        path = Path(folder) / "credentials.kdbx"
        base = library.create_database(str(path), password=passphrase)
        base.root_group.name = title
        base.root_group.ctime = base.root_group.mtime = now  # the library's blank one says 2020
        groups: dict[str, object] = {}
        for entry in entries:
            group = groups.get(entry.group) or groups.setdefault(entry.group, base.add_group(base.root_group, entry.group))
            made = base.add_entry(
                group,
                entry.title,
                entry.username,
                entry.password,
                url=entry.url,
                notes=entry.notes,
                otp=entry.otp or None,
                force_creation=True,
            )
            made.ctime = made.mtime = now
            for name, text in (("key", entry.private), ("key.pub", entry.public)):
                if text:
                    made.add_attachment(base.add_binary(text.encode(), protected=True), name)
        base.save()
        return path.read_bytes()


def read_kdbx(content: bytes, *, passphrase: str) -> list[tuple[str, str, str, str, str]]:
    """Open it again: (group, title, username, password, otp) of each entry, in its order.

    Raises:
        PortalError: it does not open.
    """
    library = _library()
    with tempfile.TemporaryDirectory(prefix="retainer-kdbx-") as folder:
        path = Path(folder) / "credentials.kdbx"
        path.write_bytes(content)
        try:
            base = library.PyKeePass(str(path), password=passphrase)
        except Exception as error:  # whatever the library raises: it does not open
            raise PortalError("The KeePass file does not open again.") from error
        return [(one.group.name or "", one.title or "", one.username or "", one.password or "", one.otp or "") for one in base.entries]


def _library() -> Any:
    try:
        import pykeepass
    except ImportError as error:
        raise PortalError("KeePass files can't be made: pykeepass is not installed.", hint="Install the extra `keepass`.") from error
    return pykeepass
