"""`make up`: the portal on this machine, from nothing to an address one can open.

Data is in `var/` (PORTAL_VAR): `postgres`, `valkey`, `secrets`, `static`, `log`, `run`.
"""

import base64
import contextlib
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from portal.up import servers
from portal.up.places import CHECKOUT, VAR, UpError, private_file, say, socket_folder, step
from portal.up.supervisor import Child, Supervisor

PYTHON = sys.executable


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold `var` for ourselves.

    Raises:
        UpError: another `make up` of this checkout runs.
    """
    VAR.mkdir(parents=True, exist_ok=True)
    with (VAR / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise UpError(
                f"The portal of this checkout is already running ({lock.read().strip() or 'just starting'}). "
                "Use that one, or stop it with Ctrl-C in its terminal first."
            ) from error
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield


def settings_environment() -> dict[str, str]:
    """The settings of a portal on this machine: secrets are made once and kept in `var/secrets`, mode 0600."""
    folder = VAR / "secrets"
    for name, fresh in (
        ("secret_key", secrets.token_urlsafe(50)),
        ("vault_master_key", base64.b64encode(secrets.token_bytes(32)).decode()),
    ):
        if not (folder / name).exists():
            private_file(folder / name, fresh)
    environment = {"PORTAL_VAR": str(VAR), "DJANGO_SETTINGS_MODULE": "portal.settings", "PYTHONUNBUFFERED": "1"}
    if "SECRET_KEY" not in os.environ:
        environment.setdefault("SECRET_KEY_FILE", os.environ.get("SECRET_KEY_FILE", str(folder / "secret_key")))
    if "VAULT_MASTER_KEY" not in os.environ:
        environment["VAULT_MASTER_KEY_FILE"] = os.environ.get("VAULT_MASTER_KEY_FILE", str(folder / "vault_master_key"))
    environment["ALLOWED_HOSTS"] = os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost")
    # Plain http on loopback; whoever puts a TLS proxy in front sets PORTAL_HTTPS=true.
    environment["PORTAL_HTTPS"] = os.environ.get("PORTAL_HTTPS", "false")
    return environment


def check_port(port: int) -> None:
    """Raises UpError where something else listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UpError(f"Port {port} can't be used ({error.strerror}). Choose another: make up PORT={port + 1}") from error


def manage(*words: str, environment: dict[str, str]) -> str:
    """Run a management command and return what it printed.

    Raises:
        UpError: it failed; the message carries its last lines.
    """
    done = subprocess.run(
        [PYTHON, "manage.py", *words], cwd=CHECKOUT, env={**os.environ, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-3:])
        hint = "Do DATABASE_URL and REDIS_URL name servers that answer? " if os.environ.get("DATABASE_URL") else ""
        raise UpError(f"manage.py {words[0]} failed. {hint}It said:\n{last}")
    return done.stdout


def start_servers(supervisor: Supervisor) -> dict[str, str]:
    """Start the embedded servers that no URL replaces, and return the URLs of both, and of the database's owner if it is ours."""
    urls = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "DATABASE_OWNER_URL") if os.environ.get(name)}
    sockets = socket_folder()
    if "DATABASE_URL" not in urls:
        with step("PostgreSQL"):
            server = servers.postgres(data=VAR / "postgres", sockets=sockets)
            child = Child(server.name, server.argv, server.environment, stop_signal=signal.SIGINT)
            servers.wait_for_socket(server, supervisor.start(child))
            servers.create_database(server.url)
            # migrations run as the owner, the portal as a role that row-level security binds
            urls["DATABASE_OWNER_URL"] = server.url
            urls["DATABASE_URL"] = servers.url_of_role(server.url, servers.APP_ROLE)
    if "REDIS_URL" not in urls:
        with step("Valkey"):
            server = servers.valkey(data=VAR / "valkey", sockets=sockets)
            servers.wait_for_socket(server, supervisor.start(Child(server.name, server.argv)))
            urls["REDIS_URL"] = server.url
    return urls


