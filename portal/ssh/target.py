"""Plain values: where to connect, and what came back."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

# CSI, OSC and other escape sequences (ECMA-48, 5.4 and 8.3), then control characters but tab and newline
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(raw: bytes) -> str:
    """Host output as text that is safe to store and show: no escapes, NULs or bad UTF-8; CR LF becomes LF."""
    text = raw.decode("utf-8", errors="replace").replace("\r\n", "\n")
    return _CONTROLS.sub("\ufffd", _ESCAPES.sub("", text))


@dataclass(frozen=True, slots=True)
class HostKey:
    """A host's public key: its type (`ssh-ed25519`) and the key in base64, as in known_hosts."""

    key_type: str
    base64: str

    @property
    def fingerprint(self) -> str:
        """`SHA256:…` as OpenSSH prints it."""
        try:
            digest = hashlib.sha256(base64.b64decode(self.base64, validate=True)).digest()
        except binascii.Error:
            return "not a key"
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Target:
    """One login on one host.

    Args:
        name: for messages.
        address: host name or IP address.
        host_keys: the pinned keys; a host that shows another one is refused.
        private_key: OpenSSH or PEM text; never in repr().
    """

    name: str
    address: str
    port: int
    login: str
    host_keys: tuple[HostKey, ...]
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command answered.

    Args:
        stdout, stderr: cleaned text, without what a login profile printed before the command.
        raw: stdout as bytes, for logs that are read by offset.
        mark: the random mark that this call's script could print (`$MARK`) to frame its sections.
    """

    exit_status: int
    stdout: str
    stderr: str
    raw: bytes = field(repr=False)
    duration_s: float
    mark: str
