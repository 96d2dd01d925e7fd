"""What can't be done about people."""

from portal.errors import PortalError


class LinkGone(PortalError):
    """A mailed link that is unknown, used, revoked or too old."""


class NotPossible(PortalError):
    """A change of people that would leave nobody in charge, or that is not for this actor."""


class BadSignIn(PortalError):
    """Address, password and code do not belong together, or too many were wrong."""
