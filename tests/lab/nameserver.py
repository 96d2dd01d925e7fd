"""A DNS server on loopback that says what a test wants: records, silence, failures, signatures."""

import contextlib
import socketserver
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dns.dnssec
import dns.dnssectypes
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec

TTL = 60


class Nameserver:
    """Answers over UDP and TCP for every name: from `records`, else that there is none.

    Args:
        records: (name, type) to texts of rdata.
        silent, failing: names, of which nothing, or SERVFAIL, is said; those under them as well.
    """

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.silent: set[str] = set()
        self.failing: set[str] = set()
        self.asked: list[str] = []
        self._signed: dict[tuple[str, str], dns.rrset.RRset] = {}
        self._udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), _Udp)
        self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", self._udp.server_address[1]), _Tcp)
        for server in (self._udp, self._tcp):
            server.daemon_threads = True
            server.names = self  # type: ignore[union-attr]

    @property
    def port(self) -> int:
        return int(self._udp.server_address[1])

    @contextlib.contextmanager
    def running(self) -> Iterator["Nameserver"]:
        for server in (self._udp, self._tcp):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        yield self
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()

    def put(self, name: str, kind: str, *values: str) -> None:
        """Say this from now on; without values: that there is none."""
        self.records[name.rstrip(".").lower(), kind] = list(values)

    def text(self, name: str, value: str) -> None:
        """A TXT record in pieces of 200 characters, as zones carry long ones."""
        parts = [value[at : at + 200] for at in range(0, len(value), 200)] or [""]
        self.put(name, "TXT", " ".join(f'"{part}"' for part in parts))

    def sign(self, zone: str, *, until: datetime, broken: bool = False, foreign_ds: bool = False) -> None:
        """Sign a zone's SOA with a fresh key, and name the key at the parent."""
        name, key = dns.name.from_text(zone), ec.generate_private_key(ec.SECP256R1())
        public = dns.dnssec.make_dnskey(key.public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256, flags=257)
        other = dns.dnssec.make_dnskey(
            ec.generate_private_key(ec.SECP256R1()).public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256, flags=257
        )
        soa = "ns.example. admin.example. 1 7200 3600 1209600 3600"
        self.put(zone, "DNSKEY", public.to_text())
        self.put(zone, "SOA", soa)
        self.put(zone, "DS", dns.dnssec.make_ds(name, other if foreign_ds else public, "SHA256").to_text())
        for kind in ("DNSKEY", "SOA"):
            rows = dns.rrset.from_text(name, TTL, "IN", kind, *self.records[zone, kind])
            signature = dns.dnssec.sign(rows, key, name, public, inception=datetime.now(UTC) - timedelta(days=10), expiration=until)
            self._signed[zone, kind] = dns.rrset.from_rdata(name, TTL, signature)
        if broken:
            self.put(zone, "SOA", soa.replace(" 1 ", " 2 "))

    def answer(self, raw: bytes) -> bytes | None:
        """The answer to a query; None is silence."""
        query = dns.message.from_wire(raw)
        question = query.question[0]
        name, kind = question.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        if any(name == one or name.endswith(f".{one}") for one in self.silent):
            return None
        answer: Any = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if any(name == one or name.endswith(f".{one}") for one in self.failing):
            answer.set_rcode(dns.rcode.SERVFAIL)
            return bytes(answer.to_wire())
        values = self.records.get((name, kind), [])
        if values:
            answer.answer.append(dns.rrset.from_text(question.name, TTL, "IN", kind, *values))
            if query.ednsflags & dns.flags.DO and (name, kind) in self._signed:
                answer.answer.append(self._signed[name, kind])
        elif not any(known == name for known, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return bytes(answer.to_wire())


class _Udp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        raw, connection = self.request
        answer = self.server.names.answer(raw)  # type: ignore[attr-defined]
        if answer is not None:
            connection.sendto(answer, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        (length,) = struct.unpack("!H", self.rfile.read(2))
        answer = self.server.names.answer(self.rfile.read(length))  # type: ignore[attr-defined]
        if answer is not None:
            self.wfile.write(struct.pack("!H", len(answer)) + answer)
