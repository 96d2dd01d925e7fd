"""Addresses of this area."""

from django.urls import path

from maintenance.views import promise, rollouts, rules, runs, settings, systems, triage, updates, upgrades, windows

app_name = "maintenance"
urlpatterns = [
    path("clients/<int:client_id>/windows/", windows.window_policy, name="windows"),
    path("updates/<int:update_id>/", updates.update_detail, name="update"),
    path("triage/", triage.triage, name="triage"),
    path("triage/views/", triage.save_view, name="save-view"),
    path("triage/priorities/", rules.priority_rules, name="priority-rules"),
    path("triage/rules/", rules.triage_rules, name="triage-rules"),
    path("triage/rules/<int:rule_id>/end/", rules.triage_rule_end, name="triage-rule-end"),
    path("clients/<int:client_id>/promise/", promise.compliance, name="promise"),
    path("clients/<int:client_id>/promise/reasons/", promise.state_reasons, name="promise-reasons"),
    path("updates/<int:update_id>/risk/", promise.ask_risk, name="risk-ask"),
    path("risks/<int:risk_id>/answer/", promise.answer_risk, name="risk-answer"),
    path("triage/decide/", triage.decide_updates, name="decide"),
    path("systems/<int:system_id>/", systems.system_detail, name="system"),
    path("systems/<int:system_id>/unfixed/", updates.unfixed_list, name="unfixed"),
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
    path("end-of-life/", upgrades.end_of_life_list, name="end-of-life"),
    path("upgrades/", upgrades.plan_list, name="upgrades"),
    path("upgrades/new/", upgrades.plan_new, name="upgrade-plan-new"),
    path("upgrades/<int:plan_id>/", upgrades.plan_detail, name="upgrade"),
    path("upgrades/<int:plan_id>/edit/", upgrades.plan_edit, name="upgrade-edit"),
    path("clients/<int:client_id>/upgrades/<int:document_id>/", upgrades.upgrade_new, name="upgrade-new"),
    path("runs/<int:run_id>/rollback/", runs.rollback, name="rollback"),
    path("runs/<int:run_id>/overrule/", runs.overrule, name="overrule"),
    path("runs/", runs.run_list, name="run-list"),
    path("runs/<int:run_id>/", runs.run_detail, name="run"),
]
