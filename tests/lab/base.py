"""What hosts are cloned from, built once and cached outside the checkout: a Debian base, and a frozen mirror beside it.

The base is installed from the release pocket alone, so that everything that the security and updates pockets brought since
is genuinely pending. The mirror is the archive's own signed indexes and just the packages that are pending, so that hosts
need no way out. Which archive: the one that this machine's own apt uses; its address is never written down.
"""

import hashlib
import lzma
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

CACHE = Path(os.environ.get("RETAINER_LAB_CACHE", "/var/cache/retainer-lab"))
SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "iproute2", "procps", "nginx-light", "cron", "needrestart"),
    *("locales-all", "ca-certificates", "btrfs-progs", "restic", "borgbackup", "rsync", "zstd", "postgresql", "mariadb-server"),
    "fail2ban",
)
# There, and not running: a test that needs one starts it, and no other host carries it.
ASLEEP = ("postgresql.service", "mariadb.service", "mariadb.socket", "fail2ban.service")
MACHINE_PACKAGES = [
    "mmdebstrap",
    "systemd-container",
    "apt-utils",
    "iproute2",
    "zstd",
    "openssh-client",
    "gpg",
    "nftables",
    "btrfs-progs",
]
TOOLS = ("mmdebstrap", "systemd-nspawn", "apt-ftparchive", "ip", "ssh-keygen", "nft", "unshare", "nsenter", "mkfs.btrfs")
MIRROR_NAME = "mirror.lab"

Say = Callable[[str], None]


class LabError(Exception):
    """The lab can't be had; the message says why and what to do."""


def why_not() -> str:
    """Why there can be no lab here, as a sentence; empty where there can be one."""
    if os.geteuid() != 0:
        return "the lab needs root: it makes network namespaces and starts systemd in containers"
    if not Path("/etc/debian_version").exists():
        return "the lab needs a Debian machine"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        return "this container may not make mount namespaces (is it privileged?)"
    return ""


