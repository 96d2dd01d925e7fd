"""Whether a login gets in, tried against a real sshd: each kind of key, and what can't be read is not known."""

import dataclasses
import subprocess

import pytest

from portal.ssh.proving import Login, try_key, try_password


def key_pair(tmp_path, *words):
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-f", str(path), *words], check=True)
    return path.read_text(), (tmp_path / "key.pub").read_text()


@pytest.mark.parametrize(
    "words", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048"), ("-t", "rsa", "-b", "2048", "-m", "PEM"), ("-t", "ecdsa", "-b", "384")]
)
def test_a_key_of_each_kind_is_accepted_where_it_may_and_refused_elsewhere(server, server_folder, tmp_path, words):
    private, public = key_pair(tmp_path, *words, "-N", "")
    target = dataclasses.replace(server, private_key=private)
    assert try_key(target).login == Login.REFUSED
    with (server_folder / "authorized_keys").open("a") as file:
        file.write(public)
    assert try_key(target).login == Login.ACCEPTED


def test_what_can_not_be_read_is_not_known(server, tmp_path):
    private, _ = key_pair(tmp_path, "-t", "ed25519", "-N", "a passphrase")
    for text in (private, "", "no key at all", private[:100]):
        tried = try_key(dataclasses.replace(server, private_key=text))
        assert tried.login == Login.UNKNOWN
        assert "can't be read" in tried.words


def test_a_server_that_takes_no_passwords_says_so(server):
    tried = try_password(address=server.address, port=server.port, host_keys=server.host_keys, username=server.login, password="x")
    assert tried.login == Login.NOT_TAKEN
