"""A process of its own that writes and reads KeePass files: the only importer of pykeepass (GPL-3, an optional extra).

KDBX makes guessing expensive by memory (Argon2, 64 MiB): that goes with this process, and the worker that asked stays small. Words come
as JSON on standard input, never as arguments; what it makes goes to standard output.

    python -m handover.services.formats.keepass_process write|read
"""

import base64
import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

MISSING, DOES_NOT_OPEN = 3, 4


def write(told: dict[str, Any], path: Path) -> bytes:
    """A KDBX 4 database (AES-256, Argon2), groups by system; SSH keys as attachments, seeds where KeePassXC reads them."""
    import pykeepass

    base = pykeepass.create_database(str(path), password=told["passphrase"])
    now = datetime.fromisoformat(told["now"])
    base.root_group.name = told["title"]
    base.root_group.ctime = base.root_group.mtime = now  # the library's blank one says 2020
    groups: dict[str, Any] = {}
    for entry in told["entries"]:
        group = groups.get(entry["group"]) or groups.setdefault(entry["group"], base.add_group(base.root_group, entry["group"]))
        made = base.add_entry(
            group,
            entry["title"],
            entry["username"],
            entry["password"],
            url=entry["url"],
            notes=entry["notes"],
            otp=entry["otp"] or None,
            force_creation=True,
        )
        made.ctime = made.mtime = now
        for name, text in (("key", entry["private"]), ("key.pub", entry["public"])):
            if text:
                made.add_attachment(base.add_binary(text.encode(), protected=True), name)
    base.save()
    return path.read_bytes()


def read(told: dict[str, Any], path: Path) -> bytes:
    """(group, title, username, password, otp) of each entry, as JSON."""
    import pykeepass

    path.write_bytes(base64.b64decode(told["content"]))
    base = pykeepass.PyKeePass(str(path), password=told["passphrase"])
    rows = [[one.group.name or "", one.title or "", one.username or "", one.password or "", one.otp or ""] for one in base.entries]
    return json.dumps(rows).encode()


def main() -> int:
    """Do what the argument says."""
    told = json.loads(sys.stdin.buffer.read())
    with tempfile.TemporaryDirectory(prefix="retainer-kdbx-") as folder:
        try:
            made = {"write": write, "read": read}[sys.argv[1]](told, Path(folder) / "credentials.kdbx")
        except ImportError:
            return MISSING
        except Exception:  # noqa: BLE001  # whatever the library raises; no word of it leaves here, it may quote what it read
            return DOES_NOT_OPEN
        sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
