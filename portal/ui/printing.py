"""HTML on standard input, a PDF on standard output, by WeasyPrint: run as a process of its own, whose memory goes with it.

It fetches nothing but our own letters: what somebody wrote into a document asks nobody anything.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from portal.apart import run_apart
from portal.errors import PortalError

LONGEST_S = 600


def fonts() -> Path:
    """Where our letters lie; pages name them by `file:` addresses below it."""
    import font_roboto

    return Path(font_roboto.__file__).with_name("files")


def print_pdf(html: str, *, beat: Callable[[], None]) -> bytes:
    """The PDF of a page.

    Args:
        beat: called every second meanwhile.

    Raises:
        PortalError: this machine lacks the libraries that set text (Pango), or the page could not be set in ten minutes.
    """
    argv = [sys.executable, "-m", "portal.ui.printing"]
    try:
        done = run_apart(argv, told=html.encode(), limit_s=LONGEST_S, beat=beat)
    except TimeoutError as error:
        raise PortalError("The book could not be set within ten minutes.") from error
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF"):
        raise PortalError(
            "PDFs can't be made on this machine.", hint="Install libpango-1.0-0, libpangoft2-1.0-0 and libharfbuzz-subset0."
        )
    return done.stdout


def set_page(html: str, *, identifier: bytes) -> bytes:
    """The PDF of a page, in this process. The same words with the same identifier are the same file.

    Raises:
        PortalError: this machine lacks the libraries that set text (Pango).
    """
    try:
        from weasyprint import HTML  # looks for Pango when it is imported: pages work without it
    except OSError as error:
        raise PortalError(
            "PDFs can't be made on this machine: Pango is missing.",
            hint="Install libpango-1.0-0, libpangoft2-1.0-0 and libharfbuzz-subset0.",
        ) from error
    made: bytes = HTML(string=html, base_url="about:blank", url_fetcher=_fetch).write_pdf(pdf_identifier=identifier)
    return made


def _fetch(url: str, *_: Any, **__: Any) -> Any:
    from weasyprint.urls import URLFetcherResponse

    for name in ("Roboto-Regular.ttf", "Roboto-Bold.ttf"):
        if url == (fonts() / name).as_uri():
            return URLFetcherResponse(url, (fonts() / name).read_bytes(), {"Content-Type": "font/ttf"})
    raise ValueError("a document fetches nothing")


def main() -> int:
    """Set one page."""
    sys.stdout.buffer.write(set_page(sys.stdin.buffer.read().decode(), identifier=b"retainer-book"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
