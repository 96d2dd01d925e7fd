"""Errors that a person reads: a sentence, and a hint that says what to do. No HTTP in here."""

from django.db import IntegrityError


class PortalError(Exception):
    """Something a person asked for can't be done now.

    Args:
        message: one sentence for the page.
        hint: what to do about it; may be empty.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NotAllowed(PortalError):
    """The actor's role does not allow this."""


def constraint_name(error: IntegrityError) -> str:
    """The violated constraint's name as PostgreSQL reports it; empty where it reports none."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "constraint_name", None) or ""
