"""Handover as Django knows it."""

from django.apps import AppConfig


class HandoverConfig(AppConfig):
    """Handover."""

    name = "handover"
