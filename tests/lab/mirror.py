"""A small HTTP server on the bridge: the frozen mirror, and below /badly the repository of packages that behave badly."""

import contextlib
import functools
import http.server
import sys
import threading
from pathlib import Path

from tests.lab import base, network


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves two folders under one root, without a line of log per file."""

    def __init__(self, *args: object, local: Path, **kwargs: object) -> None:
        self._local = local
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def translate_path(self, path: str) -> str:
        """`/badly/…` from the local repository, all else from the mirror."""
        if path.startswith("/badly/"):
            self.directory = str(self._local)
            return super().translate_path(path.removeprefix("/badly"))
        self.directory = str(base.mirror_folder())
        return super().translate_path(path)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Silence."""


def serve(local: Path, *, address: str = network.GATEWAY, port: int = 80) -> http.server.ThreadingHTTPServer:
    """Serve in a thread of this process until it ends."""
    handler = functools.partial(_Handler, local=local)
    server = http.server.ThreadingHTTPServer((address, port), handler)
    threading.Thread(target=server.serve_forever, daemon=True, name="lab-mirror").start()
    return server


def main() -> None:
    """Serve in the foreground: `python -m tests.lab.mirror FOLDER`."""
    server = serve(Path(sys.argv[1]))
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    server.shutdown()


if __name__ == "__main__":
    main()
