"""App configuration."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """UI."""

    name = "portal.ui"
    label = "ui"
