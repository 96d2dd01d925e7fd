"""DNS: records, signatures, and whether an address and its name belong together."""

import ipaddress
from collections.abc import Sequence

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.reversename
import dns.rrset
from django.conf import settings

from monitoring.choices import Level
from monitoring.services.probing.question import Question, Unanswered
from monitoring.services.rules import Observation

LIFETIME_S = 8.0


def resolver() -> dns.resolver.Resolver:
    """Who answers the portal's questions: PORTAL_DNS (`address` or `address#port`), else as this machine is set up."""
    if not settings.DNS_SERVERS:
        return dns.resolver.Resolver()
    found = dns.resolver.Resolver(configure=False)
    servers = [server.partition("#") for server in settings.DNS_SERVERS]
    found.nameservers = [address for address, _, _ in servers]
    found.nameserver_ports = {address: int(port) for address, _, port in servers if port}
    return found


def lookup(name: str, kind: str) -> list[str]:
    """The values of a record; empty where there is none. Text comes in one piece.

    Raises:
        Unanswered: nobody could say.
    """
    try:
        answer = resolver().resolve(name, kind, lifetime=LIFETIME_S, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise Unanswered(f"{kind} of {name}: {_words(error)}") from error
    if kind == "TXT":
        return [b"".join(row.strings).decode("utf-8", "replace") for row in answer]
    return [row.to_text() for row in answer]


def _words(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def ask_record(question: Question) -> list[Observation]:
    """A record, and whether it is what was expected: all of it, and nothing else."""
    kind, expected = str(question.options.get("record", "A")), [str(one) for one in question.options.get("values", [])]
    found = lookup(question.target, kind)
    if not found:
        return [question.said(Level.CRITICAL, f"There is no {kind} record.")]
    if expected and _plain(found) != _plain(expected):
        return [question.said(Level.CRITICAL, f"{kind}: {', '.join(found)}; expected {', '.join(expected)}.")]
    return [question.said(Level.UP, f"{kind}: {', '.join(found)}.")]


def _plain(values: Sequence[str]) -> set[str]:
    return {value.strip().rstrip(".").strip('"').lower() for value in values}


def ask_reverse(question: Question) -> list[Observation]:
    """Forward-confirmed reverse DNS: the address has a name, and that name has the address."""
    address = ipaddress.ip_address(question.target)
    names = [name.rstrip(".") for name in lookup(dns.reversename.from_address(question.target).to_text(), "PTR")]
    if not names:
        return [question.said(Level.CRITICAL, "The address has no name: many receivers refuse its mail.")]
    kind = "A" if address.version == 4 else "AAAA"
    for name in names:
        if any(ipaddress.ip_address(found) == address for found in lookup(name, kind)):
            return [question.said(Level.UP, f"{name}, and back.")]
    return [
        question.said(Level.CRITICAL, f"It is named {', '.join(names)}, which has another address: many receivers refuse its mail.")
    ]


def ask_dnssec(question: Question) -> list[Observation]:
    """Whether a zone's signatures hold, from the parent's DS on, and for how many days the ones of now still do."""
    zone = dns.name.from_text(question.target)
    delegated = _rrset(zone, "DS", question)
    if delegated is None:
        return [question.said(Level.CRITICAL, "The parent has no DS record: the zone is not signed, or nobody knows that it is.")]
    keys = _signed(zone, "DNSKEY")
    trusted = [key for key in keys[0] for ds in delegated if dns.dnssec.make_ds(zone, key, ds.digest_type) == ds]
    if not trusted:
        return [
            question.said(
                Level.CRITICAL, "No key of the zone is the one that its parent names: it does not resolve where DNSSEC is checked."
            )
        ]
    anchors = dns.rrset.from_rdata(zone, keys[0].ttl, *trusted)
    soa = _signed(zone, "SOA")
    now = question.now.timestamp()
    try:
        dns.dnssec.validate(keys[0], keys[1], {zone: anchors}, now=now)
        dns.dnssec.validate(soa[0], soa[1], {zone: keys[0]}, now=now)
    except dns.exception.ValidationFailure as error:
        return [question.said(Level.CRITICAL, f"Signatures do not hold: {_words(error)}. It does not resolve where DNSSEC is checked.")]
    days = (min(row.expiration for signatures in (keys[1], soa[1]) for row in signatures) - now) / 86_400
    return [question.judged(days, f"Signed; the signatures of now hold for {days:.1f} more days.")]


def _rrset(zone: dns.name.Name, kind: str, question: Question) -> dns.rrset.RRset | None:
    answer = _message(zone, kind)
    return answer.get_rrset(answer.answer, zone, dns.rdataclass.IN, dns.rdatatype.from_text(kind))


def _signed(zone: dns.name.Name, kind: str) -> tuple[dns.rrset.RRset, dns.rrset.RRset]:
    answer, type_ = _message(zone, kind), dns.rdatatype.from_text(kind)
    rows = answer.get_rrset(answer.answer, zone, dns.rdataclass.IN, type_)
    signatures = answer.get_rrset(answer.answer, zone, dns.rdataclass.IN, dns.rdatatype.RRSIG, type_)
    if rows is None or signatures is None:
        raise Unanswered(f"{kind} of {zone} came without a signature: does the resolver pass DNSSEC on?")
    return rows, signatures


def _message(zone: dns.name.Name, kind: str) -> dns.message.Message:
    """Asked with the wish for signatures, and not to check them for us: what does not hold is shown, too."""
    query = dns.message.make_query(zone, kind, want_dnssec=True)
    query.flags |= dns.flags.CD
    who = resolver()
    server = str(who.nameservers[0])
    try:
        answer, _ = dns.query.udp_with_fallback(query, server, timeout=LIFETIME_S, port=who.nameserver_ports.get(server, who.port))
    except (dns.exception.DNSException, OSError) as error:
        raise Unanswered(f"{kind} of {zone}: {_words(error)}") from error
    if answer.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        raise Unanswered(f"{kind} of {zone}: {dns.rcode.to_text(answer.rcode())}")
    return answer
