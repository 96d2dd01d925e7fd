"""Addresses of this area."""

from django.urls import path

from maintenance.views import runs, systems, triage, updates, windows

app_name = "maintenance"
urlpatterns = [
    path("clients/<int:client_id>/windows/", windows.window_policy, name="windows"),
    path("updates/<int:update_id>/", updates.update_detail, name="update"),
    path("triage/", triage.triage, name="triage"),
    path("triage/decide/", triage.decide_updates, name="decide"),
    path("systems/<int:system_id>/", systems.system_detail, name="system"),
    path("systems/<int:system_id>/scan/", systems.scan, name="scan"),
    path("systems/<int:system_id>/apply/", runs.start, name="apply"),
    path("systems/<int:system_id>/configure/", runs.configure, name="configure"),
    path("runs/", runs.run_list, name="run-list"),
    path("runs/<int:run_id>/", runs.run_detail, name="run"),
]
