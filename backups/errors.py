"""What this area refuses."""

from portal.errors import PortalError


class RestoreUnderWay(PortalError):
    """Another restore test holds the system or the repository."""

    code = "restore_test_under_way"


class LeaseLost(Exception):
    """Another worker took this test over."""
