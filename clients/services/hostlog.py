"""What ran on a host, for the audit trail."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from clients.models import System
from portal.accounts.actor import Actor
from portal.audit import services as audit
from portal.ssh.target import CommandResult

# Longer texts are scripts of ours: kept once, named by their hash.
INLINE_CHARS = 400


@dataclass(slots=True)
class Entry:
    """One command, and how often it ran in a row with the same exit status."""

    command: str
    exit_status: int | None = None
    times: int = 1
    seconds: float = 0.0


class HostLog:
    """Observes a shell. Says once that commands are about to be sent, before the first; at the end what they were."""

    def __init__(self, *, system: System, actor: Actor, purpose: str) -> None:
        self._system, self._actor, self._purpose = system, actor, purpose
        self._entries: list[Entry] = []
        self._announced = False

    def sending(self, script: str) -> None:
        """Before a command goes out. A worker that dies from here on leaves at least this behind."""
        if not self._announced:
            self._announced = True
            self._record("host.connect", first=self._named(script))

    def ran(self, script: str, result: CommandResult) -> None:
        """Note a result; the same command asked again and again (a run's state) counts up."""
        command, last = self._named(script), self._entries[-1] if self._entries else None
        if last and last.exit_status == result.exit_status and _kind(last.command) == _kind(command):
            last.times += 1
            last.seconds += result.duration_s
        else:
            self._entries.append(Entry(command, result.exit_status, 1, result.duration_s))

    def close(self) -> None:
        """Write what ran; nothing where nothing was sent."""
        if self._entries:
            commands = [
                {"command": entry.command, "exit_status": entry.exit_status, "times": entry.times, "seconds": round(entry.seconds, 2)}
                for entry in self._entries
            ]
            self._entries = []
            self._record("host.commands", commands=commands)

    def _named(self, script: str) -> str:
        if len(script) <= INLINE_CHARS:
            return script.strip()
        return "script " + audit.keep_script(script, now=timezone.now())

    def _record(self, action: str, **details: Any) -> None:
        audit.record(
            action=action, actor=self._actor, subject=self._system, client_id=self._system.client_id, now=timezone.now(),
            purpose=self._purpose, login=self._system.login, **details,
        )  # fmt: skip


def _kind(command: str) -> str:
    """A command without its numbers: a run's state is asked for with a growing offset."""
    return "".join(character for character in command if not character.isdigit())
