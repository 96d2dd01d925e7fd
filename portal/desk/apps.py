"""App configuration."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """Desk."""

    name = "portal.desk"
    label = "desk"
