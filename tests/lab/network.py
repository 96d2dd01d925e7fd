"""The lab's own network: a bridge on this machine, a namespace for each host, and no way out."""

import subprocess
from pathlib import Path

BRIDGE = "rtlab0"
GATEWAY = "10.77.0.1"
BRIDGE_MAC = "02:00:0a:4d:00:01"
PREFIX = "rtlab-"


def run(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command of this machine; raises with its stderr in the message."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done


def ensure_bridge() -> None:
    """Make the bridge where it is missing."""
    if run("ip", "link", "show", BRIDGE, check=False).returncode != 0:
        # A bridge without an address of its own takes its lowest port's, and changes it as hosts come and go: the others
        # would go on sending to the old one until their neighbour entries expire.
        run("ip", "link", "add", BRIDGE, "address", BRIDGE_MAC, "type", "bridge")
        run("ip", "addr", "add", f"{GATEWAY}/16", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
    # systemd in each host watches many files; the limit is the machine's own, shared by all
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    if int(limit.read_text()) < 4096:
        limit.write_text("4096")


def add_namespace(name: str, number: int) -> str:
    """A namespace with one interface on the bridge; returns its address."""
    address = f"10.77.{1 + number // 250}.{1 + number % 250}"
    namespace, outside = PREFIX + name, f"rtv{number}"
    remove_namespace(name, number)
    run("ip", "netns", "add", namespace)
    run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", namespace)
    run("ip", "link", "set", outside, "master", BRIDGE, "up")
    run("ip", "-n", namespace, "addr", "add", f"{address}/16", "dev", "eth0")
    run("ip", "-n", namespace, "link", "set", "lo", "up")
    run("ip", "-n", namespace, "link", "set", "eth0", "up")
    return address


def set_link(number: int, *, up: bool) -> None:
    """Pull or plug a host's cable."""
    run("ip", "link", "set", f"rtv{number}", "up" if up else "down")


def remove_namespace(name: str, number: int) -> None:
    """Remove a namespace and its interface; nothing happens where there is none."""
    run("ip", "link", "del", f"rtv{number}", check=False)
    run("ip", "netns", "del", PREFIX + name, check=False)


def remove_all() -> None:
    """Remove the bridge and every namespace of the lab."""
    for line in run("ip", "netns", "list", check=False).stdout.splitlines():
        if line.split()[0].startswith(PREFIX):
            run("ip", "netns", "del", line.split()[0], check=False)
    run("ip", "link", "del", BRIDGE, check=False)
