"""What can't be done in this area, and why."""

from portal.errors import PortalError


class PackageBusy(PortalError):
    """A package of this client is being made."""


class TerminalBusy(PortalError):
    """Somebody is at this system, or too many are open."""


class LeaseLost(Exception):
    """Another worker has taken over."""


class Blocked(PortalError):
    """Something must be put right first."""


class NoKeyPass(PortalError):
    """Nobody at the client has said yet how their credentials are to be encrypted."""
