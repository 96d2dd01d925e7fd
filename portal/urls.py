"""Addresses."""

from django.urls import URLPattern, URLResolver, include, path

from portal.api import api
from portal.desk import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portal.desk.urls")),
    path("", include("portal.reports.urls")),
    path("", include("portal.signin.urls")),
    path("", include("clients.urls")),
    path("", include("clients.support.urls")),
    path("", include("handover.urls")),
    path("", include("maintenance.urls")),
    path("", include("backups.urls")),
    path("", include("monitoring.urls")),
    path("health/", views.health, name="health"),
    path("api/v1/", api.urls),
]
