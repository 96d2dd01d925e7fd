"""Mail servers: what they say when somebody comes to deliver, to send, or to read."""

import imaplib
import smtplib
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from monitoring.choices import Kind, Level
from monitoring.services.probing.question import TIMEOUT_S, Question
from monitoring.services.rules import Observation
from portal import outbound

# TLS from the first byte on these, with STARTTLS on others.
IMPLICIT = {465, 993}
OUR_NAME = "monitoring.invalid"


class _Smtp(smtplib.SMTP):
    """Connects only where the portal may."""

    def __init__(self, allowed: Sequence[outbound.Network], *, implicit: bool) -> None:
        self._allowed, self._implicit = allowed, implicit
        super().__init__(local_hostname=OUR_NAME, timeout=TIMEOUT_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = outbound.connect(host, port, allowed=self._allowed, timeout_s=timeout)
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host) if self._implicit else plain


class _Imap(imaplib.IMAP4):
    """Connects only where the portal may."""

    def __init__(self, host: str, port: int, allowed: Sequence[outbound.Network], *, implicit: bool) -> None:
        self._allowed, self._implicit = allowed, implicit
        super().__init__(host, port, timeout=TIMEOUT_S)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = outbound.connect(self.host, self.port, allowed=self._allowed, timeout_s=timeout or TIMEOUT_S)
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.host) if self._implicit else plain


def ask_smtp(question: Question) -> list[Observation]:
    """The dialogue of another mail server (port 25), or of somebody who sends (587, 465), up to where a mail would begin."""
    host, port = question.host_and_port
    sends = question.kind == Kind.SUBMISSION
    server = _Smtp(question.allowed, implicit=port in IMPLICIT)
    try:
        code, greeting = server.connect(host, port)
        if code != 220:
            return [question.said(Level.CRITICAL, f"It greets with {code} {_text(greeting)}")]
        server._host = host  # type: ignore[attr-defined]  # noqa: SLF001  # the name that its certificate must be for
        server.ehlo_or_helo_if_needed()
        if port not in IMPLICIT:
            if not server.has_extn("starttls"):
                return [question.said(Level.CRITICAL if sends else Level.WARNING, "It offers no STARTTLS.")]
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        if sends and not server.has_extn("auth"):
            return [question.said(Level.CRITICAL, "It offers no way to sign in after STARTTLS.")]
        return [_by_certificate(question, server.sock)]
    except ssl.SSLCertVerificationError as error:
        # other mail servers mostly deliver all the same; who sends or reads is warned by their program
        level = Level.CRITICAL if sends else Level.WARNING
        return [question.said(level, f"Its certificate is not to be trusted: {error.verify_message}")]
    except (OSError, smtplib.SMTPException) as error:
        return [question.said(Level.CRITICAL, f"No dialogue: {error or type(error).__name__}")]
    finally:
        server.close()


def ask_imap(question: Question) -> list[Observation]:
    """The dialogue of somebody who reads, up to where they would sign in."""
    host, port = question.host_and_port
    try:
        server = _Imap(host, port, question.allowed, implicit=port in IMPLICIT)
    except ssl.SSLCertVerificationError as error:
        return [question.said(Level.CRITICAL, f"Its certificate is not to be trusted: {error.verify_message}")]
    except (OSError, imaplib.IMAP4.error) as error:
        return [question.said(Level.CRITICAL, f"No dialogue: {error or type(error).__name__}")]
    try:
        if port not in IMPLICIT:
            if "STARTTLS" not in server.capabilities:
                return [question.said(Level.CRITICAL, "It offers no STARTTLS.")]
            server.starttls(ssl_context=ssl.create_default_context())
        return [_by_certificate(question, server.socket())]
    except ssl.SSLCertVerificationError as error:
        return [question.said(Level.CRITICAL, f"Its certificate is not to be trusted: {error.verify_message}")]
    except (OSError, imaplib.IMAP4.error) as error:
        return [question.said(Level.CRITICAL, f"No dialogue: {error or type(error).__name__}")]
    finally:
        server.shutdown()


def _by_certificate(question: Question, secure: Any) -> Observation:
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(secure.getpeercert()["notAfter"])), UTC)
    days = (until - question.now).total_seconds() / 86_400
    return question.judged(days, f"It answers with {secure.version()}; its certificate is valid for {days:.0f} days.")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").splitlines()[0][:200] if raw else ""
