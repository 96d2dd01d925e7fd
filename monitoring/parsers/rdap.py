"""What a registry says of a domain (RDAP, RFC 9083)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

# EPP's states (RFC 8056) in which a domain does not work, or will soon be gone.
BROKEN = {"client hold", "server hold", "pending delete", "redemption period", "inactive"}


@dataclass(frozen=True, slots=True)
class Registration:
    """Until when a domain is registered (None: the registry does not say) and states that break it."""

    until: datetime | None
    broken: tuple[str, ...]


def parse_rdap(answer: Mapping[str, Any]) -> Registration:
    """Read a domain object.

    Raises:
        ValueError: it is not one.
    """
    if answer.get("objectClassName") != "domain":
        raise ValueError("this is not an answer about a domain")
    until = None
    for event in answer.get("events", []):
        if event.get("eventAction") == "expiration":
            until = datetime.fromisoformat(str(event["eventDate"]).replace("Z", "+00:00"))
            until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return Registration(until, tuple(sorted(BROKEN & {str(state).lower() for state in answer.get("status", [])})))
