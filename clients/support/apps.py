"""Support as Django knows it."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    """Tickets and what belongs to them."""

    name = "clients.support"
    label = "support"
