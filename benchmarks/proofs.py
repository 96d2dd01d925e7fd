"""Twenty backups proven side by side on ten lab hosts, beside the bare tools doing the same restores with nothing around them.

    python -m benchmarks.proofs [hosts]

Each host has a restic and a borg repository of 20 MB in 200 files. The bare time is the tool's own restore and the reading of a
third of its data, on all hosts at once; what the portal adds is the verifier that proves itself, the comparison with what lives,
the evidence, and the way there. Needs root and the lab.
"""

import contextlib
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks import ground

HOSTS, WORKERS = 10, 10
ADDRESS = "10.77.0.250"
KEY = "the key of a benchmark"
PREPARE = f"""
mkdir -p /srv/data && cd /srv/data && for n in $(seq 200); do head -c 100000 /dev/urandom >file$n; done
printf '%s\\n' '{KEY}' >/root/key
restic -q --no-cache -r /srv/restic --password-file /root/key init
restic -q --no-cache -r /srv/restic --password-file /root/key backup /srv/data
export BORG_PASSPHRASE='{KEY}'; borg init -e repokey /srv/borg 2>/dev/null && borg create /srv/borg::one /srv/data
"""
BARE = f"""
mkdir -p /root/bare/r /root/bare/b && cd /root/bare
id=$(restic -q --no-cache -r /srv/restic --password-file /root/key snapshots --json | sed 's/.*"id":"\\([0-9a-f]*\\)".*/\\1/')
restic -q --no-cache --no-lock -r /srv/restic --password-file /root/key restore "$id" --target r >/dev/null
restic -q --no-cache --no-lock -r /srv/restic --password-file /root/key check --read-data-subset=1/3 >/dev/null
export BORG_PASSPHRASE='{KEY}' BORG_BASE_DIR=/root/bare/base; cd b && borg extract --bypass-lock /srv/borg::one
rm -rf /root/bare
"""


def main() -> None:
    """Print what was measured; seconds of the wall clock."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else HOSTS
    with ground.portal(), tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        from portal.accounts.scope import acting_for_all
        from tests.lab import base

        reason = base.why_not()
        if reason:
            print(f"no lab: {reason}")
            return
        with acting_for_all():
            bare = _hosts(count, Path(folder), stack)
            began = time.monotonic()
            _prove()
            _tell(count, bare, time.monotonic() - began)


def _hosts(count: int, folder: Path, stack: contextlib.ExitStack) -> float:
    """Hosts with their backups, and the jobs that say so; returns what the bare tools take on all of them at once."""
    from backups.services import jobs
    from clients.models import AllowedRange
    from tests import people
    from tests.hosts.conftest import set_up
    from tests.lab import base, mirror, network
    from tests.lab.machine import Machine

    base.install_machine_packages(print)
    base.ensure(print)
    network.ensure_bridge()
    network.run("ip", "addr", "add", f"{ADDRESS}/16", "dev", network.BRIDGE, check=False)
    server = mirror.serve(folder, address=ADDRESS)
    stack.callback(server.shutdown)
    hosts = [Machine(f"bench-{n}", 950 + n, mirror=ADDRESS) for n in range(count)]
    for host in hosts:
        stack.callback(host.remove)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Machine.start, hosts))
        list(pool.map(lambda host: host.run(PREPARE), hosts))
    client = people.make_client("Bench")
    AllowedRange.objects.create(client=client, network="10.77.0.0/16", reason="the lab", actor_label="x")
    for host in hosts:
        system = set_up(host, client=client)
        for tool, place in (("restic", "/srv/restic"), ("borg", "/srv/borg")):
            wish = jobs.Wish(
                name=f"{tool} of {host.name}", tool=tool, repository=f"{place}-{host.name}", sources=["/srv/data"], key=KEY
            )
            host.run(f"mv {place} {place}-{host.name}")
            jobs.add(system=system, wish=wish, actor=people.TESTER, now=people.now())
    began = time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(_bare, hosts))
    return time.monotonic() - began


def _bare(host: Any) -> None:
    host.run(BARE.replace("/srv/restic", f"/srv/restic-{host.name}").replace("/srv/borg", f"/srv/borg-{host.name}"))


def _prove() -> None:
    """As the schedule does: each is asked for once, one at a time for each host, carried by as many threads as workers."""
    from django.db import connections

    from backups.models import BackupJob
    from backups.services import restore_tests
    from portal.accounts.scope import acting_for_all
    from tests import people

    left = list(BackupJob.objects.select_related("system").order_by("tool", "pk"))
    lock = threading.Condition()
    busy: set[int] = set()

    def take() -> BackupJob | None:
        with lock:
            while left:
                job = next((one for one in left if one.system_id not in busy), None)
                if job is not None:
                    left.remove(job)
                    busy.add(job.system_id)
                    return job
                lock.wait()
            return None

    def work() -> None:
        try:
            with acting_for_all():
                while (job := take()) is not None:
                    test = restore_tests.request(job=job, actor=people.TESTER, now=people.now())
                    restore_tests.execute(test_id=test.pk, now=people.now())
                    with lock:
                        busy.discard(job.system_id)
                        lock.notify_all()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(WORKERS) as pool:
        for done in [pool.submit(work) for _ in range(WORKERS)]:
            done.result()


def _tell(count: int, bare: float, proven: float) -> None:
    from backups.models import RestoreTest

    tests = list(RestoreTest.objects.all())
    phases: dict[str, float] = {}
    for test in tests:
        for name, value in test.facts:
            if name == "phase":
                step, _, seconds = value.split()
                phases[step] = phases.get(step, 0.0) + float(seconds) / len(tests)
    took = [(test.finished_at - test.start_sent_at).total_seconds() for test in tests if test.finished_at and test.start_sent_at]
    print(f"{len(tests)} backups on {count} hosts, {sum(test.verdict in {'pass', 'notes'} for test in tests)} proven")
    print(f"bare tools, all hosts at once:  {bare:6.1f} s")
    print(f"proven, {WORKERS:2} workers:            {proven:6.1f} s")
    print(f"a test, on the average:         {sum(took) / len(took):6.1f} s, in its phases {sum(phases.values()):.1f} s:")
    for step, seconds in phases.items():
        print(f"  {step:28}  {seconds:6.2f} s")


if __name__ == "__main__":
    main()
