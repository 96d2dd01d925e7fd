"""What a blocklist's answers mean, held against its own test entries (RFC 5782)."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listing:
    """Whether an address is listed; None: the list can't be believed. With a sentence."""

    listed: bool | None
    words: str


def name_in(address: str, zone: str) -> str:
    """Where an address stands in a list: its bytes, or nibbles, backwards.

    Raises:
        ValueError: not an IP address.
    """
    pointer = ipaddress.ip_address(address).reverse_pointer
    return f"{pointer.removesuffix('.in-addr.arpa').removesuffix('.ip6.arpa')}.{zone}"


def tests_of(address: str) -> tuple[str, str]:
    """The address that a list must list, and the one that it must not (RFC 5782, 5)."""
    return ("::ffff:7f00:2", "::ffff:7f00:1") if ":" in address else ("127.0.0.2", "127.0.0.1")


def judge(*, codes: Sequence[str], must: Sequence[str], must_not: Sequence[str]) -> Listing:
    """What the answers say.

    Args:
        codes, must, must_not: A records for the address, for the entry that must be listed, and for the one that must not.
    """
    for code in (*codes, *must, *must_not):
        if not code.startswith("127."):
            return Listing(None, f"It answers {code}, which is no list's: somebody else answers for it.")
        if code.startswith("127.255.255."):
            return Listing(None, f"It refuses the portal's resolver ({code}): ask it by a resolver of your own.")
    if must_not:
        return Listing(None, "It lists everything: it was given up.")
    if not must:
        return Listing(None, "It does not list its own test entry: it is gone, or answers the portal no more.")
    return Listing(bool(codes), f"Listed ({', '.join(codes)})." if codes else "Not listed; its own test entry is.")
