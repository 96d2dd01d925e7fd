"""One host of the lab: start it, run things in it as root, pull its cable, reboot it, remove it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab import base, network

HOSTS = Path(os.environ.get("RETAINER_LAB_HOSTS", "/var/lib/retainer-lab"))
_SCRIPT = Path(__file__).with_name("host.sh")


def wait_for(what: str, check: Callable[[], object], *, seconds: float = 30) -> object:
    """Return the first true answer of `check`.

    Raises:
        TimeoutError: naming what was waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


class Machine:
    """A host by name and number; the number is its address, and must be its own on this machine.

    `disk`: "overlay" over the base (a second to make), or "btrfs": a file system of its own, with its root in a subvolume.
    """

    def __init__(self, name: str, number: int, *, mirror: str = network.GATEWAY, disk: str = "overlay") -> None:
        self.name, self.number, self._mirror, self._disk = name, number, mirror, disk
        self.address = f"10.77.{1 + number // 250}.{1 + number % 250}"
        self.folder = HOSTS / name
        self._process: subprocess.Popen[bytes] | None = None

    def power_off_leftovers(self) -> None:
        """End what an earlier start of this name left running; its files stay."""
        kill_cgroup(self.name)

    def start(self) -> None:
        """Boot, and return when sshd answers; data of an earlier start of the same name is kept."""
        network.ensure_bridge()
        network.add_namespace(self.name, self.number)
        self.folder.mkdir(parents=True, exist_ok=True)
        argv = ["unshare", "--mount", "--propagation", "private", "sh", str(_SCRIPT), self.name, str(base.base_folder()),
                str(self.folder), str(_cgroup2()), network.PREFIX + self.name, self._mirror, self._disk]  # fmt: skip
        with (self.folder / "start.log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        (self.folder / "pid").write_text(str(self._process.pid))
        self.wait_for_ssh()

    def wait_for_ssh(self, *, seconds: float = 60) -> None:
        """Return when sshd greets.

        Raises:
            base.LabError: the host ended, with its last words.
        """

        def greets() -> bool:
            if self._process is not None and self._process.poll() is not None:
                raise base.LabError(f"{self.name} did not start:\n{self.last_words()}")
            return self.port_open()

        try:
            wait_for(f"sshd on {self.name}", greets, seconds=seconds)
        except TimeoutError as error:
            raise base.LabError(f"{self.name} did not answer on port 22:\n{self.last_words()}") from error

    def port_open(self, port: int = 22) -> bool:
        """Whether something greets on a port (SSH) or at least accepts."""
        with contextlib.suppress(OSError), socket.create_connection((self.address, port), timeout=1) as probe:
            probe.settimeout(2)
            return port != 22 or probe.recv(4) == b"SSH-"
        return False

    def last_words(self) -> str:
        """The end of the host's console."""
        texts = [(self.folder / name) for name in ("start.log", "console.log")]
        return "\n".join(path.read_text(errors="replace")[-800:] for path in texts if path.exists())

    def run(self, script: str, *, check: bool = True, stdin: str = "") -> str:
        """Run a script inside, as root, and return its output.

        Raises:
            RuntimeError: it failed and `check` is set.
        """
        leader = self._leader()
        done = subprocess.run(
            ["nsenter", "-t", str(leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C", "sh", "-c", script],
            input=stdin, capture_output=True, text=True, check=False, errors="replace",
        )  # fmt: skip
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: exit status {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def write(self, path: str, content: str, *, mode: str = "644") -> None:
        """Write a file inside."""
        self.run(f"mkdir -p \"$(dirname '{path}')\" && cat >'{path}' && chmod {mode} '{path}'", stdin=content)

    def boot_id(self) -> str:
        """The id of the running boot."""
        return self.run("cat /proc/sys/kernel/random/boot_id").strip()

    def unplug(self) -> None:
        """Take the network away."""
        network.set_link(self.number, up=False)

    def plug(self) -> None:
        """Give the network back."""
        network.set_link(self.number, up=True)

    def reboot(self) -> None:
        """Reboot for real, and return when sshd of the new boot answers."""
        leader = self._leader()
        self.run("systemctl reboot --force", check=False)
        wait_for(f"{self.name} to go down", lambda: not Path(f"/proc/{leader}").exists())
        self.wait_for_ssh()

    def stop(self) -> None:
        """Cut the power; the host's files stay."""
        kill_cgroup(self.name)
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        network.remove_namespace(self.name, self.number)

    def remove(self) -> None:
        """Cut the power and remove everything of it."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _leader(self) -> int:
        """The pid of the host's init on this machine."""
        shell = int((self.folder / "pid").read_text())

        def found() -> int | None:
            nspawn = _children(shell)
            inits = [child for parent in nspawn for child in _children(parent)]
            return inits[0] if inits else None

        leader = wait_for(f"init of {self.name}", found)
        assert isinstance(leader, int)
        return leader


def kill_cgroup(name: str) -> None:
    """Kill every process of a host at once."""
    group = _cgroup2() / f"rtlab-{name}"
    if group.exists():
        (group / "cgroup.kill").write_text("1")
        with contextlib.suppress(TimeoutError, OSError):
            wait_for(f"{name} to die", lambda: "populated 0" in (group / "cgroup.events").read_text(), seconds=10)
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _cgroup2() -> Path:
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise base.LabError("This machine has no cgroup2 mount, so systemd can't run in the lab's hosts.")
