"""Addresses of this area."""

from django.urls import path

from maintenance.views import rollouts, runs, settings, systems, triage, updates, windows

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
    path("systems/<int:system_id>/restart/", runs.restart, name="restart"),
    path("systems/<int:system_id>/staging/", settings.staging_alternatives, name="staging"),
    path("staging-alternatives/<int:alternative_id>/revoke/", settings.staging_revoke, name="staging-revoke"),
    path("clients/<int:client_id>/maintenance-windows/", settings.window_list, name="maintenance-windows"),
    path("maintenance-windows/<int:window_id>/end/", settings.window_end, name="maintenance-window-end"),
    path("clients/<int:client_id>/checks/", settings.check_list, name="checks"),
    path("checks/<int:check_id>/end/", settings.check_end, name="check-end"),
    path("rollouts/", rollouts.rollout_list, name="rollout-list"),
    path("clients/<int:client_id>/rollouts/new/", rollouts.rollout_new, name="rollout-new"),
    path("rollouts/<int:rollout_id>/", rollouts.rollout_detail, name="rollout"),
    path("rollouts/<int:rollout_id>/approve/", rollouts.rollout_approve, name="rollout-approve"),
    path("rollouts/<int:rollout_id>/cancel/", rollouts.rollout_cancel, name="rollout-cancel"),
    path("runs/<int:run_id>/rollback/", runs.rollback, name="rollback"),
    path("runs/<int:run_id>/overrule/", runs.overrule, name="overrule"),
    path("runs/", runs.run_list, name="run-list"),
    path("runs/<int:run_id>/", runs.run_detail, name="run"),
]
