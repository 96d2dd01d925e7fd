"""A real OpenSSH server on loopback, started as whoever runs the tests."""

import contextlib
import getpass
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from portal.ssh.keys import new_key_pair, parse_public_keys
from portal.ssh.pool import Pool
from portal.ssh.target import Target
from tests.lab.machine import wait_for


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory):
    """Where the server's files lie; whose key is in its `authorized_keys` gets in."""
    return tmp_path_factory.mktemp("sshd")


@pytest.fixture(scope="session")
def server(server_folder):
    """The target of a running sshd, with the right key."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    assert sshd, "openssh-server is missing; make test installs it as root"
    folder = server_folder
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host")], check=True)
    private, public = new_key_pair("test")
    (folder / "authorized_keys").write_text(public + "\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder / 'host'}\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder / 'authorized_keys'}\nPasswordAuthentication no\nBanner {folder / 'banner'}\n"
    )
    (folder / "banner").write_text("\x1b[31mWelcome to this machine\x1b[0m\n" * 50)
    with contextlib.suppress(PermissionError):
        Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([sshd, "-D", "-e", "-f", str(folder / "config")], stderr=log)

    def greets():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            return probe.recv(4) == b"SSH-"
        return False

    wait_for("sshd", greets)
    keys = parse_public_keys((folder / "host.pub").read_text())
    yield Target("loopback", "127.0.0.1", port, getpass.getuser(), keys, private)
    process.terminate()
    process.wait()


@pytest.fixture
def pool():
    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture
def shell(pool, server):
    with pool.shell(server) as shell:
        yield shell