def install_machine_packages(say: Say) -> list[str]:
    """Install what the lab needs on this machine; returns the packages that were not there before.

    Raises:
        LabError: apt-get failed.
    """
    if all(shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") for tool in TOOLS):
        return []
    asked = ["dpkg-query", "-W", "-f=${binary:Package} ${db:Status-Abbrev}\n", *MACHINE_PACKAGES]
    there = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    missing = [name for name in MACHINE_PACKAGES if not re.search(rf"^{re.escape(name)}(:\S+)? ii", there, re.MULTILINE)]
    say(f"installing on this machine: {' '.join(missing)}")
    _apt("update", "-q")
    _apt("install", "-y", "-q", "--no-install-recommends", *missing)
    return missing


def _apt(*words: str) -> None:
    done = subprocess.run(
        ["apt-get", *words],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"apt-get {words[0]} failed (is a package archive reachable?):\n{done.stderr.strip()[-600:]}")


def archives() -> tuple[str, str]:
    """The addresses of Debian's archive and its security archive, from this machine's own apt sources.

    Raises:
        LabError: the sources name none.
    """
    texts = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    addresses: list[str] = []
    for path in texts:
        if path.is_file():
            lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
            addresses += re.findall(r"https?://[^\s\]]+", "\n".join(lines))
    security = next((a for a in addresses if re.search(r"debian-security/?$", a)), None)
    main = next((a for a in addresses if re.search(r"/debian/?$", a)), None)
    if main is None:
        raise LabError("This machine's apt sources name no Debian archive, so the lab has nothing to install from.")
    return main.rstrip("/"), (security or re.sub(r"/debian/?$", "/debian-security", main)).rstrip("/")


def _recipe() -> str:
    return hashlib.sha256(" ".join([SUITE, *PACKAGES, *ASLEEP, "6"]).encode()).hexdigest()[:12]


def base_folder() -> Path:
    """Where the base's root file system stands once it is built."""
    return CACHE / f"base-{SUITE}-{_recipe()}"


def mirror_folder() -> Path:
    """Where the frozen mirror stands once it is made."""
    return CACHE / f"mirror-{SUITE}-{_recipe()}"


def ensure(say: Say) -> None:
    """Build base and mirror where they are missing. What is half-made has another name, and is made anew.

    Raises:
        LabError: the machine can't build them.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    if not base_folder().exists():
        say(f"building the Debian base ({len(PACKAGES)} packages and what they need; about a minute, once)")
        _build_base()
    if not mirror_folder().exists():
        say("freezing a mirror of the pending updates (once)")
        _build_mirror()


def _build_base() -> None:
    main, _ = archives()
    half = base_folder().with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    done = subprocess.run(
        ["mmdebstrap", "--variant=minbase", "--mode=root", f"--include={','.join(PACKAGES)}",
         '--essential-hook=mkdir -p "$1/etc/postgresql-common" && '
         'echo create_main_cluster=false >"$1/etc/postgresql-common/createcluster.conf"', SUITE, str(half),
         f"deb {main} {SUITE} main"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"mmdebstrap failed:\n{done.stderr.strip()[-800:]}")
    for key in (half / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    for unit in ASLEEP:
        # folder by folder: a pattern does not match links whose target is not on this machine
        for folder in (half / "etc/systemd/system").glob("*.target.wants"):
            (folder / unit).unlink(missing_ok=True)
    (half / "etc/machine-id").write_text("")
    (half / "etc/apt/sources.list").write_text(
        f"deb http://{MIRROR_NAME}/debian {SUITE} main\n"
        f"deb http://{MIRROR_NAME}/debian {SUITE}-updates main\n"
        f"deb http://{MIRROR_NAME}/debian-security {SUITE}-security main\n"
    )
    # The mirror is frozen: its signatures stay genuine, their expiry is not ours to move.
    (half / "etc/apt/apt.conf.d/90lab").write_text('Acquire::Check-Valid-Until "false";\nAcquire::Languages "none";\n')
    (half / "var/lib/apt/lists").mkdir(exist_ok=True)
    half.rename(base_folder())


def _build_mirror() -> None:
    """Fetch the indexes, ask apt in the base what is pending, and fetch just that."""
    main, security = archives()
    half = mirror_folder().with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    stanzas: list[str] = []
    for folder, address, suite in (
        ("debian", main, SUITE), ("debian", main, f"{SUITE}-updates"), ("debian-security", security, f"{SUITE}-security"),
    ):  # fmt: skip
        _fetch_suite(half, folder, address, suite)
        packages = half / folder / "dists" / suite / "main/binary-amd64/Packages.xz"
        if suite != SUITE:
            stanzas += [f"Folder: {folder}\n{s}" for s in lzma.decompress(packages.read_bytes()).decode().split("\n\n") if s]
    wanted = _pending_files(half, stanzas)
    for folder, name in sorted(wanted):
        _fetch(f"{main if folder == 'debian' else security}/{name}", half / folder / name)
    half.rename(mirror_folder())


def _fetch_suite(mirror: Path, folder: str, address: str, suite: str) -> None:
    place = mirror / folder / "dists" / suite
    _fetch(f"{address}/dists/{suite}/InRelease", place / "InRelease")
    release = (place / "InRelease").read_text()
    name = "main/binary-amd64/Packages.xz"
    _fetch(f"{address}/dists/{suite}/{name}", place / name)
    digest = hashlib.sha256((place / name).read_bytes()).hexdigest()
    if digest not in release:
        raise LabError("The archive changed while its indexes were fetched. Run the same command again.")
    by_hash = place / "main/binary-amd64/by-hash/SHA256"
    by_hash.mkdir(parents=True)
    (by_hash / digest).hardlink_to(place / name)


def _pending_files(mirror: Path, stanzas: list[str]) -> set[tuple[str, str]]:
    """The files that a full upgrade of the base would fetch: the newest stanza of each installed package, and its needs."""
    listing = subprocess.run(
        ["dpkg-query", f"--admindir={base_folder()}/var/lib/dpkg", "-W", "-f=${Package}\n"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    installed = set(listing.stdout.split())
    wanted: set[tuple[str, str]] = set()
    for stanza in stanzas:
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.MULTILINE))
        if fields.get("Package") in installed:
            wanted.add((fields["Folder"], fields["Filename"]))
    if not wanted:
        raise LabError("Nothing is pending for the base: the archive's suites hold no update for it.")
    return wanted


def _fetch(address: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with urllib.request.urlopen(address, timeout=60) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except OSError as error:
        raise LabError(f"The archive did not give {target.name}: {error}") from error
