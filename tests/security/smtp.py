"""A mail server, just enough of RFC 5321 for one client at a time; keeps what it heard."""

import socketserver
import threading


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        in_text = False
        for raw in self.rfile:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            self.server.heard_lines.append(line)  # type: ignore[attr-defined]
            if in_text:
                in_text = line != "."
                if not in_text:
                    self.wfile.write(b"250 kept\r\n")
            elif line.upper() == "DATA":
                in_text = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper() == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")


class SmallSmtp:
    """Listens on loopback while in use."""

    def __init__(self) -> None:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session)
        self._server.daemon_threads = True
        self._server.heard_lines = []  # type: ignore[attr-defined]
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> "SmallSmtp":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def heard(self) -> str:
        """Everything the client sent, quoted-printable line breaks undone."""
        return "\n".join(self._server.heard_lines).replace("=\n", "")  # type: ignore[attr-defined]
