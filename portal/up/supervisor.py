"""Starts the portal's processes, keeps them running, writes one log, stops all of them.

A process that ends is started again with a sentence in the log; one that keeps ending stops the whole with a sentence
that says where to look. Every child leads a process group of its own, known to a guard process, so that none outlives us.
"""

import collections
import contextlib
import datetime
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portal.up import guard
from portal.up.places import CHECKOUT, UpError, say

RESTARTS_ALLOWED = 5
RESTART_WINDOW_S = 60.0


@dataclass
class Child:
    """One supervised program.

    Args:
        keep: start it again when it ends; otherwise its end is only said.
        shown: its lines go to the terminal too, even where the rest is quiet.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    keep: bool = True
    shown: bool = False
    process: subprocess.Popen[bytes] | None = None
    starts: collections.deque[float] = field(default_factory=lambda: collections.deque(maxlen=RESTARTS_ALLOWED))


class Supervisor:
    """Children in order of start. Use as a context manager: leaving it stops everything, in reverse order."""

    def __init__(self, *, log: Path, quiet: bool = False) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("a", buffering=1, encoding="utf-8", errors="replace")
        self._log_lock = threading.Lock()
        self._quiet = quiet
        self._children: list[Child] = []
        self._readers: list[threading.Thread] = []
        self.stopping = threading.Event()
        self._guard = subprocess.Popen([sys.executable, guard.__file__], stdin=subprocess.PIPE, start_new_session=True, text=True)

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, child: Child) -> subprocess.Popen[bytes]:
        """Start a child and supervise it from now on."""
        self._children.append(child)
        return self._spawn(child)

    def restart(self, name: str, *, signal_number: int = signal.SIGTERM) -> None:
        """Stop one child with a signal and start it again."""
        child = next(child for child in self._children if child.name == name)
        if child.process is not None:
            child.process.send_signal(signal_number)
            child.process.wait(30)
            guard.end_groups({child.process.pid}, patience_s=1)
        self._spawn(child)

    def watch(self) -> None:
        """Supervise until `stopping` is set.

        Raises:
            UpError: a child ended five times within a minute.
        """
        while not self.stopping.wait(0.5):
            for child in self._children:
                if child.process is None or (status := child.process.poll()) is None:
                    continue
                self._tell_guard(f"-{child.process.pid}")
                if not child.keep:
                    self.write("up", f"{child.name} ended (exit status {status})")
                    child.process = None
                    continue
                if len(child.starts) == RESTARTS_ALLOWED and time.monotonic() - child.starts[0] < RESTART_WINDOW_S:
                    raise UpError(f"{child.name} keeps ending (exit status {status}). Its last lines are in {self._log.name}.")
                self.write("up", f"{child.name} ended (exit status {status}); starting it again")
                self._spawn(child)

    def write(self, name: str, line: str) -> None:
        """Add a line to the log, and to the terminal unless quiet."""
        stamp = datetime.datetime.now(datetime.UTC).strftime("%H:%M:%SZ")
        with self._log_lock:
            self._log.write(f"{stamp} {name:<9} {line}\n")
            if not self._quiet:
                say(f"{stamp} {name:<9} {line}")

    def stop(self) -> None:
        """Stop the children, last started first, each with its own signal; kill what does not end in 15 s."""
        self.stopping.set()
        for child in reversed(self._children):
            if child.process is not None and child.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(child.stop_signal)
                try:
                    child.process.wait(15)
                except subprocess.TimeoutExpired:
                    self.write("up", f"{child.name} did not stop within 15 s: killed")
            if child.process is not None:
                guard.end_groups({child.process.pid}, patience_s=1)
                self._tell_guard(f"-{child.process.pid}")
        if self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._guard.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(5)
        for reader in self._readers:
            reader.join(1)
        self._log.close()

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        child.starts.append(time.monotonic())
        # SIGINT from the terminal must reach us alone: each child leads a session of its own.
        child.process = subprocess.Popen(
            list(child.argv), cwd=CHECKOUT, env={**os.environ, **child.environment}, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._tell_guard(f"+{child.process.pid}")
        reader = threading.Thread(target=self._copy_output, args=(child, child.process), daemon=True)
        reader.start()
        self._readers.append(reader)
        return child.process

    def _copy_output(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout:
            for line in process.stdout:
                with contextlib.suppress(ValueError):  # the log was closed under a straggler
                    text = line.decode(errors="replace").rstrip()
                    self.write(child.name, text)
                    if child.shown and self._quiet:
                        say(text)

    def _tell_guard(self, line: str) -> None:
        if self._guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError, ValueError):
                self._guard.stdin.write(line + "\n")
                self._guard.stdin.flush()
