"""Ports, pages, pings and TLS."""

import ssl
import time

import httpx
import icmplib

from monitoring.choices import Level
from monitoring.services.probing.question import TIMEOUT_S, Question, Unanswered
from monitoring.services.rules import Observation
from portal import outbound

REDIRECTS = 5
PINGS = 5


def ask_tcp(question: Question) -> list[Observation]:
    """Whether somebody takes the connection, and how fast."""
    began = time.monotonic()
    host, port = question.host_and_port
    try:
        outbound.connect(host, port, allowed=question.allowed, timeout_s=TIMEOUT_S).close()
    except OSError as error:
        return [question.said(Level.CRITICAL, f"No connection: {error}")]
    seconds = time.monotonic() - began
    return [question.judged(seconds, f"Connected within {seconds:.2f} s.")]


def ask_page(question: Question) -> list[Observation]:
    """A page: status, text that must stand there, and where it leads."""
    began = time.monotonic()
    try:
        answer = outbound.get(question.target, allowed=question.allowed, timeout_s=TIMEOUT_S, redirects=REDIRECTS)
    except httpx.TooManyRedirects:
        return [question.said(Level.CRITICAL, f"It leads on more than {REDIRECTS} times.")]
    except httpx.HTTPError as error:
        return [question.said(Level.CRITICAL, f"No answer: {error or type(error).__name__}")]
    seconds = round(time.monotonic() - began, 3)
    status, text, leads_to = question.options.get("status", 200), question.options.get("text", ""), question.options.get("leads_to", "")
    if answer.status_code != status:
        return [question.said(Level.CRITICAL, f"Status {answer.status_code}, expected {status}.", seconds)]
    if leads_to and not str(answer.url).startswith(leads_to):
        return [question.said(Level.CRITICAL, f"It leads to {answer.url}, expected {leads_to}.", seconds)]
    if text and text not in answer.text:
        return [question.said(Level.CRITICAL, f"“{text}” does not stand there.", seconds)]
    steps = f" after {len(answer.history)} redirects" if answer.history else ""
    return [question.judged(seconds, f"Status {status}{steps} within {seconds:.1f} s{', with its text' if text else ''}.")]


def _ping(address: str) -> icmplib.Host:
    """As anybody may where the machine allows that, else as root alone may."""
    try:
        return icmplib.ping(address, count=PINGS, interval=0.2, timeout=2, privileged=False)
    except icmplib.SocketPermissionError:
        return icmplib.ping(address, count=PINGS, interval=0.2, timeout=2, privileged=True)


def ask_ping(question: Question) -> list[Observation]:
    """Share of pings that came back."""
    address = outbound.addresses_of(question.target, allowed=question.allowed)[0]
    try:
        answer = _ping(address)
    except icmplib.SocketPermissionError as error:
        raise Unanswered("This machine may not send pings (sysctl net.ipv4.ping_group_range).") from error
    except icmplib.ICMPLibError as error:
        return [question.said(Level.CRITICAL, f"No answer: {error}", 100.0)]
    lost = 100 * answer.packet_loss
    return [question.judged(lost, f"{lost:.0f} % lost, {answer.avg_rtt:.1f} ms.")]


def ask_tls(question: Question) -> list[Observation]:
    """Which protocol is spoken, and whether old ones are still taken (RFC 8996 says not to)."""
    host, port = question.host_and_port
    spoken = _version(question, host, port, ssl.create_default_context())
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        taken = _version(question, host, port, old)
    except (ssl.SSLError, ConnectionError):
        return [question.said(Level.UP, f"{spoken}; older than TLS 1.2 is refused.")]
    return [question.said(Level.WARNING, f"{spoken}, but {taken} is still taken.")]


def _version(question: Question, host: str, port: int, context: ssl.SSLContext) -> str:
    with (
        outbound.connect(host, port, allowed=question.allowed, timeout_s=TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        return secure.version() or "TLS"
