"""Files that a browser may ask for in parts: a transfer that broke goes on, and a video can be wound.

One range a request, as browsers and curl ask (RFC 9110, section 14); anything else is answered with the whole file.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from portal.accounts.request import PortalRequest

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_PIECE_B = 256 * 1024


def first_byte(request: PortalRequest, *, size: int, etag: str) -> int:
    """Where the answer to this request begins; 0 for the whole file."""
    wanted = _wanted(request, size=size, etag=etag)
    return wanted[0] if wanted else 0


def send(request: PortalRequest, path: Path, *, etag: str, content_type: str, filename: str = "") -> HttpResponseBase:
    """The file, or the part of it that was asked for. With a filename it is saved, without it is shown.

    Args:
        etag: of what the file holds; another one (If-Range) makes the whole file the answer.
    """
    size = path.stat().st_size
    wanted = _wanted(request, size=size, etag=etag)
    answer: HttpResponseBase
    if wanted is None:
        # Django's own hands the file to the server as it is
        answer = FileResponse(path.open("rb"), as_attachment=bool(filename), filename=filename, content_type=content_type)
    elif wanted[0] >= size:
        answer = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    else:
        first, last = wanted
        answer = StreamingHttpResponse(_pieces(path, first, last), status=206, content_type=content_type)
        answer["Content-Length"] = str(last - first + 1)
        answer["Content-Range"] = f"bytes {first}-{last}/{size}"
        if filename:
            answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    answer["Accept-Ranges"] = "bytes"
    answer["ETag"] = f'"{etag}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _wanted(request: PortalRequest, *, size: int, etag: str) -> tuple[int, int] | None:
    """First and last byte, or None for all of them."""
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or found[1] + found[2] == "" or request.headers.get("If-Range", f'"{etag}"') != f'"{etag}"':
        return None
    if not found[1]:
        return max(0, size - int(found[2])), size - 1
    first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    return None if first <= size - 1 and last < first else (first, last)


def _pieces(path: Path, first: int, last: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(first)
        left = last - first + 1
        while left > 0 and (piece := file.read(min(_PIECE_B, left))):
            left -= len(piece)
            yield piece
