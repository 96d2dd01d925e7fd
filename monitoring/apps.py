"""App configuration."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Monitoring."""

    name = "monitoring"
