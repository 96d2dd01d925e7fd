"""Requests to addresses that people typed: what is private is refused, whatever name or redirect leads there."""

import gzip
import http.server
import ipaddress
import socket
import socketserver
import threading
from collections.abc import Iterator

import httpx
import pytest

from clients.models import AllowedRange
from clients.services import registry
from portal import outbound
from portal.errors import PortalError
from tests import people

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


class _Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/packed":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(
            gzip.compress(b"y" * 5_000_000) if self.path == "/packed" else b"x" * (3_000_000 if self.path == "/long" else 2)
        )

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[http.server.ThreadingHTTPServer]:
    """A web server on loopback that keeps what it was asked."""
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    found.asked = []  # type: ignore[attr-defined]
    found.daemon_threads = True
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "::1",
     "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "255.255.255.255",
     "192.0.0.8", "198.18.0.1", "240.0.0.1", "fec0::1", "ff02::1"],
)  # fmt: skip
def test_addresses_that_are_refused(address):
    with pytest.raises(outbound.Refused):
        outbound.check(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_that_are_asked(address):
    outbound.check(address)


def test_an_allowed_range_opens_itself_and_nothing_else():
    allowed = [ipaddress.ip_network("10.20.0.0/16")]
    outbound.check("10.20.3.4", allowed=allowed)
    outbound.check("::ffff:10.20.3.4", allowed=allowed)
    for address in ("10.21.0.1", "127.0.0.1", "169.254.169.254"):
        with pytest.raises(outbound.Refused):
            outbound.check(address, allowed=allowed)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"])
def test_no_spelling_of_loopback_gets_through(server, host):
    with pytest.raises((outbound.Refused, httpx.HTTPError)):
        outbound.get(f"http://{host}:{server.server_address[1]}/")
    assert server.asked == []


def test_a_redirect_into_the_private_network_is_refused(server):
    """The first hop is allowed; where it sends us is looked at anew."""
    base = f"http://127.0.0.1:{server.server_address[1]}"
    only_this = [ipaddress.ip_network("127.0.0.1/32")]
    with pytest.raises(outbound.Refused):
        outbound.get(f"{base}/to/http://127.0.0.2:{server.server_address[1]}/inside", allowed=only_this, redirects=3)
    assert server.asked == [f"/to/http://127.0.0.2:{server.server_address[1]}/inside"]
    followed = outbound.get(f"{base}/to/{base}/there", allowed=only_this, redirects=3)
    assert followed.status_code == 200
    assert outbound.get(f"{base}/to/{base}/there", allowed=only_this).status_code == 302  # an answer of its own


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://1.1.1.1/", "gopher://1.1.1.1/", "//1.1.1.1/", "http+unix://x/"])
def test_only_http_is_asked(url):
    with pytest.raises((outbound.Refused, httpx.HTTPError)):
        outbound.get(url, allowed=LOOPBACK)


def test_an_endless_body_is_cut(server):
    answer = outbound.get(f"http://127.0.0.1:{server.server_address[1]}/long", allowed=LOOPBACK)
    assert len(answer.content) == outbound.LONGEST_BODY


def test_a_packed_body_is_unpacked_and_cut_all_the_same(server):
    """As nginx answers; and what unpacks to far more than it weighs does not fill the memory."""
    answer = outbound.get(f"http://127.0.0.1:{server.server_address[1]}/packed", allowed=LOOPBACK)
    assert answer.status_code == 200
    assert answer.content == b"y" * outbound.LONGEST_BODY


def test_a_proxy_of_the_environment_is_not_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_address[1]}")
    with pytest.raises(outbound.Refused):
        outbound.get("http://10.255.255.1/", timeout_s=1)
    assert server.asked == []


class _Rebinding(socketserver.BaseRequestHandler):
    """A DNS server whose first answer is an address that may be asked, and every later one an address that may not."""

    def handle(self) -> None:
        question, sock = self.request
        name_end = question.index(b"\0", 12) + 5
        self.server.asked += 1  # type: ignore[attr-defined]
        address = b"\x7f\0\0\1" if self.server.asked == 1 else b"\x7f\0\0\2"  # type: ignore[attr-defined]
        header = question[:2] + b"\x81\x80" + question[4:6] + b"\0\1\0\0\0\0"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + address
        sock.sendto(header + question[12:name_end] + answer, self.client_address)


def test_a_name_that_changes_its_address_gets_nobody_anywhere(server, monkeypatch):
    """Rebinding, at a real DNS server on loopback: within one request the name is resolved once, and the next is checked anew."""
    dns = socketserver.ThreadingUDPServer(("127.0.0.1", 0), _Rebinding)
    dns.asked = 0  # type: ignore[attr-defined]
    threading.Thread(target=dns.serve_forever, daemon=True).start()

    by_number = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        """What getaddrinfo would do with this server in resolv.conf; a number is no name and asks nobody."""
        if host.replace(".", "").isdecimal():
            return by_number(host, port, *args, **kwargs)
        query = b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"".join(bytes([len(p)]) + p.encode() for p in host.split(".")) + b"\0\0\1\0\1"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(query, dns.server_address)
            reply = sock.recv(512)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (".".join(str(b) for b in reply[-4:]), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    url, only_this = f"http://rebinding.example:{server.server_address[1]}/", [ipaddress.ip_network("127.0.0.1/32")]
    assert outbound.get(url, allowed=only_this).status_code == 200
    assert dns.asked == 1  # type: ignore[attr-defined]  # looked at and connected to are one and the same
    with pytest.raises(outbound.Refused):
        outbound.get(url, allowed=only_this)
    assert server.asked == ["/"]
    dns.shutdown()
    dns.server_close()


# What an operator may allow


@pytest.mark.parametrize(
    "network", ["10.0.0.0/4", "0.0.0.0/0", "169.254.169.254/32", "169.254.0.0/16", "fe80::/10", "10.0.0.1/8", "nonsense", ""]
)
def test_ranges_that_are_not_allowed(sample_client, network):
    with pytest.raises(PortalError):
        registry.allow_range(client=sample_client, network=network, reason="x", actor=people.TESTER, now=people.now())
    assert not AllowedRange.objects.exists()


def test_a_range_is_allowed_and_taken_back_on_the_page_of_that_client(operator_page, sample_client):
    address = f"/clients/{sample_client.pk}/ranges/add/"
    assert operator_page.post(address, {"network": "10.20.0.0/16", "reason": ""}).status_code == 422
    assert operator_page.post(address, {"network": "10.20.0.0/16", "reason": "their data centre"}).status_code == 303
    assert "their data centre" in operator_page.get(f"/clients/{sample_client.pk}/").content.decode()
    row = AllowedRange.objects.get()
    other = people.make_client()
    assert operator_page.post(f"/clients/{other.pk}/ranges/{row.pk}/remove/").status_code == 404
    assert operator_page.post(f"/clients/{sample_client.pk}/ranges/{row.pk}/remove/").status_code == 303
    assert not AllowedRange.objects.exists()
