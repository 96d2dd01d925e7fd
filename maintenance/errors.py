"""What can't be done in this area."""

from portal.errors import PortalError


class SystemBusy(PortalError):
    """Another change holds the system (constraint one_open_run_per_system)."""


class NotVerified(PortalError):
    """These versions were not verified on the staging twin."""


class NothingToApply(PortalError):
    """No pending update of the system is decided as apply."""


class CanNotChange(PortalError):
    """The system is read-only, or its package manager is one that we only read."""


class ReasonMissing(PortalError):
    """Deferring and rejecting need a reason."""


class LeaseLost(Exception):
    """Another worker took this run over; stop without a word."""


class ClientEnded(PortalError):
    """The client's retainer ended."""


class FeedRefused(PortalError):
    """An advisory feed's file is broken, cut, or suddenly much smaller; the last good one stays in use."""


class FeedBusy(PortalError):
    """Another import of this feed is under way."""
