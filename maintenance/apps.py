"""App configuration."""

from django.apps import AppConfig


class MaintenanceConfig(AppConfig):
    """Maintenance."""

    name = "maintenance"
