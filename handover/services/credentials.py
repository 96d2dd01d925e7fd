"""Credentials for the client's own manager: gathered, put into the forms they chose, and read back to see that all are there."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from backups.models import BackupJob
from handover.choices import Form, KeyKind
from handover.errors import NoKeyPass
from handover.models import ReceivingKey
from handover.services import receiving
from handover.services.formats import ages, bitwarden, keepass, tables
from handover.services.formats.entries import Entry, otp_address
from portal.errors import PortalError
from portal.vault import services as vault
from portal.vault.models import Credential, CredentialKind

FOLDER = "credentials"


@dataclass(frozen=True, slots=True)
class File:
    """A file of the package's folder of credentials.

    Args:
        plain: it can be read by whoever has the zip.
    """

    name: str
    content: bytes
    plain: bool = False


def entries_of(client_id: int) -> list[Entry]:
    """Every credential of a client that is in use, newest version, grouped by system; our own way in is not theirs to have.

    Raises:
        Unsealable: another master key, or a tampered row.
    """
    rows = list(vault.theirs(client_id))
    seeds = {(row.system_id, row.username): row for row in rows if row.kind == CredentialKind.TOTP_SEED and row.username}
    used: set[int] = set()
    entries: list[Entry] = []
    for row in rows:
        if row.kind == CredentialKind.TOTP_SEED:
            continue
        entry = _entry(row)
        seed = seeds.get((row.system_id, row.username)) if row.kind == CredentialKind.PASSWORD and row.username else None
        if seed is not None and seed.pk not in used:
            used.add(seed.pk)
            entry = replace(entry, otp=otp_address(vault.open_for_use(seed).decode(), title=f"{entry.group}:{row.username}"))
        entries.append(entry)
    for row in rows:
        if row.kind == CredentialKind.TOTP_SEED and row.pk not in used:
            entries.append(
                replace(_entry(row), password="", otp=otp_address(vault.open_for_use(row).decode(), title=row.label))
            )  # none
    return sorted(entries, key=lambda one: (one.group, one.title))


def _entry(row: Credential) -> Entry:
    value = vault.open_for_use(row).decode("utf-8", errors="surrogateescape")
    jobs = BackupJob.objects.filter(credential=row).order_by("pk")
    notes = [row.notes, *(f"Opens the backup {job.name}: {job.repository}" for job in jobs)]
    is_key = row.kind == CredentialKind.SSH_KEY or "PRIVATE KEY-----" in value
    return Entry(
        group=row.system.name if row.system else "General", title=row.label, kind=row.kind, username=row.username,
        password="" if is_key else value, url=row.url, notes="\n".join(note for note in notes if note), private=value if is_key else "",
        public=row.public_part if is_key else "",
    )  # fmt: skip


def files_of(
    *, client_id: int, title: str, plain_forms: Sequence[str], now: datetime, beat: Callable[[], None]
) -> tuple[list[File], list[str], int]:
    """The files, sentences on what will not import where, and how many credentials there are.

    Args:
        plain_forms: those that two people agreed to.
        beat: called while that takes its time.

    Raises:
        NoKeyPass: nobody at the client chose a passphrase or a key.
        PortalError: one of them did not read back.
    """
    key = receiving.current(client_id)
    if key is None:
        raise NoKeyPass("Nobody at the client has chosen a passphrase or a key for the credentials.")
    entries = entries_of(client_id)
    files = (
        _with_passphrase(key, entries, title=title, now=now, beat=beat)
        if key.kind == KeyKind.PASSPHRASE
        else _with_key(key, entries, title=title, now=now, beat=beat)
    )
    made = {
        Form.BITWARDEN_PLAIN: ("bitwarden-plain.json", bitwarden.plain_json),
        Form.ONEPASSWORD: ("1password.csv", tables.onepassword),
        Form.CSV: ("credentials.csv", tables.generic),
    }
    for form in plain_forms:
        name, write = made[Form(form)]
        files.append(File(name, write(entries).encode("utf-8", errors="surrogateescape"), plain=True))
    return files, limits_of(entries), len(entries)


def _with_passphrase(key: ReceivingKey, entries: list[Entry], *, title: str, now: datetime, beat: Callable[[], None]) -> list[File]:
    passphrase = receiving.open_passphrase(key)
    files = []
    if Form.KDBX in key.forms:
        content = keepass.write_kdbx(entries, passphrase=passphrase, title=title, now=now, beat=beat)
        _same(entries, [row[3] for row in keepass.read_kdbx(content, passphrase=passphrase, beat=beat)], "KeePass")
        files.append(File("credentials.kdbx", content))
    if Form.BITWARDEN in key.forms:
        text = bitwarden.protect(bitwarden.plain_json(entries), passphrase=passphrase)
        found = bitwarden.unprotect(text, passphrase=passphrase)["items"]
        if [one["name"] for one in found] != [one.title for one in entries]:
            raise PortalError("The protected Bitwarden file does not hold what was put into it.")
        files.append(File("bitwarden.json", text.encode()))
    return files


def _with_key(key: ReceivingKey, entries: list[Entry], *, title: str, now: datetime, beat: Callable[[], None]) -> list[File]:
    """Each form inside age; the KeePass file has a passphrase of its own, which lies beside it, encrypted alike."""
    passphrase = secrets.token_urlsafe(24)
    content = keepass.write_kdbx(entries, passphrase=passphrase, title=title, now=now, beat=beat)
    _same(entries, [row[3] for row in keepass.read_kdbx(content, passphrase=passphrase, beat=beat)], "KeePass")
    inside = {
        "kdbx-passphrase.txt": f"{passphrase}\n".encode(), "bitwarden.json": bitwarden.plain_json(entries).encode(),
        "1password.csv": tables.onepassword(entries).encode(), "credentials.csv": tables.generic(entries).encode(),
    }  # fmt: skip
    return [
        File("credentials.kdbx", content),
        *(File(f"{name}.age", ages.encrypt(text, to=key.public)) for name, text in inside.items()),
    ]


def _same(entries: Sequence[Entry], found: Sequence[str], where: str) -> None:
    if sorted(found) != sorted(one.password for one in entries):
        raise PortalError(f"The {where} file does not hold what was put into it.")


def limits_of(entries: Sequence[Entry]) -> list[str]:
    """What will not import in which manager: sentences that the package repeats."""
    keys = [one.title for one in entries if one.private]
    long = [one.title for one in entries if len(one.notes) + len(one.private) > bitwarden.NOTES_MOST]
    seeds = [one.title for one in entries if one.otp]
    said = []
    if keys:
        said.append(f"1Password (CSV): SSH keys do not import ({_names(keys)}); take them from the KeePass file.")
        said.append(f"Bitwarden: SSH keys come as items of their own, which clients from before 2025 do not show ({_names(keys)}).")
    if [one for one in entries if one.private and not one.public]:
        said.append("Bitwarden: keys without their public part come as notes.")
    if long:
        said.append(f"Bitwarden: notes longer than {bitwarden.NOTES_MOST} signs are refused ({_names(long)}).")
    if len(entries) > 6_000:
        said.append("Bitwarden: at most 6,000 items import at once.")
    if seeds:
        said.append(f"Browsers' own managers (CSV): second factors do not import ({_names(seeds)}).")
    said.append("KeePassXC, KeePass 2 and Strongbox open the .kdbx as it is; nothing of it is lost.")
    return said


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
