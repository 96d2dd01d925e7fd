"""`make demo`: a sample client whose systems are real Debian hosts; `make demo-down`: all of it gone.

As root: hosts of the lab. As anybody else: this very machine through an unprivileged sshd on loopback, read-only. Onboarding
is done by the portal's own services, as an operator would; the only short cut is that fingerprints are compared here.
"""

import getpass
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import badly, base, mirror, network
from tests.lab.machine import HOSTS, Machine, kill_cgroup, wait_for

if TYPE_CHECKING:
    from clients.models import Client, System

CLIENT = "Sample Client"
# Name, number (its address), environment, and the packages of the badly behaving kind it starts with.
DEMO_HOSTS = (
    ("demo-staging", 10, "staging", ("lab-plain", "lab-conffile")),
    ("demo-web", 11, "production", ("lab-plain", "lab-conffile")),
    ("demo-mail", 12, "production", ("lab-plain", "lab-reboot")),
)
REPOSITORY = base.CACHE / "badly-demo"
INSTALLED = base.CACHE / "machine-packages"
LOOPBACK_PORT = 2222


def say(text: str) -> None:
    """One line on the terminal."""
    print(f"  demo: {text}", flush=True)


def announce() -> None:
    """Say beforehand what this puts on the machine."""
    reason = base.why_not()
    if reason:
        print(
            f"\n  make demo can't have its sample hosts: {reason}.\n"
            "  Instead, the portal will look at this very machine, read-only, through an sshd of yours on 127.0.0.1"
            f" port {LOOPBACK_PORT}.\n  Nothing is installed; its files are in var/demo-sshd.\n"
        )
        return
    print(
        "\n  make demo installs with apt-get, where missing: " + " ".join(base.MACHINE_PACKAGES) + ";\n"
        f"  keeps a Debian base and a small mirror in {base.CACHE} (about 600 MB), the hosts' files in {HOSTS};\n"
        f"  makes the bridge {network.BRIDGE} (10.77.0.0/16, no way out), one network namespace a host, and starts\n"
        f"  {len(DEMO_HOSTS)} Debian hosts in containers. Ctrl-C stops them; make demo-down removes all of it.\n"
    )


