"""What can't be done in this area, and which constraint says so."""

from django.db import IntegrityError

from portal.errors import PortalError, constraint_name


class SystemExists(PortalError):
    """The client has a system of that name, or somebody's system has that address, port and login."""


class TwinRefused(PortalError):
    """A staging twin must be a staging system of the same client."""


class ClientBusy(PortalError):
    """The retainer can't end now: a change is under way."""


class NoSuchKey(PortalError):
    """The host key to confirm is not one that the host showed."""


class NotReady(PortalError):
    """The system can't be reached yet: a step of its onboarding is missing."""


class BadImport(PortalError):
    """The text to import can't be read at all."""


def from_integrity(error: IntegrityError) -> PortalError:
    """The domain's error behind a violated constraint; re-raises what has none."""
    name = constraint_name(error)
    if name in {"one_name_per_client", "one_system_per_login"}:
        return SystemExists(
            "This system is known already.",
            hint="A client has one system of a name, and an address, port and login belong to one system.",
        )
    if name == "system_twin_is_staging_of_same_client":
        return TwinRefused("A staging twin must be a staging system of the same client.")
    raise error
