"""A finished zip proves itself: opened cold, as whoever gets it would, before it may be called ready."""

import hashlib
import html
import re
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

from handover.errors import Blocked
from handover.parsers import casts
from handover.services import signing
from handover.services.formats import bitwarden, keepass
from handover.services.signing import BadSignature
from handover.services.zipping import PIECE_B, safe_name

SUMS, SIGNATURE, SIGNERS = "SHA256SUMS", "SHA256SUMS.sig", "allowed_signers"
_LINKS = re.compile(r"""(?:href|src)="([^"]*)\"""")


def prove(path: Path, *, public: str, passphrase: str | None, entries: int, beat: Callable[[], None]) -> list[str]:
    """Prove a zip; sentences that say what was shown.

    Args:
        public: the key that it must be signed with.
        passphrase: opens the credentials; None where they are encrypted to a key whose private part is the client's alone.
        entries: how many credentials must be in them.
        beat: called often, so that a lease is kept.

    Raises:
        Blocked: anything is not as it must be, in words.
    """
    with zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist()]
        _names_are_safe(names)
        sums = archive.read(SUMS).decode()
        try:
            signing.verify(sums.encode(), archive.read(SIGNATURE).decode(), public=public)
        except BadSignature as error:
            raise Blocked(f"The signature of the package does not fit: {error}.") from error
        wanted = {line[66:]: line[:64] for line in sums.splitlines()}
        if set(wanted) != set(names) - {SUMS, SIGNATURE}:
            raise Blocked("The list of sums is not of the files that are there.")
        links = recordings = 0
        for name, digest in wanted.items():
            _has_digest(archive, name, digest, beat)
            if name.endswith(".html"):
                links += _links_lead_somewhere(name, archive.read(name).decode(), set(names))
            elif name.endswith(".cast"):
                recordings += _plays(name, archive.read(name).decode())
        said = [
            f"Opened cold: {len(wanted)} files have the sums that are signed.", f"{links} links lead to a file that is there.",
            f"{recordings} recordings were read.",
        ]  # fmt: skip
        return said + _credentials_open(archive, passphrase, entries, beat)


def _names_are_safe(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        parts = name.split("/")
        if any(part in {"", ".", ".."} or safe_name(part) != part for part in parts) or unicodedata.normalize("NFC", name) != name:
            raise Blocked(f"A name is not safe everywhere: {name!r}.")
        if name.casefold() in seen:
            raise Blocked(f"Two names differ only by their case: {name!r}.")
        if len(name) > 230:
            raise Blocked(f"A name is too long for Windows: {name!r}.")
        seen.add(name.casefold())


def _has_digest(archive: zipfile.ZipFile, name: str, digest: str, beat: Callable[[], None]) -> None:
    found = hashlib.sha256()
    with archive.open(name) as stream:
        while piece := stream.read(PIECE_B):
            found.update(piece)
            beat()
    if found.hexdigest() != digest:
        raise Blocked(f"{name} is not what was written.")


def _links_lead_somewhere(page: str, text: str, names: set[str]) -> int:
    count = 0
    for raw in _LINKS.findall(text):
        address = urlsplit(html.unescape(raw))
        if address.scheme or address.netloc or not address.path:
            continue
        target = normpath(join(dirname(page), unquote(address.path)))
        if target not in names:
            raise Blocked(f"{page} leads to {target}, which is not there.")
        count += 1
    return count


def _plays(name: str, text: str) -> int:
    try:
        casts.parse_cast(text)
    except casts.UnreadableCast as error:
        raise Blocked(f"{name} does not play: {error}") from error
    return 1


def _credentials_open(archive: zipfile.ZipFile, passphrase: str | None, entries: int, beat: Callable[[], None]) -> list[str]:
    names = set(archive.namelist())
    if "credentials/credentials.kdbx" not in names and "credentials/bitwarden.json" not in names:
        return ["There are no credentials in it."]
    if passphrase is None:
        return ["The credentials were read back before they were encrypted to the client's own key; only the client can open them now."]
    said = []
    if "credentials/credentials.kdbx" in names:
        found = len(keepass.read_kdbx(archive.read("credentials/credentials.kdbx"), passphrase=passphrase, beat=beat))
        if found != entries:
            raise Blocked(f"The KeePass file holds {found} credentials instead of {entries}.")
        said.append(f"The KeePass file opens with the client's passphrase and holds all {found} credentials.")
    if "credentials/bitwarden.json" in names:
        found = len(bitwarden.unprotect(archive.read("credentials/bitwarden.json").decode(), passphrase=passphrase)["items"])
        if found != entries:
            raise Blocked(f"The Bitwarden file holds {found} credentials instead of {entries}.")
        said.append(f"The protected Bitwarden file opens with the client's passphrase and holds all {found} credentials.")
    return said
