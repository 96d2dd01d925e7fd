"""A handover's package of 5 GB (a video of that size, a hundred secrets to look for): how long it takes, and how much memory the worker
that makes it needs at most.

python -m benchmarks.package [GIGABYTES]
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks import ground

SECRETS = 100
_WORKER = """
import re, resource, sys
from pathlib import Path
import django
django.setup()
from django.utils import timezone
import handover.tasks
from portal.accounts.scope import acting_for_all
from handover.services import making
# of this program since it was started; what getrusage says is also of the one that it was forked from
most = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
before = most()
with acting_for_all():
    making.make(package_id=int(sys.argv[1]), now=timezone.now())
print(before, most(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def _video(size_b: int) -> Iterator[bytes]:
    yield b"\x1aE\xdf\xa3"
    piece = os.urandom(1024 * 1024)
    for _ in range(size_b // len(piece)):
        yield piece


def main() -> None:
    """Measure and print."""
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    with ground.portal():
        from handover.services import packages, receiving, walkthroughs
        from portal.accounts.scope import acting_for_all
        from portal.vault import services as vault
        from tests import people

        walkthroughs.LARGEST_VIDEO_B = 10 * 1024**3
        with acting_for_all():
            client = people.make_client("Large")
            system = people.make_system(client)
            owner = people.make_owner(client)
            for number in range(SECRETS):
                secret = os.urandom(15).hex().encode()
                vault.store(
                    client_id=client.pk, kind="password", label=f"secret {number}", secret=secret, actor=people.TESTER, now=people.now()
                )
            size = int(gigabytes * 1024**3)
            walkthroughs.upload_video(system=system, title="Large", pieces=_video(size), actor=people.TESTER, now=people.now())
            words = "seven brown geese walk at noon"
            receiving.choose_passphrase(
                client=client, passphrase=words, again=words, forms=["kdbx", "bitwarden"], actor=people.actor(owner), now=people.now()
            )
            row = packages.ask(client=client, actor=people.TESTER, now=people.now())
            began = time.monotonic()
            done = subprocess.run([sys.executable, "-c", _WORKER, str(row.pk)], capture_output=True, text=True, check=True)
            seconds = time.monotonic() - began
            row.refresh_from_db()
            before, most, printing = done.stdout.split()
            print(
                f"package of {row.size_b / 1024**3:.1f} GiB: {row.state}, {seconds:.0f} s ({row.size_b / 1024**2 / seconds:.0f} MiB/s)"
            )
            print(f"memory of the worker: {before} MiB before, {most} MiB at most; the process that sets the book: {printing} MiB")


if __name__ == "__main__":
    main()
