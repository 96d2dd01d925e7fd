"""What can go wrong in support, as sentences for whoever asked."""

from django.utils.translation import gettext as _

from portal.errors import PortalError


class NotInThatState(PortalError):
    """The ticket is not in a state in which this can be done."""

    def __init__(self, state: object) -> None:
        super().__init__(_("This ticket is “%(state)s”.") % {"state": state}, hint=_("Load the page again to see what happened."))


class BadFile(PortalError):
    """A file that is not taken."""
