"""What a credential is to whoever takes it over, whatever the form."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a password manager.

    Args:
        group: the system, or what it belongs to.
        kind: password, ssh_key, api_token, note, totp_seed or licence.
        otp: an otpauth:// address; empty where there is no second factor.
        private, public: of an SSH key.
    """

    group: str
    title: str
    kind: str
    username: str = ""
    password: str = ""
    url: str = ""
    notes: str = ""
    otp: str = ""
    private: str = ""
    public: str = ""


def otp_address(seed: str, *, title: str) -> str:
    """A TOTP seed as an address that managers read; one that is an address already stays it (Key URI format)."""
    seed = seed.strip()
    return seed if seed.lower().startswith("otpauth://") else f"otpauth://totp/{quote(title)}?secret={seed.replace(' ', '').upper()}"
