"""HTTP requests to addresses that somebody typed: checks, webhooks. Refused where they would reach into a private network.

Refused are loopback, link-local (cloud metadata lives there), private and every other address that is not global, unless the
caller names a network as allowed. The decision is made on the address that is connected to, after name resolution and for
each redirect anew: a name that resolves differently the second time changes nothing.
"""

import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, Any

import httpcore
import httpx

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_BODY = 1024 * 1024
_OF_THE_WIRE = {"content-encoding", "content-length", "transfer-encoding"}
# 6to4, Teredo and NAT64 carry an IPv4 address inside: what is inside counts (RFC 3056, 4380, 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What some Pythons call global and nobody should be asked at (IANA special-purpose registries).
_NEVER: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "fec0::/10", "64:ff9b:1::/48")
)


class Refused(Exception):
    """The address is not one that the portal may ask; the message says why and what to do."""


def download(
    url: str, to: IO[bytes], *, longest: int, allowed: Iterable[Network] = (), timeout_s: float = 30, redirects: int = 3,
    headers: dict[str, str] | None = None,
) -> httpx.Response:  # fmt: skip
    """Stream the answer to GET into a file, as it was sent: what is compressed stays so. The returned response has no body.

    Args:
        longest: bytes; more is no answer.
        timeout_s: for each read, not for the whole.

    Raises:
        Refused: as `get`; or it is longer than `longest`.
        httpx.HTTPError: no answer, or one that was cut.
    """
    with _client(url, allowed, timeout_s, redirects) as client, client.stream("GET", url, headers=headers) as answer:
        taken = 0
        for chunk in answer.iter_raw():
            taken += len(chunk)
            if taken > longest:
                raise Refused(f"The answer is longer than {longest} bytes.")
            to.write(chunk)
        return httpx.Response(answer.status_code, headers=answer.headers, request=answer.request)


def get(
    url: str, *, allowed: Iterable[Network] = (), timeout_s: float = 10, redirects: int = 0, headers: dict[str, str] | None = None
) -> httpx.Response:
    """The answer to GET, with at most 1 MiB of its body.

    Args:
        allowed: networks that may be asked although they are not global.
        redirects: how many to follow; each hop is checked like the first.

    Raises:
        Refused: an address behind the URL, or behind a redirect, is not allowed.
        httpx.HTTPError: no answer.
    """
    with _client(url, allowed, timeout_s, redirects) as client, client.stream("GET", url, headers=headers) as answer:
        return _read(answer)


def post(url: str, body: bytes, *, headers: dict[str, str], allowed: Iterable[Network] = (), timeout_s: float = 10) -> httpx.Response:
    """The answer to POST, without its body; redirects are not followed: what is sent goes where it was meant to.

    Raises:
        Refused: as `get`.
        httpx.HTTPError: no answer.
    """
    with _client(url, allowed, timeout_s, 0) as client, client.stream("POST", url, content=body, headers=headers) as answer:
        return httpx.Response(answer.status_code, headers=answer.headers, request=answer.request)


def post_form(
    url: str, values: Mapping[str, str], *, login: tuple[str, str], headers: dict[str, str], allowed: Iterable[Network] = (),
    timeout_s: float = 20,
) -> httpx.Response:  # fmt: skip
    """The answer to a form that is posted by somebody, with at most 1 MiB of its body. Redirects are not followed.

    Args:
        login: name and password, sent as HTTP Basic over TLS alone, or within this machine.

    Raises:
        Refused: as `get`; or the password would go in the clear.
        httpx.HTTPError: no answer.
    """
    if httpx.URL(url).scheme != "https" and httpx.URL(url).host not in {"127.0.0.1", "localhost"}:
        raise Refused("A password is sent over https alone.")
    with (
        _client(url, allowed, timeout_s, 0) as client,
        client.stream("POST", url, data=dict(values), headers=headers, auth=login) as answer,
    ):
        return _read(answer)


