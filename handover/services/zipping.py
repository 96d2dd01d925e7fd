"""Writing a zip member by member, so that a worker that dies costs the member that it was at, and a large one no memory.

Beside the zip lies a journal: a line for each member that is whole. Whoever goes on cuts the zip to where the last whole one ended.
"""

import json
import os
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

PIECE_B = 1024 * 1024
# Files that are packed already gain nothing from being packed again.
_PACKED = (
    ".webm",
    ".mp4",
    ".kdbx",
    ".pdf",
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".zip",
    ".gz",
    ".age",
    ".xz",
    ".zst",
    ".7z",
    ".docx",
    ".xlsx",
    ".odt",
)
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
_BAD = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the zip.

    Args:
        name: with slashes; each part made by `safe_name`.
        pieces: gives its bytes, from the beginning each time it is called.
        runnable: a script.
    """

    name: str
    pieces: Callable[[], Iterable[bytes]]
    runnable: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What a member became."""

    name: str
    sha256: str
    size: int


def text_member(name: str, text: str, *, runnable: bool = False) -> Member:
    """A member of text."""
    return bytes_member(name, text.encode("utf-8", errors="replace"), runnable=runnable)


def bytes_member(name: str, content: bytes, *, runnable: bool = False) -> Member:
    """A member whose bytes are there already."""
    return Member(name, lambda: [content], runnable)


def safe_name(text: str, *, fallback: str = "file") -> str:
    """One part of a name that Windows, macOS and Linux keep as it is: composed, no reserved signs or words, not long."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(sign for sign in text if unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    text = _BAD.sub("-", text).strip(" .")
    stem, dot, ending = text.rpartition(".")
    if dot and stem and len(ending) <= 10:
        text = f"{stem[:80].strip(' .')}.{ending}"
    text = text[:100].strip(" .") or fallback
    return f"_{text}" if text.split(".")[0].lower() in _RESERVED else text


class Names:
    """Names that were given away: no two differ only by their case, as on Windows and macOS they would be one."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, folder: str, text: str, *, fallback: str = "file") -> str:
        """A free name below a folder."""
        name = safe_name(text, fallback=fallback)
        stem, dot, ending = name.rpartition(".")
        for number in range(1, 100_000):
            tried = name if number == 1 else (f"{stem}-{number}.{ending}" if dot and stem else f"{name}-{number}")
            whole = f"{folder}/{tried}" if folder else tried
            if whole.casefold() not in self._taken:
                self._taken.add(whole.casefold())
                return whole
        raise ValueError("too many files of one name")


class Writer:
    """Writes one zip, from where an earlier writer left it."""

    def __init__(self, path: Path, *, at: datetime) -> None:
        """Open, or go on: what the journal does not tell of is cut off."""
        self._path, self._journal, self._at = path, path.with_suffix(".journal"), at.timetuple()[:6]
        self.written: dict[str, Written] = {}
        rows = _rows(self._journal)
        self._file = path.open("r+b" if path.exists() else "w+b")
        end = rows[-1]["end"] if rows else 0
        if rows and os.fstat(self._file.fileno()).st_size < end:
            rows, end = [], 0  # the journal tells of more than there is: begin anew
            self._journal.unlink()
        self._file.truncate(end)
        self._file.seek(end)
        self._zip = zipfile.ZipFile(self._file, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=6, allowZip64=True)
        for row in rows:
            info = _info(row["name"], tuple(row["date"]), runnable=row["runnable"])
            info.header_offset, info.CRC, info.file_size, info.compress_size = row["offset"], row["crc"], row["size"], row["packed"]
            info.compress_type, info.flag_bits, info.extract_version = row["type"], row["flags"], row["version"]
            self._zip.filelist.append(info)
            self._zip.NameToInfo[info.filename] = info
            self.written[row["name"]] = Written(row["name"], row["sha256"], row["size"])
        self._zip.start_dir = end
        # else nothing would be written at the end where all members were there
        self._zip._didModify = True  # type: ignore[attr-defined]  # noqa: SLF001  # zipfile's own, unchanged since Python 2.6

    def add(self, member: Member, *, watch: Callable[[bytes], None]) -> Written:
        """Write a member, unless it is there; `watch` sees its bytes as they go by."""
        if member.name in self.written:
            return self.written[member.name]
        info = _info(member.name, self._at, runnable=member.runnable)
        info.compress_type = zipfile.ZIP_STORED if member.name.lower().endswith(_PACKED) else zipfile.ZIP_DEFLATED
        digest, size = sha256(), 0
        with self._zip.open(info, "w", force_zip64=True) as target:
            for content in member.pieces():
                for start in range(0, len(content), PIECE_B):
                    piece = content[start : start + PIECE_B]
                    watch(piece)
                    digest.update(piece)
                    size += len(piece)
                    target.write(piece)
        end = self._file.tell()
        self._file.flush()
        os.fsync(self._file.fileno())
        row = {
            "name": member.name,
            "date": list(info.date_time),
            "runnable": member.runnable,
            "offset": info.header_offset,
            "crc": info.CRC,
            "size": info.file_size,
            "packed": info.compress_size,
            "type": info.compress_type,
            "flags": info.flag_bits,
            "version": info.extract_version,
            "end": end,
            "sha256": digest.hexdigest(),
        }
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(row) + "\n")
            journal.flush()
            os.fsync(journal.fileno())
        self.written[member.name] = Written(member.name, digest.hexdigest(), size)
        return self.written[member.name]

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes of a member that is whole already, though there is no table of contents yet."""
        info = self._zip.NameToInfo[name]
        with self._path.open("rb") as file:
            file.seek(info.header_offset + 26)
            name_b, extra_b = struct.unpack("<HH", file.read(4))  # APPNOTE 4.3.7: lengths of name and extra field
            file.seek(name_b + extra_b, os.SEEK_CUR)
            inflate = zlib.decompressobj(-15) if info.compress_type == zipfile.ZIP_DEFLATED else None
            left = info.compress_size
            while left and (piece := file.read(min(PIECE_B, left))):
                left -= len(piece)
                yield inflate.decompress(piece) if inflate else piece

    def close(self) -> None:
        """Write the table of contents; the journal is not needed any more once the zip proved itself."""
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file as it is; whoever comes next goes on by the journal."""
        # its destructor would write a table of contents
        self._zip._didModify = False  # type: ignore[attr-defined]  # noqa: SLF001
        self._zip.fp = None
        self._file.close()


def forget(path: Path) -> None:
    """Remove a zip and its journal."""
    path.unlink(missing_ok=True)
    path.with_suffix(".journal").unlink(missing_ok=True)


def _info(name: str, date: tuple[int, ...], *, runnable: bool) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=tuple(date))  # type: ignore[arg-type]  # six numbers
    info.external_attr = (0o100755 if runnable else 0o100644) << 16
    info.create_system = 3
    return info


def _rows(journal: Path) -> list[dict[str, Any]]:
    """The members that are whole; a last line that was cut is not one."""
    rows: list[dict[str, Any]] = []
    if journal.exists():
        for line in journal.read_text(encoding="utf-8").split("\n"):
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows
