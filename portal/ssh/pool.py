"""Connections kept per process while they pay.

A kept connection saves its handshake; an idle one costs a thread and a few wake-ups, so it is closed after a while: late enough for
the next look at a system that is looked at every minute.
Nothing is ever run twice: a connection is replaced only where no channel could be opened, before anything was sent.
"""

import atexit
import contextlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from typing import Protocol

from portal.ssh.connection import Connection, succeeded
from portal.ssh.errors import ConnectFailed
from portal.ssh.target import CommandResult, Target
from portal.ssh.terminal import Terminal

IDLE_S = 150.0
# OpenSSH's MaxSessions is 10 on one connection; half of it leaves room for people.
SESSIONS_PER_HOST = 4


class _Slot:
    """What the pool knows of one target."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sessions = threading.BoundedSemaphore(SESSIONS_PER_HOST)
        self.connection: Connection | None = None
        self.users = 0
        self.used_at = time.monotonic()


class Observer(Protocol):
    """Who is told of each command: before it is sent to the host, and when its result is there."""

    def sending(self, script: str) -> None:
        """The command is about to be sent over a living connection."""

    def ran(self, script: str, result: CommandResult) -> None:
        """The command ended with this result."""


class Shell:
    """What callers get: runs commands on one target over the pool's connection."""

    def __init__(self, pool: "Pool", target: Target, slot: _Slot, observer: Observer | None = None) -> None:
        self._pool, self._slot, self._observer = pool, slot, observer
        self.target = target

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float = 60, output_cap: int = 4 * 1024 * 1024) -> CommandResult:
        """See `Connection.run`. A connection found dead before anything was sent is replaced once."""
        with self._slot.sessions:
            connection = self._pool.connect(self.target, self._slot)
            if self._observer:
                self._observer.sending(script)
            try:
                result = connection.run(script, stdin=stdin, timeout_s=timeout_s, output_cap=output_cap)
            except ConnectFailed:
                # no channel: nothing ran
                connection = self._pool.connect(self.target, self._slot, instead_of=connection)
                result = connection.run(script, stdin=stdin, timeout_s=timeout_s, output_cap=output_cap)
            if self._observer:
                self._observer.ran(script, result)
            return result

    @contextlib.contextmanager
    def terminal(self, *, limit_s: int) -> Iterator[Terminal]:
        """See `Connection.terminal`. The observer is told that it begins, not what is typed in it."""
        with self._slot.sessions:
            connection = self._pool.connect(self.target, self._slot)
            if self._observer:
                self._observer.sending("a terminal for a person")
            try:
                opened = connection.terminal(limit_s=limit_s)
            except ConnectFailed:
                opened = self._pool.connect(self.target, self._slot, instead_of=connection).terminal(limit_s=limit_s)
            with opened as terminal:
                yield terminal

    def check(self, script: str, *, stdin: bytes = b"", timeout_s: float = 60, output_cap: int = 4 * 1024 * 1024) -> CommandResult:
        """`run`, but another exit status than 0 raises SudoRefused or CommandFailed."""
        result = self.run(script, stdin=stdin, timeout_s=timeout_s, output_cap=output_cap)
        return succeeded(result, name=self.target.name)

    def drop(self) -> None:
        """Close the connection, so that the next command makes a fresh one: after a loss, or a long silence."""
        with self._slot.lock:
            if self._slot.connection is not None:
                self._slot.connection.close()
                self._slot.connection = None


class Pool:
    """Connections by target. Thread-safe; one per process.

    Args:
        idle_s: for how long an idle connection is kept.
        most: how many are kept idle; beyond that the longest unused are closed at once.
    """

    def __init__(self, *, idle_s: float = IDLE_S, most: int = 2000) -> None:
        self._idle_s, self._most = idle_s, most
        self._slots: dict[Target, _Slot] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._sweeper: threading.Thread | None = None

    @contextlib.contextmanager
    def shell(self, target: Target, *, observer: Observer | None = None) -> Iterator[Shell]:
        """A shell on the target; it connects at its first command, and tells the observer of each."""
        with self._lock:
            slot = self._slots.setdefault(target, _Slot())
            slot.users += 1
            if self._sweeper is None:
                self._sweeper = threading.Thread(target=self._sweep, name="ssh-idle", daemon=True)
                self._sweeper.start()
        try:
            yield Shell(self, target, slot, observer)
        finally:
            with self._lock:
                slot.users -= 1
                slot.used_at = time.monotonic()
                crowded = len(self._slots) > self._most
            if crowded:
                self._evict_oldest()

    def connect(self, target: Target, slot: _Slot, *, instead_of: Connection | None = None) -> Connection:
        """The slot's living connection, or a new one.

        Raises:
            ConnectFailed: see `Connection`.
        """
        with slot.lock:
            if slot.connection is not None and slot.connection.alive and slot.connection is not instead_of:
                return slot.connection
            if slot.connection is not None:
                slot.connection.close()
                slot.connection = None
            slot.connection = Connection(target)
            return slot.connection

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return sum(1 for slot in self._slots.values() if slot.connection is not None and slot.connection.alive)

    def evict_idle(self, *, now: float) -> None:
        """Close what nobody used for the idle time; `now` is on time.monotonic()'s clock."""
        with self._lock:
            idle = [t for t, s in self._slots.items() if s.users == 0 and now - s.used_at > self._idle_s]
            slots = [self._slots.pop(target) for target in idle]
        _close(slots)

    def _evict_oldest(self) -> None:
        """Room for a tenth of them at once, so that this is rare."""
        with self._lock:
            idle = sorted((s.used_at, number, t) for number, (t, s) in enumerate(self._slots.items()) if s.users == 0)
            slots = [self._slots.pop(target) for _, _, target in idle[: len(self._slots) - self._most + self._most // 10]]
        _close(slots)

    def close(self) -> None:
        """Close everything; commands under way end with ConnectionLost."""
        self._closing.set()
        with self._lock:
            slots, self._slots = list(self._slots.values()), {}
        _close(slots)

    def _sweep(self) -> None:
        while not self._closing.wait(5):
            self.evict_idle(now=time.monotonic())


def _close(slots: list[_Slot]) -> None:
    for slot in slots:
        if slot.connection is not None:
            slot.connection.close()


_pools: dict[int, Pool] = {}
_pools_lock = threading.Lock()


def process_pool() -> Pool:
    """This process's pool; a forked child gets its own and leaves its parent's sockets alone."""
    with _pools_lock:
        pool = _pools.get(os.getpid())
        if pool is None:
            pool = _pools[os.getpid()] = Pool(most=_room())
            atexit.register(pool.close)
        return pool


def _room() -> int:
    """How many connections this process may keep: each takes a descriptor, and two more while a command runs.

    The soft limit, 1,024 by default for the sake of programs that use select(), is raised to what is allowed: without a descriptor
    left, a system that is well would look unreachable.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(16, min(2000, (hard - 400) // 2))
