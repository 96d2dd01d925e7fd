"""Reports as Django knows them."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Monthly reports."""

    name = "portal.reports"
    label = "reports"
