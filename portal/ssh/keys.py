"""Key pairs for signing in to hosts, and public keys as people paste them."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portal.ssh.target import HostKey

HOST_KEY_TYPES = frozenset({"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"})


def new_key_pair(comment: str) -> tuple[str, str]:
    """A fresh ed25519 pair: private half in OpenSSH's format, public half as one line for authorized_keys."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()).decode()
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    return private, f"{public} {comment}"


def fingerprint_of(line: str) -> str:
    """The fingerprint of a public key as `ssh-keygen -l` prints it (SHA256:…); empty where the line holds no key."""
    words = line.split()
    place = next((i for i, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-", "sk-"))), None)
    if place is None or place + 1 >= len(words):
        return ""
    found = HostKey(words[place], words[place + 1]).fingerprint
    return "" if found == "not a key" else found


def parse_public_keys(text: str) -> tuple[HostKey, ...]:
    """Host keys from pasted lines: `ssh-keyscan` output, known_hosts lines or plain `.pub` files.

    Raises:
        ValueError: a line holds no key of a known type; the message quotes its number.
    """
    keys: list[HostKey] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        place = next((i for i, word in enumerate(words) if word in HOST_KEY_TYPES), None)
        if place is None or place + 1 >= len(words):
            raise ValueError(f"Line {number} holds no host key (expected: ssh-ed25519 AAAA…).")
        key = HostKey(words[place], words[place + 1])
        if key.fingerprint == "not a key":
            raise ValueError(f"Line {number}: the key is not base64; was it cut when copied?")
        keys.append(key)
    return tuple(keys)
