"""What a system's addresses answer from outside: status and time over HTTP, and how long a certificate is valid.

Runs on threads of their own, without the database. Addresses that somebody typed are asked under the rules of portal.outbound.
"""

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from monitoring.choices import Kind, Level
from monitoring.services.rules import Observation, Own, level_of
from portal import outbound

TIMEOUT_S = 10.0
LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Question:
    """An address that must answer with this status, and where it may lie."""

    url: str
    expected_status: int
    allowed: Sequence[outbound.Network]
    own: Own


def ask(question: Question, *, now: datetime) -> list[Observation]:
    """What an address answers now; of https also what its certificate says."""
    seen = [_http(question)]
    parts = urlsplit(question.url)
    if parts.scheme == "https" and parts.hostname:
        seen.append(_certificate(question, parts.hostname, parts.port or 443, now))
    return seen


def _http(question: Question) -> Observation:
    subject = question.url[:LONGEST_SUBJECT]
    began = time.monotonic()
    try:
        answer = outbound.get(question.url, allowed=question.allowed, timeout_s=TIMEOUT_S)
    except outbound.Refused as error:
        return Observation(Kind.HTTP, subject, Level.UNKNOWN, None, f"Not asked: {error}")
    except httpx.HTTPError as error:
        return Observation(Kind.HTTP, subject, Level.CRITICAL, None, f"No answer: {error or type(error).__name__}")
    seconds = time.monotonic() - began
    if answer.status_code != question.expected_status:
        words = f"Status {answer.status_code}, expected {question.expected_status}."
        return Observation(Kind.HTTP, subject, Level.CRITICAL, round(seconds, 3), words)
    level = level_of(Kind.HTTP, subject, seconds, question.own)
    return Observation(Kind.HTTP, subject, level, round(seconds, 3), f"Status {answer.status_code} within {seconds:.1f} s.")


def _certificate(question: Question, host: str, port: int, now: datetime) -> Observation:
    subject = f"{host}:{port}"[:LONGEST_SUBJECT]
    try:
        until = outbound.certificate_until(host, port, allowed=question.allowed, timeout_s=TIMEOUT_S)
    except outbound.Refused as error:
        return Observation(Kind.CERTIFICATE, subject, Level.UNKNOWN, None, f"Not asked: {error}")
    except ssl.SSLCertVerificationError as error:
        return Observation(Kind.CERTIFICATE, subject, Level.CRITICAL, None, f"Not to be trusted: {error.verify_message}")
    except (OSError, KeyError) as error:
        # whether it is still valid nobody knows while the server does not show it
        return Observation(Kind.CERTIFICATE, subject, Level.UNKNOWN, None, f"Not shown: {error}")
    days = (until - now).total_seconds() / 86_400
    level = level_of(Kind.CERTIFICATE, subject, days, question.own)
    return Observation(Kind.CERTIFICATE, subject, level, round(days, 2), f"Valid until {until:%Y-%m-%d %H:%M} UTC, {days:.0f} days.")