def down() -> int:
    """Remove everything that make demo put on this machine; the portal's own data in var/ stays."""
    folder = Path(os.environ.get("PORTAL_VAR", "var")) / "demo-sshd"
    if folder.exists():
        _stop_loopback(folder)
        shutil.rmtree(folder)
        say("removed the sshd on loopback")
    if os.geteuid() != 0:
        return 0
    for name, number, _, _ in DEMO_HOSTS:
        kill_cgroup(name)
        network.remove_namespace(name, number)
        shutil.rmtree(HOSTS / name, ignore_errors=True)
    network.remove_all()
    missing = INSTALLED.read_text().split() if INSTALLED.exists() else []
    shutil.rmtree(base.CACHE, ignore_errors=True)
    shutil.rmtree(HOSTS, ignore_errors=True)
    if missing:
        say(f"removing the packages that the demo installed: {' '.join(missing)}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "purge", "-y", "-q", *missing], env=environment, capture_output=True, check=False)
    say("removed hosts, mirror, base, bridge and namespaces. The portal's data is in var/; remove that folder to forget it too.")
    return 0


def main() -> int:
    """Bring the hosts up, onboard and scan them, and hold them until we are told to stop."""
    import django

    django.setup()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        from portal.accounts.scope import acting_for_all

        with acting_for_all():
            return _hold_loopback(stop) if base.why_not() else _hold_lab(stop)
    except (base.LabError, TimeoutError, RuntimeError) as error:
        say(f"the sample hosts did not come up: {error}")
        say("The portal runs on without them; Ctrl-C and make demo tries again.")
        return 1


def _hold_lab(stop: threading.Event) -> int:
    installed = base.install_machine_packages(say)
    base.CACHE.mkdir(parents=True, exist_ok=True)
    if installed:
        INSTALLED.write_text(" ".join(installed))
    base.ensure(say)
    if not (REPOSITORY / "Packages").exists():
        badly.build(REPOSITORY)
    network.ensure_bridge()
    server = mirror.serve(REPOSITORY)
    machines: list[Machine] = []
    try:
        client = _client()
        systems = []
        for name, number, environment, packages in DEMO_HOSTS:
            if stop.is_set():
                return 0
            machine = Machine(name, number)
            machine.power_off_leftovers()
            say(f"starting {name} at {machine.address}")
            machines.append(machine)
            machine.start()
            systems.append(_onboard(machine, client, environment, packages))
        _pair(systems)
        _test_and_scan(systems, stop)
        _watch_backups(machines[0], systems[0])
        stop.wait()
    finally:
        for machine in machines:
            machine.stop()
        server.shutdown()
    return 0


def _client() -> "Client":
    from datetime import time

    from django.utils import timezone

    from clients.models import Client
    from clients.services import registry
    from maintenance.services import maintenance_windows, windows
    from portal.accounts.actor import Actor

    found = Client.objects.filter(name=CLIENT).first()
    if found is not None:
        return found
    actor, now = Actor.portal("make demo"), timezone.now()
    client = registry.add_client(name=CLIENT, time_zone="Europe/Berlin", actor=actor, now=now)
    # so that a rollout can be tried at any hour: open windows, and no soak
    for name, start, end in (("Day", time(0), time(12)), ("Night", time(12), time(0))):
        maintenance_windows.add(client=client, name=name, every="week", weekdays=range(7), start=start, end=end, actor=actor, now=now)
    windows.set_policy(client=client, hours={"soak_h": 0}, actor=actor, now=now)
    return client


def _onboard(machine: Machine, client: "Client", environment: str, packages: tuple[str, ...]) -> "System":
    """What an operator does on the onboarding page, through the same services; done once, a later start finds it done."""
    from django.utils import timezone

    from clients.choices import KeyState
    from clients.models import AllowedRange, System
    from clients.services import onboarding, registry
    from handover.services import runbooks
    from portal.accounts.actor import Actor

    actor = Actor.portal("make demo")
    system = System.objects.filter(client=client, name=machine.name).first()
    if system is None:
        roles = ["web"] if environment == "staging" or machine.name.endswith("web") else ["mail"]
        system = registry.add_system(
            client=client, name=machine.name, address=machine.address, environment=environment, roles=roles, actor=actor,
            now=timezone.now(),
        )  # fmt: skip
        if not AllowedRange.objects.filter(client=client).exists():
            registry.allow_range(
                client=client, network="10.77.0.0/16", reason="The sample hosts live there.", actor=actor, now=timezone.now()
            )
        registry.add_service_check(system=system, url=f"http://{machine.address}/", actor=actor, now=timezone.now())
    shown = machine.run("cat /etc/ssh/ssh_host_ed25519_key.pub")
    pinned = system.host_keys.filter(state=KeyState.PINNED).first()
    if pinned is None or pinned.key not in shown:
        onboarding.paste_host_keys(system=system, text=shown, actor=actor, now=timezone.now())
    prepare(machine, packages)
    runbooks.note_where_missing()
    system.refresh_from_db()
    machine.run("cat >/root/setup.sh && sh /root/setup.sh", stdin=onboarding.setup_script(system))
    return system


def prepare(machine: Machine, packages: tuple[str, ...]) -> None:
    """Install packages of the local repository at 1.0, so that 1.1 is pending."""
    if not packages or machine.run("dpkg-query -W lab-plain 2>/dev/null || true").strip():
        return
    machine.write("/etc/apt/sources.list.d/badly.list", badly.SOURCES_LINE)
    wanted = " ".join(f"{name}=1.0" for name in packages)
    machine.run(f"apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q {wanted}")
    if "lab-conffile" in packages:
        machine.run("echo 'setting = changed by the admin' >/etc/lab-conffile.conf")


def _pair(systems: list["System"]) -> None:
    from django.utils import timezone

    from clients.services import registry
    from portal.accounts.actor import Actor

    twin = next(system for system in systems if system.environment == "staging")
    for system in systems:
        if system.environment == "production" and system.staging_twin_id is None and system.name.endswith("web"):
            registry.change_twin(system=system, staging_twin=twin, actor=Actor.portal("make demo"), now=timezone.now())


def _test_and_scan(systems: list["System"], stop: threading.Event) -> None:
    """Ask for connection tests and scans as an operator would, and say what came of them."""
    from django.utils import timezone

    from clients.choices import HostWork
    from clients.models import System
    from clients.services import onboarding
    from maintenance.choices import ScanState
    from maintenance.models import PendingUpdate, Scan
    from maintenance.services import scans
    from portal.accounts.actor import Actor

    actor = Actor.portal("make demo")
    for system in systems:
        onboarding.ask(system=system, work=HostWork.TEST_CONNECTION, actor=actor, now=timezone.now())
    ids = [system.pk for system in systems]
    wait_for(
        "the connection tests",
        lambda: stop.is_set() or not System.objects.filter(pk__in=ids).exclude(asked_work="").exists(), seconds=120,
    )  # fmt: skip
    asked = [scans.request(system=system, actor=actor, now=timezone.now()) for system in systems]
    wait_for(
        "the scans",
        lambda: stop.is_set() or not Scan.objects.filter(pk__in=[s.pk for s in asked], state=ScanState.QUEUED).exists(),
        seconds=300,
    )
    for scan in Scan.objects.filter(pk__in=[s.pk for s in asked]).select_related("system").order_by("pk"):
        pending = PendingUpdate.objects.filter(system=scan.system, gone_at=None)
        security = pending.filter(is_security=True).count()
        outcome = f"{pending.count()} updates pending, {security} of them security fixes" if scan.finished_at else "not scanned yet"
        say(f"{scan.system}: {scan.get_state_display().lower()}, {outcome}")
    say("ready: open the portal, decide on the Triage page, then put a rollout together on the Rollouts page; another lead approves")


def _watch_backups(machine: Machine, system: "System") -> None:
    """Backups of one host: a good one, one that lost a source without anybody noticing, a shop whose files and database only count
    together, and one that its crontab makes and nobody watches. The portal proves them, and finds the rest.
    """
    from django.utils import timezone

    from backups.models import BackupJob
    from backups.services import jobs
    from portal.accounts.actor import Actor

    if BackupJob.objects.filter(system=system).exists():
        return
    key = uuid.uuid4().hex
    machine.write("/root/restic-key", key, mode="600")
    machine.run(_BACKUPS)
    actor, now = Actor.portal("make demo"), timezone.now()
    for name, repository, sources in (
        ("website", "/srv/backup/website", ["/srv/www"]),
        ("mail", "/srv/backup/mail", ["/srv/mail", "/etc"]),
    ):
        wish = jobs.Wish(name=name, tool="restic", repository=repository, sources=sources, key=key)
        jobs.add(system=system, wish=wish, actor=actor, now=now)
    uploads = jobs.Wish(name="uploads", tool="tar", repository="/var/backups/shop/uploads-*.tar.gz", sources=["/srv/shop"])
    orders = jobs.Wish(
        name="orders", tool="pg_dump", repository="/var/backups/shop/orders-*.dump", databases=["shop"],
        queries=["SELECT count(*) FROM orders => at least 1000"],
    )  # fmt: skip
    parts = [jobs.add(system=system, wish=wish, actor=actor, now=now) for wish in (uploads, orders)]
    jobs.add_composite(name="shop", parts=parts, actor=actor, now=now)
    say("three backups are watched: the portal restores them within minutes, and finds that one of them lacks a source")


# Also over what an earlier portal left on a host that stayed: its keys are gone with it.
_BACKUPS = """
set -e
rm -rf /srv/backup /var/backups/shop
mkdir -p /etc/retainer && printf '%s\\n' /srv/backup/website '/var/backups/shop/*' >/etc/retainer/restores.allowed
mkdir -p /srv/www /srv/mail /srv/backup
for n in 1 2 3 4 5 6 7 8; do head -c 200000 /dev/urandom >/srv/www/image$n; echo "letter $n" >/srv/mail/letter$n; done
for name in website mail; do
    restic -q --no-cache --repo /srv/backup/$name --password-file /root/restic-key init
done
restic -q --no-cache --repo /srv/backup/website --password-file /root/restic-key backup /srv/www
restic -q --no-cache --repo /srv/backup/mail --password-file /root/restic-key backup /srv/mail
mkdir -p /srv/shop /srv/wiki /var/backups/shop && cd /srv/shop
for n in 1 2 3 4 5; do head -c 150000 /dev/urandom >product$n; done; echo page >/srv/wiki/page
[ -d /etc/postgresql/15/main ] || pg_createcluster 15 main >/dev/null
pg_lsclusters -h 15 main | grep -q online || pg_ctlcluster 15 main start
cd /tmp && runuser -u postgres -- dropdb --if-exists shop && runuser -u postgres -- createdb shop
runuser -u postgres -- psql -q shop -c "CREATE TABLE orders AS SELECT n, md5(n::text) AS article FROM generate_series(1, 5000) n"
runuser -u postgres -- pg_dump -Fc shop >/var/backups/shop/orders-1.dump && tar -czf /var/backups/shop/uploads-1.tar.gz -C / srv/shop
cat >/etc/cron.d/backups <<'X'
30 2 * * * root restic --repo /srv/backup/website --password-file /root/restic-key backup /srv/www
40 2 * * * root restic --repo /srv/backup/mail --password-file /root/restic-key backup /srv/mail
50 2 * * * root borg create /srv/backup/wiki::$(date +\\%F) /srv/wiki
X
"""


def _hold_loopback(stop: threading.Event) -> int:
    """An sshd of our own on loopback, without root, and this machine as a read-only system behind it."""
    from django.utils import timezone

    from clients.choices import Access
    from clients.models import System
    from clients.services import onboarding, registry
    from clients.services.access import client_ssh_key
    from portal.accounts.actor import Actor

    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if sshd is None:
        say("this machine has no sshd (package openssh-server), so there is nothing to look at. The portal itself runs.")
        return 0
    folder = Path(os.environ["PORTAL_VAR"]) / "demo-sshd"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    actor, client = Actor.portal("make demo"), _client()
    key = folder / "host_key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (folder / "authorized_keys").write_text(f"restrict {client_ssh_key(client.pk).public_part}\n")
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {LOOPBACK_PORT}\nHostKey {key}\nPidFile {folder / 'pid'}\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder / 'authorized_keys'}\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    _stop_loopback(folder)
    process = subprocess.Popen([sshd, "-D", "-E", str(folder / "log"), "-f", str(folder / "sshd_config")])
    system = System.objects.filter(client=client, name="this-machine").first() or registry.add_system(
        client=client, name="this-machine", address="127.0.0.1", port=LOOPBACK_PORT, login=getpass.getuser(),
        environment="production", access=Access.READ_ONLY, actor=actor, now=timezone.now(),
    )  # fmt: skip
    onboarding.paste_host_keys(system=system, text=key.with_suffix(".pub").read_text(), actor=actor, now=timezone.now())
    try:
        _test_and_scan([system], stop)
        stop.wait()
    finally:
        process.terminate()
        process.wait()
    return 0


def _stop_loopback(folder: Path) -> None:
    """End an sshd that an earlier start left behind."""
    try:
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
    except (OSError, ValueError):
        return


if __name__ == "__main__":
    sys.exit(main())
