"""App configuration."""

from django.apps import AppConfig


class SigninConfig(AppConfig):
    """Sign-in."""

    name = "portal.signin"
    label = "signin"

    def ready(self) -> None:
        """django-allauth tells of sign-ins and second factors by signals; they go into the audit trail."""
        from portal.signin import trail

        trail.connect()