def portal_children(environment: dict[str, str], *, port: int) -> list[Child]:
    """Web server, workers and beat. Hosts wait on the network, so that queue runs on threads."""
    celery = [PYTHON, "-m", "celery", "-A", "portal.celery"]
    worker = [*celery, "worker", "--loglevel=INFO", "--without-gossip", "--without-mingle"]
    web = [PYTHON, "-m", "gunicorn", "portal.wsgi:application", "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread",
           "--workers", "1", "--threads", "8", "--no-control-socket"]  # fmt: skip
    return [
        Child("web", web, environment),
        Child("hosts", [*worker, "-Q", "hosts", "-P", "threads", "-c", "16", "-n", "hosts@%h"], environment),
        # of its own, so that no long run on a host makes a look late
        Child("looks", [*worker, "-Q", "looks", "-P", "threads", "-c", "2", "-n", "looks@%h"], environment),
        Child("packages", [*worker, "-Q", "packages", "-P", "prefork", "-c", "1", "-n", "packages@%h"], environment),
        Child("worker", [*worker, "-Q", "default", "-P", "prefork", "-c", "1", "-n", "default@%h"], environment),
        # depends on none of the others, and says so when they are not well
        Child("watcher", [PYTHON, "manage.py", "watch"], environment),
        Child("beat", [*celery, "beat", "--loglevel=WARNING", "-s", str(VAR / "run" / "beat-schedule")], environment),
    ]


def wait_for_portal(address: str, process: subprocess.Popen[bytes], *, seconds: float = 120) -> None:
    """Return when the portal answers its health page.

    Raises:
        UpError: the web server ended or stayed silent.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/health/", timeout=2):  # noqa: S310  # our own http address
                return
        except urllib.error.HTTPError as error:
            raise UpError(f"The portal answers with an error ({error.code}); see {VAR}/log/portal.log.") from error
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise UpError(f"The web server did not come up; its last lines are in {VAR}/log/portal.log.")


def up(*, port: int, demo: bool = False) -> None:
    """Bring the portal up in the foreground and stay until Ctrl-C."""
    with only_one():
        check_port(port)
        (VAR / "run").mkdir(mode=0o700, exist_ok=True)
        with Supervisor(log=VAR / "log" / "portal.log", quiet=True) as supervisor:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: supervisor.stopping.set())
            environment = settings_environment()
            environment["PORTAL_URL"] = os.environ.get("PORTAL_URL", f"http://localhost:{port}")
            urls = start_servers(supervisor)
            with step("migrations"):
                manage("migrate", "--no-input", environment={**environment, **urls})
            # the running processes never see the owner's URL
            urls.pop("DATABASE_OWNER_URL", None)
            os.environ.pop("DATABASE_OWNER_URL", None)
            environment |= urls
            with step("database role and master key"):
                manage("check_start", environment=environment)
            with step("static files"):
                manage("collectstatic", "--no-input", environment=environment)
            sign_in = manage("first_sign_in", *(["--demo"] if demo else []), environment=environment).strip().replace("\n", "\n  ")
            if demo:
                with step("sample data"):
                    manage("demo_data", environment=environment)
            # a name, not an address: passkeys need one
            address = f"http://localhost:{port}"
            with step("web server, workers and beat"):
                web, *others = portal_children(environment, port=port)
                answering = supervisor.start(web)
                for child in others:
                    supervisor.start(child)
                wait_for_portal(address, answering)
            if supervisor.stopping.is_set():
                return
            say(f"\n  Retainer is up: {address}\n  {sign_in}\n  Log: {VAR / 'log' / 'portal.log'}   Stop: Ctrl-C\n")
            if demo:
                # The hosts come up behind the answering portal; they end with it, and their files stay for the next time.
                hosts = [PYTHON, "-m", "tests.lab.demo"]
                supervisor.start(Child("lab", hosts, environment, stop_signal=signal.SIGINT, keep=False, shown=True))
            supervisor.watch()
            say("  stopping")
    say("  stopped; the data is kept in " + str(VAR))
