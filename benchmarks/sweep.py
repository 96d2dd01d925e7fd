"""What a look at many systems costs: ours with parsing, rules and storing, beside Ansible and pyinfra with the same script.

    python -m benchmarks.sweep [SYSTEMS [MINUTES]]

With minutes it goes on looking at all of them every minute, and says how much of a core that took, kept connections' idling included.

The targets are one real sshd under as many loopback addresses. Counted is the CPU of this side: the process that looks, its
connections to PostgreSQL included; what sshd and the script take is the target's own. Needs root (sshd) and, for the others, an index.
"""

import base64
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from benchmarks.ground import analyze, portal

PORT = 2299
LOGIN = "rt-bench"
ROUNDS = 4


@contextlib.contextmanager
def sshd(folder: Path, public_key: str) -> Iterator[str]:
    """An sshd on every loopback address; yields its host key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")], check=True)
    (folder / "authorized").write_text(public_key + "\n")
    folder.chmod(0o755)  # sshd reads it as the login user
    config = folder / "sshd_config"
    config.write_text(
        f"Port {PORT}\nListenAddress 0.0.0.0\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nStrictModes no\n"
        "UsePAM no\n"
        f"MaxStartups 500\nPidFile none\nPerSourcePenalties no\n"
    )
    if subprocess.run(["/usr/sbin/sshd", "-t", "-f", str(config)], capture_output=True, check=False).returncode:
        config.write_text(config.read_text().replace("PerSourcePenalties no\n", ""))  # older than OpenSSH 9.8
    Path("/run/sshd").mkdir(exist_ok=True)
    # of its own, with a plain shell: what root's profile starts would be the most of it (FACTS-ssh)
    subprocess.run(["useradd", "--system", "--no-create-home", "--home-dir", "/", "--shell", "/bin/sh", LOGIN], check=False)
    subprocess.run(["usermod", "-p", "*", LOGIN], check=True)
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(config)], stderr=subprocess.DEVNULL)
    try:
        yield (folder / "host.pub").read_text()
    finally:
        server.terminate()
        server.wait()
        subprocess.run(["userdel", "--force", LOGIN], check=False, capture_output=True)


def database_cpu() -> float:
    """Seconds of CPU of all PostgreSQL processes of ours; the supervisor's are children of this process."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rpartition(") ")[2].split()
            if "postgres" in (stat.parent / "comm").read_text():
                total += (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return total


def ours(systems: int, minutes: int) -> None:
    """Whole looks: claimed, asked, parsed, judged, recorded."""
    from django.utils import timezone

    from clients.models import System, SystemHostKey
    from clients.services import access, registry
    from monitoring.models import Check, Result, Watch
    from monitoring.services import watching
    from portal.accounts.actor import Actor
    from portal.accounts.scope import acting_for_all

    actor, now = Actor.portal("benchmark"), timezone.now()
    with acting_for_all(), tempfile.TemporaryDirectory(prefix="rt-sshd-") as name:
        client = registry.add_client(name="Benchmark", actor=actor, now=now)
        key = access.client_ssh_key(client.pk)
        with sshd(Path(name), key.public_part) as host_key:
            kind, text = host_key.split()[:2]
            rows = System.objects.bulk_create(
                [
                    System(client=client, name=f"h{n}", address=f"127.0.{1 + n // 250}.{1 + n % 250}", port=PORT, login=LOGIN,
                           environment="production", connection="ok")
                    for n in range(systems)
                ]
            )  # fmt: skip
            from portal.ssh.target import HostKey

            values = {"client": client, "key_type": kind, "key": text, "fingerprint": HostKey(kind, text).fingerprint}
            values |= {"state": "pinned", "seen_at": now, "pinned_at": now}
            SystemHostKey.objects.bulk_create(
                [
                    SystemHostKey(system=row, **values)
                    for row in rows
                ]
            )  # fmt: skip
            for number in range(ROUNDS):
                analyze()
                watching.begin_where_missing(now=timezone.now())
                Watch.objects.update(due_at=timezone.now() - timedelta(seconds=1), claimed_until=None)
                wall, mine, theirs = time.monotonic(), time.process_time(), database_cpu()
                watching.look_while_due()
                wall, mine, theirs = time.monotonic() - wall, time.process_time() - mine, database_cpu() - theirs
                cost = 1000 * (mine + theirs) / systems
                kept = "fresh connections" if number == 0 else "kept connections"
                print(
                    f"ours, {kept:17}: {cost:6.2f} ms of CPU a system and look ({1000 * mine / systems:.2f} here, "
                    f"{1000 * theirs / systems:.2f} in PostgreSQL), {wall:.1f} s for {systems}"
                )
            bad = Check.objects.filter(kind="reach").exclude(last_level="up").count()
            print(f"stored: {Check.objects.count()} checks, {Result.objects.count()} results; not reached: {bad}")
            steadily(systems, minutes)
            others(Path(name), key, min(systems, 100))


def steadily(systems: int, minutes: int) -> None:
    """All systems every minute, spread over it as the clock of a running portal spreads them."""
    from django.db.models import Sum
    from django.utils import timezone

    from monitoring.models import Watch
    from monitoring.services import watching

    if not minutes:
        return
    now = timezone.now()
    for number, watch in enumerate(Watch.objects.order_by("pk")):
        Watch.objects.filter(pk=watch.pk).update(due_at=now + timedelta(seconds=60 * number / systems), interval_s=60, looks=0)
    wall, mine, theirs = time.monotonic(), time.process_time(), database_cpu()
    while time.monotonic() - wall < 60 * minutes:
        watching.look_while_due()
        time.sleep(5)  # as the clock's tick
    wall, mine, theirs = time.monotonic() - wall, time.process_time() - mine, database_cpu() - theirs
    looks = Watch.objects.aggregate(looks=Sum("looks"))["looks"]
    print(
        f"steadily: {looks} looks at {systems} systems in {wall:.0f} s took {100 * (mine + theirs) / wall:.0f} % of a core "
        f"({1000 * (mine + theirs) / looks:.2f} ms a look)"
    )


def others(folder: Path, key: object, systems: int) -> None:
    """Ansible and pyinfra, warm, with the very same script."""
    from portal.vault.services import open_for_use

    secret, script = folder / "key", Path("monitoring/probes/sweep.sh").resolve()
    packed = base64.b64encode(script.read_bytes()).decode()  # its braces and quotes would be Ansible's
    secret.write_bytes(open_for_use(key).rstrip(b"\n") + b"\n")  # type: ignore[arg-type]  # the benchmark's own
    secret.chmod(0o600)
    hosts = [f"127.0.{1 + n // 250}.{1 + n % 250}" for n in range(systems)]
    (folder / "hosts").write_text("\n".join(hosts) + "\n")
    options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ControlMaster=auto -o ControlPersist=120"
    environment = {**os.environ, "ANSIBLE_HOST_KEY_CHECKING": "False", "ANSIBLE_SSH_ARGS": options, "ANSIBLE_PIPELINING": "True"}
    uvx = str(Path(sys.executable).with_name("uvx"))
    ansible = [uvx, "--quiet", "--from", "ansible-core", "ansible", "all", "-i", str(folder / "hosts"), "-m", "raw",
               "-a", f"echo {packed} | base64 -d | sh",
               "-u", LOGIN, "-e", f"ansible_port={PORT}", "--private-key", str(secret), "-f", "25"]  # fmt: skip
    pyinfra = [uvx, "--quiet", "pyinfra", ",".join(hosts), "--user", LOGIN, "--port", str(PORT), "--key", str(secret),
               "--parallel", "32",
               "-y", "exec", "--", f"sh {script}"]  # fmt: skip
    for label, argv, times in (("ansible raw, 25 forks, warm", ansible, 2), ("pyinfra exec, 32 parallel", pyinfra, 1)):
        for _ in range(times):
            before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            try:
                # there, because pyinfra leaves a log where it runs
                done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, timeout=400, check=False)
            except subprocess.TimeoutExpired:
                print(f"{label}: not within 400 s")
                break
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        else:
            cost = 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / systems
            said = "" if done.returncode in {0, 1} else f" (exit status {done.returncode}: {done.stderr.decode()[-200:].strip()})"
            print(f"{label}: {cost:.1f} ms of CPU a host, {time.monotonic() - wall:.1f} s{said}")


def main() -> None:
    """Run it."""
    systems = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    minutes = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with portal():
        ours(systems, minutes)


if __name__ == "__main__":
    main()
