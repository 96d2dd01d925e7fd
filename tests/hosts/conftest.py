"""Real hosts, a real worker, a real beat. Where the lab can't be had the tests say why, and in CI they fail instead."""

import contextlib
import fcntl
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection, connections

from clients.choices import HostWork
from clients.models import AllowedRange, ServiceCheck, System
from clients.services import onboarding
from maintenance.models import PendingUpdate
from maintenance.services.decisions import UpdateKey, decide
from portal.accounts.scope import acting_for_all
from tests import people
from tests.hosts.steps import scan_now
from tests.lab import badly, base, mirror, network
from tests.lab.machine import Machine, wait_for

CHECKOUT = Path(__file__).resolve().parents[2]
# Beside the demo's own address, so that both can stand on one machine.
# of pytest-xdist: each has a mirror and a range of hosts of its own
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
MIRROR_ADDRESS = f"10.77.0.{2 + WORKER}"
_next_number = iter(range(500 + 200 * WORKER, 700 + 200 * WORKER))


@pytest.fixture(scope="session")
def lab() -> Iterator[Path]:
    """The lab is up: base, mirror, and the folder of the badly behaving packages."""
    reason = base.why_not()
    if reason and os.environ.get("CI"):
        pytest.fail(f"CI must have the lab, but {reason}")
    if reason:
        pytest.skip(f"NO LAB: {reason}. What only a real host can show was not tested.")
    base.CACHE.mkdir(parents=True, exist_ok=True)
    with (base.CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # what is shared is built by one of the test processes
        base.install_machine_packages(print)
        base.ensure(print)
        network.ensure_bridge()
    network.run("ip", "addr", "add", f"{MIRROR_ADDRESS}/16", "dev", network.BRIDGE, check=False)
    with tempfile.TemporaryDirectory(prefix="rt-badly-") as folder:
        badly.build(Path(folder))
        server = mirror.serve(Path(folder), address=MIRROR_ADDRESS)
        yield Path(folder)
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def another_machine(*, disk: str = "overlay") -> Iterator[Machine]:
    """A fresh host; its disk as `Machine` says."""
    number = next(_next_number)
    host = Machine(f"test-{os.getpid()}-{number}", number, mirror=MIRROR_ADDRESS, disk=disk)
    host.start()
    yield host
    host.remove()


@pytest.fixture
def machine(lab) -> Iterator[Machine]:
    """A fresh host of this test's own."""
    with another_machine() as host:
        yield host


@pytest.fixture
def machines(lab) -> Iterator[Callable[[int], list[Machine]]]:
    """Fresh hosts of this test's own, as many as it asks for; they come up side by side."""
    made: list[Machine] = []

    def make(count: int) -> list[Machine]:
        fresh = [
            Machine(f"test-{os.getpid()}-{number}", number, mirror=MIRROR_ADDRESS) for number in itertools.islice(_next_number, count)
        ]
        made.extend(fresh)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Machine.start, fresh))
        return fresh

    yield make
    for host in made:
        host.remove()


def set_up(host: Machine, *, client=None, packages: tuple[str, ...] = (), **values: object) -> System:
    """Onboard a host as an operator does: known key pasted, script run as root, connection tested."""
    system = people.make_system(client, name=host.name, address=host.address, **values)
    shown = host.run("cat /etc/ssh/ssh_host_ed25519_key.pub")
    onboarding.paste_host_keys(system=system, text=shown, actor=people.TESTER, now=people.now())
    if packages:
        host.write("/etc/apt/sources.list.d/badly.list", badly.SOURCES_LINE)
        names = " ".join(f"{name}=1.0" for name in packages)
        host.run(f"apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q {names}")
    host.run("cat >/root/setup.sh && sh /root/setup.sh", stdin=onboarding.setup_script(system))
    test_now(system)
    return system


def test_now(system: System) -> System:
    """Run the connection test in this process."""
    onboarding.ask(system=system, work=HostWork.TEST_CONNECTION, actor=people.TESTER, now=people.now())
    onboarding.test_connection(system_id=system.pk, now=people.now())
    system.refresh_from_db()
    return system


test_now.__test__ = False  # type: ignore[attr-defined]  # a helper, not a test