def _read(answer: httpx.Response) -> httpx.Response:
    """The same answer with at most 1 MiB of its body."""
    body = b""
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > LONGEST_BODY:
            break
    # the body is decoded and maybe cut: headers that speak of its form on the wire would have it decoded again
    kept = [(name, value) for name, value in answer.headers.multi_items() if name.lower() not in _OF_THE_WIRE]
    return httpx.Response(answer.status_code, headers=kept, content=body[:LONGEST_BODY], request=answer.request, history=answer.history)


def _client(url: str, allowed: Iterable[Network], timeout_s: float, redirects: int) -> httpx.Client:
    """A client that asks only where it may; each redirect is checked like the first address."""
    try:
        scheme = httpx.URL(url).scheme
    except httpx.InvalidURL as error:
        raise Refused("This is not an address.") from error
    if scheme not in {"http", "https"}:
        raise Refused(f"Only http and https addresses are asked, not {scheme or 'this one'}.")
    # No proxy from the environment: it would ask for us, out of our sight.
    return httpx.Client(
        transport=_GuardedTransport(tuple(allowed)), trust_env=False, timeout=timeout_s, follow_redirects=redirects > 0,
        max_redirects=max(1, redirects),
    )  # fmt: skip


def certificate_until(host: str, port: int, *, allowed: Iterable[Network] = (), timeout_s: float = 10) -> datetime:
    """Until when the certificate that a server shows is valid. It is verified: chain, dates and name.

    Raises:
        Refused: as `get`.
        ssl.SSLCertVerificationError: it is not to be trusted; `verify_message` says why.
        OSError: no answer, or none that speaks TLS.
    """
    with (
        connect(host, port, allowed=allowed, timeout_s=timeout_s) as plain,
        ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = secure.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)


def connect(host: str, port: int, *, allowed: Iterable[Network] = (), timeout_s: float = 10) -> socket.socket:
    """A TCP connection to one of a name's addresses, the first that answers.

    Raises:
        Refused: as `get`.
        OSError: none answers, or the name can't be resolved.
    """
    last: OSError | None = None
    for address in _addresses(host, port, tuple(allowed)):
        try:
            return socket.create_connection((address, port), timeout=timeout_s)
        except OSError as error:
            last = error
    raise last or OSError(f"{host} has no address")


def addresses_of(host: str, *, allowed: Iterable[Network] = ()) -> list[str]:
    """The IP addresses of a name, each of which may be asked. Raises as `connect`."""
    return _addresses(host, 0, tuple(allowed))


def _addresses(host: str, port: int, allowed: Sequence[Network]) -> list[str]:
    """The IP addresses of a name, each of which may be asked.

    Raises:
        Refused: one of them may not.
        OSError: the name can't be resolved.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OSError(f"{host} can't be resolved") from error
    addresses = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
    for address in addresses:
        check(address, allowed=allowed)
    return addresses


def check(address: str, *, allowed: Iterable[Network] = ()) -> None:
    """Raises Refused unless this IP address is global or lies in an allowed network."""
    found = _embedded(ipaddress.ip_address(address))
    if any(found.version == network.version and found in network for network in allowed):
        return
    never = any(found.version == network.version and found in network for network in _NEVER)
    if never or not found.is_global or found.is_multicast or found.is_reserved:
        raise Refused(f"{found} is not a public address. An operator can allow its network for this client.")


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return inner
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class _GuardedBackend(httpcore.SyncBackend):
    """Resolves the name itself, refuses if any of its addresses is not allowed, and connects to one that it looked at."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        try:
            addresses = _addresses(host, port, self._allowed)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        last: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            try:
                return super().connect_tcp(address, port, *args, **kwargs)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError(f"{host} has no address")

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise Refused("A socket of this machine is never asked.")


class _GuardedTransport(httpx.HTTPTransport):
    """httpx's own transport over a pool that connects through the guard; certificates are verified against the name."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        super().__init__()
        self._pool = httpcore.ConnectionPool(ssl_context=ssl.create_default_context(), network_backend=_GuardedBackend(allowed))
