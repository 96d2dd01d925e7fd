"""A local repository of small packages that behave badly on purpose, at 1.0 with 1.1 pending.

Built with dpkg-deb on this machine. Each postinst notes its configuration in /var/log/lab-applied, so that tests can count
how often a version really was applied.
"""

import shutil
import subprocess
from pathlib import Path

_NOTE = 'echo "$DPKG_MAINTSCRIPT_PACKAGE {version} $1" >>/var/log/lab-applied'

# Name to what its 1.1 does in its postinst, after the note.
POSTINST = {
    "lab-plain": "true",
    "lab-fails": "echo 'this postinst fails on purpose' >&2; exit 1",
    "lab-slow": 'i=0; while [ $i -lt ${{LAB_SLOW_S:-12}} ]; do i=$((i+1)); echo "slow step $i"; sleep 1; done',
    "lab-conffile": "true",
    "lab-asks": ". /usr/share/debconf/confmodule; db_input critical lab-asks/answer || true; db_go || true",
    "lab-reboot": "echo required >/run/reboot-required; echo lab-reboot >/run/reboot-required.pkgs",
    "lab-breaks": "systemctl daemon-reload; systemctl restart lab-breaks.service || true",
    "lab-flaps": "systemctl daemon-reload; systemctl restart --no-block lab-flaps.service || true",
    "lab-web": "[ ! -e /etc/lab-breaks-here ] || systemctl stop nginx",
    "lab-needs": "true",
    "lab-new": "true",
}
_SERVICE = """[Unit]
Description=A service that its update breaks
[Service]
ExecStart={command}
{restart}
[Install]
WantedBy=multi-user.target
"""


def build(folder: Path, *, versions: tuple[str, ...] = ("1.0", "1.1")) -> None:
    """Build every package in these versions into `folder`, and the index over them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in POSTINST:
        for version in versions:
            build_package(folder, name, version)
    index(folder)


def build_package(folder: Path, name: str, version: str) -> Path:
    """Build one package."""
    tree = folder / "build" / f"{name}_{version}"
    shutil.rmtree(tree, ignore_errors=True)
    control = tree / "DEBIAN"
    control.mkdir(parents=True)
    control.chmod(0o755)
    later = version != "1.0"
    depends = "lab-new" if name == "lab-needs" and later else ""
    (control / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Lab <lab@retainer.example>\n"
        f"Section: misc\nPriority: optional\n{f'Depends: {depends}' + chr(10) if depends else ''}Description: {name} of the lab\n"
    )
    note = _NOTE.format(version=version)
    script = POSTINST[name].replace("{{", "{").replace("}}", "}") if later else "true"
    if name in {"lab-breaks", "lab-flaps"} and not later:
        script = f"systemctl daemon-reload; systemctl enable --now {name}.service"
    if name == "lab-web" and not later:
        script = "systemctl start nginx"
    # debconf speaks on standard output, so the note comes first
    (control / "postinst").write_text(f"#!/bin/sh\nset -e\n{note}\n{script}\n")
    (control / "postinst").chmod(0o755)
    _files(tree, control, name, later=later, version=version)
    target = folder / f"{name}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(tree), str(target)], check=True, capture_output=True)
    return target


def _files(tree: Path, control: Path, name: str, *, later: bool, version: str) -> None:
    if name == "lab-conffile":
        (tree / "etc").mkdir()
        (tree / "etc/lab-conffile.conf").write_text(f"setting = {version}\n")
        (control / "conffiles").write_text("/etc/lab-conffile.conf\n")
    elif name == "lab-asks":
        (control / "templates").write_text(
            "Template: lab-asks/answer\nType: string\nDefault: 42\nDescription: What is the answer?\n This question must never be put.\n"
        )
    elif name in {"lab-breaks", "lab-flaps"}:
        units = tree / "lib/systemd/system"
        units.mkdir(parents=True)
        command = '/bin/sh -c "sleep 1; exit 3"' if later else "/bin/sleep infinity"
        restart = "Restart=always\nRestartSec=1\nStartLimitIntervalSec=0" if name == "lab-flaps" else ""
        (units / f"{name}.service").write_text(_SERVICE.format(command=command, restart=restart))


def index(folder: Path) -> None:
    """Write Packages and Release over the packages in the folder."""
    packages = subprocess.run(["apt-ftparchive", "packages", "."], cwd=folder, check=True, capture_output=True).stdout
    (folder / "Packages").write_bytes(packages)
    release = subprocess.run(
        ["apt-ftparchive", "-o", "APT::FTPArchive::Release::Label=Badly", "-o", "APT::FTPArchive::Release::Suite=lab", "release", "."],
        cwd=folder, check=True, capture_output=True,
    ).stdout  # fmt: skip
    (folder / "Release").write_bytes(release)


SOURCES_LINE = "deb [trusted=yes] http://mirror.lab/badly ./\n"
