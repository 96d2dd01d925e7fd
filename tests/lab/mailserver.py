"""A mail server of the tests' own: SMTP and IMAP as far as somebody comes who only looks, with STARTTLS or TLS from the start."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path


class MailServer:
    """Listens on loopback. `offers` are the words that it names: STARTTLS, AUTH."""

    def __init__(
        self,
        certificate: Path | None,
        *,
        protocol: str = "smtp",
        implicit: bool = False,
        offers: tuple[str, ...] = ("STARTTLS", "AUTH PLAIN"),
    ) -> None:
        self.certificate, self.protocol, self.implicit, self.offers = certificate, protocol, implicit, offers
        # of IMAP: who may read, and the values of the header by which messages are found
        self.password, self.mailbox = "secret", set[str]()
        self.plain_auth = False
        self.greeting = "220 mail.test ready" if protocol == "smtp" else "* OK ready"
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session)
        self._server.daemon_threads = True
        self._server.mail = self  # type: ignore[attr-defined]
        self.port = int(self._server.server_address[1])

    def secured(self, plain: socket.socket) -> socket.socket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.certificate))
        return context.wrap_socket(plain, server_side=True)

    @contextlib.contextmanager
    def running(self) -> Iterator["MailServer"]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        yield self
        self._server.shutdown()
        self._server.server_close()


class _Session(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        mail: MailServer = self.server.mail  # type: ignore[attr-defined]
        self.link = mail.secured(self.request) if mail.implicit else self.request
        with contextlib.suppress(OSError):
            self._talk(mail)
        self.link.close()

    @staticmethod
    def offered(mail: MailServer, secure: bool) -> list[str]:
        """STARTTLS before it, ways to sign in behind it; one that offers no STARTTLS takes both at once."""
        if "STARTTLS" not in mail.offers:
            return list(mail.offers) if mail.plain_auth else []
        return [one for one in mail.offers if (one == "STARTTLS") != secure]

    def _talk(self, mail: MailServer) -> None:
        link = self.link
        link.sendall(f"{mail.greeting}\r\n".encode())
        secure = mail.implicit
        while line := _line(link):
            words = line.split()
            if mail.protocol == "smtp":
                command = words[0].upper()
                offers = [one for one in mail.offers if one in self.offered(mail, secure)]
                answer = {
                    "EHLO": "250-mail.test\r\n" + "".join(f"250-{one}\r\n" for one in offers) + "250 fine",
                    "STARTTLS": "220 go on",
                    "QUIT": "221 bye",
                }
                link.sendall(f"{answer.get(command, '250 fine')}\r\n".encode())
            else:
                tag, command = words[0], words[1].upper()
                if command == "LOGIN" and words[3].strip('"') != mail.password:
                    link.sendall(f"{tag} NO [AUTHENTICATIONFAILED] no\r\n".encode())
                    continue
                if command == "SEARCH":
                    found = "1" if words[-1].strip('"') in mail.mailbox else ""
                    link.sendall(f"* SEARCH {found}\r\n".encode())
                if command in {"SELECT", "EXAMINE"}:
                    link.sendall(b"* 1 EXISTS\r\n")
                if command == "CAPABILITY":
                    link.sendall(f"* CAPABILITY IMAP4rev1 {' '.join(mail.offers) if not secure else ''}\r\n".encode())
                link.sendall(f"{tag} OK fine\r\n".encode())
            if command == "STARTTLS":
                link = self.link = mail.secured(link)
                secure = True
            if command in {"QUIT", "LOGOUT"}:
                return


def _line(link: socket.socket) -> str:
    raw = b""
    while not raw.endswith(b"\n"):
        more = link.recv(1)
        if not more:
            return ""
        raw += more
    return raw.decode()