def portal_url(settings) -> str:
    """DATABASE_URL of the test database, as the portal's own role."""
    host = quote(settings["HOST"], safe="")
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    return f"postgres://{settings['USER']}:{quote(settings['PASSWORD'])}@{host}{port}/{settings['NAME']}"


class Workers:
    """The portal's workers and beat as processes of their own, on the test database."""

    def __init__(self) -> None:
        self.log = Path(tempfile.mkstemp(prefix="rt-worker-", suffix=".log")[1])
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Start `hosts` and `default`, which carries beat along (each process takes seconds to load), or those named.

        `packages` only where it is named; `looks`, which looks at systems every minute, only where it is named.
        """
        celery = [sys.executable, "-m", "celery", "-A", "portal.celery"]
        argv = {
            "hosts": [*celery, "worker", "-Q", "hosts", "-P", "threads", "-c", "4", "-n", f"hosts-{uuid.uuid4().hex[:6]}@%h"],
            "default": [
                *celery,
                "worker",
                "-Q",
                "default",
                "-P",
                "threads",
                "-c",
                "1",
                "-n",
                f"d-{uuid.uuid4().hex[:6]}@%h",
                "--beat",
                "-s",
                f"{self.log}.schedule",
            ],
            "packages": [*celery, "worker", "-Q", "packages", "-P", "prefork", "-c", "1", "-n", f"p-{uuid.uuid4().hex[:6]}@%h"],
            "looks": [*celery, "worker", "-Q", "looks", "-P", "threads", "-c", "2", "-n", f"looks-{uuid.uuid4().hex[:6]}@%h"],
        }
        settings = connection.settings_dict
        url = portal_url(settings)
        for name in names or ("hosts", "default"):
            words = [*argv[name], "--loglevel=INFO", "--without-gossip", "--without-mingle"]
            with self.log.open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    words, cwd=CHECKOUT, env={**os.environ, "DATABASE_URL": url}, stdout=log, stderr=log, start_new_session=True
                )

    def kill(self, name: str) -> None:
        """SIGKILL one, with all that it started."""
        process = self._processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def stop(self) -> None:
        for name in list(self._processes):
            self.kill(name)


@pytest.fixture
def workers(transactional_db) -> Iterator[Workers]:
    """Running workers and beat."""
    group = Workers()
    group.start()
    yield group
    group.stop()
    group.log.unlink()


def finished(run, *, seconds: float = 120):
    """The run once it has its verdict."""

    def look():
        run.refresh_from_db()
        return not run.is_open

    wait_for(f"the verdict of run {run.pk}", look, seconds=seconds)
    return run


def logged(run, words: str, *, seconds: float = 60) -> None:
    """Return when the host's log, as the portal has it, contains the words."""
    from maintenance.services.execution import log_text

    wait_for(f"“{words}” in the log", lambda: words in log_text(run)[0], seconds=seconds)


@pytest.fixture
def fleet(machines):
    """One staging host and production hosts of one client, each with a package at 1.0 and 1.1 pending and decided."""

    def make(count: int, *packages: str):
        hosts = machines(count + 1)
        client = people.make_client()
        AllowedRange.objects.create(client=client, network="10.77.0.0/16", reason="the lab", actor_label="x")

        def prepare(host, **values):
            """On a thread of its own: hosts mostly wait."""
            try:
                with acting_for_all():
                    system = set_up(host, client=client, packages=packages, roles=["web"], **values)
                    ServiceCheck.objects.create(client=client, system=system, url=f"http://{system.address}/")
                    scan_now(system)
                    # a scan of the workers' own may have been faster
                    wait_for("the updates", lambda: pending(system).count() == len(packages))
                    return system
            finally:
                connections.close_all()

        def pending(system):
            return PendingUpdate.objects.filter(system=system, package__in=packages, gone_at=None)

        twin = prepare(hosts[0], environment="staging")
        with ThreadPoolExecutor(3) as pool:
            systems = list(pool.map(lambda host: prepare(host, environment="production", staging_twin=twin), hosts[1:]))
        decide(keys=[UpdateKey(name, "1.1") for name in packages], kind="apply", actor=people.TESTER, now=people.now())
        return client, hosts, (twin, *systems)

    return make
