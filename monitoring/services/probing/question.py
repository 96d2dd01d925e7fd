"""What is asked, and of whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clients.errors import NotReady
from monitoring.choices import Kind, Level
from monitoring.services.rules import Observation, Own, level_of
from portal import outbound
from portal.ssh.target import Target

TIMEOUT_S = 10.0


class Unanswered(Exception):
    """Nobody knows: who was asked did not answer, or may not be asked. The message says which."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Args:
        target: host:port, URL, name, domain or IP address, by kind.
        options: by kind (services/probes.py).
        allowed: networks that may be asked although they are not public.
        own: thresholds of single checks of the system.
        shell: how the system is reached, for a command.
    """

    kind: Kind
    target: str
    options: Mapping[str, Any]
    allowed: Sequence[outbound.Network]
    own: Own
    now: datetime
    shell: Target | NotReady | None = None

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Of `host:port`; an IPv6 address stands in brackets."""
        host, _, port = self.target.rpartition(":")
        return host.strip("[]"), int(port)

    def said(self, level: Level, words: str, value: float | None = None, subject: str | None = None) -> Observation:
        """An answer."""
        return Observation(self.kind, (self.target if subject is None else subject)[:200], level, value, words[:500])

    def judged(self, value: float, words: str) -> Observation:
        """An answer whose number decides."""
        return self.said(level_of(self.kind, self.target[:200], value, self.own), words, round(value, 3))
