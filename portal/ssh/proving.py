"""Whether a login gets in, tried from outside: for credentials that must work, and for ours that must not."""

import contextlib
import enum
import io
from dataclasses import dataclass

import paramiko

from portal.ssh.connection import CONNECT_TIMEOUT_S, handshake, preferred, server_key
from portal.ssh.errors import Unreachable
from portal.ssh.target import HostKey, Target


class Login(enum.Enum):
    """What became of a try."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    # The host does not even take this kind of proof: nobody gets in by it.
    NOT_TAKEN = "not_taken"
    # Nobody knows: no connection, or another host answers.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Tried:
    """A try and what the host said, as a sentence."""

    login: Login
    words: str


def try_key(target: Target) -> Tried:
    """Try to sign in with a private key: Ed25519, RSA or ECDSA, in OpenSSH's format or PEM, without a passphrase."""
    key = _key_of(target.private_key)
    if key is None:
        return Tried(Login.UNKNOWN, "The key can't be read: it is of a kind that the portal does not try, or has a passphrase.")
    return _try(target.address, target.port, target.host_keys, target.login, key=key)


def _key_of(text: str) -> paramiko.PKey | None:
    for kind in (paramiko.Ed25519Key, paramiko.RSAKey, paramiko.ECDSAKey):
        with contextlib.suppress(paramiko.SSHException, ValueError, TypeError, IndexError):
            return kind.from_private_key(io.StringIO(text))
    return None


def try_password(*, address: str, port: int, host_keys: tuple[HostKey, ...], username: str, password: str) -> Tried:
    """Try to sign in with a password."""
    return _try(address, port, host_keys, username, password=password)


def _try(
    address: str, port: int, host_keys: tuple[HostKey, ...], username: str, *, key: paramiko.PKey | None = None, password: str = ""
) -> Tried:
    place = f"{username}@{address}:{port}"
    try:
        transport = handshake(address, port, preferred(host_keys), timeout_s=CONNECT_TIMEOUT_S)
    except Unreachable as error:
        return Tried(Login.UNKNOWN, f"{place} was not reached: {error.message}")
    try:
        offered = server_key(transport)
        if offered not in host_keys:
            return Tried(Login.UNKNOWN, f"Another host answers at {address}:{port}: {offered.fingerprint}.")
        transport.auth_timeout = CONNECT_TIMEOUT_S
        return _sign_in(transport, username, place, key=key, password=password)
    finally:
        transport.close()


def _sign_in(transport: paramiko.Transport, username: str, place: str, *, key: paramiko.PKey | None, password: str) -> Tried:
    what = "key" if key is not None else "password"
    try:
        if key is not None:
            transport.auth_publickey(username, key)
        else:
            transport.auth_password(username, password, fallback=False)
    except paramiko.BadAuthenticationType as error:
        return Tried(Login.NOT_TAKEN, f"{place} takes no {what}s (only {', '.join(error.allowed_types)}).")
    except paramiko.AuthenticationException:
        return Tried(Login.REFUSED, f"{place} refused the {what}.")
    except (paramiko.SSHException, EOFError, OSError) as error:
        return Tried(Login.UNKNOWN, f"{place}: the connection broke: {error}")
    if transport.is_authenticated():
        return Tried(Login.ACCEPTED, f"{place} let us in with the {what}.")
    return Tried(Login.REFUSED, f"{place} wants more than the {what}: we were not let in.")
