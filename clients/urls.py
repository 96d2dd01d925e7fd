"""Addresses of this area."""

from django.urls import path

from clients.views import clients, onboarding, people, vault

app_name = "clients"
urlpatterns = [
    path("clients/", clients.client_list, name="client-list"),
    path("clients/import/", clients.import_systems, name="import"),
    path("clients/<int:client_id>/", clients.client_detail, name="client"),
    path("clients/<int:client_id>/contacts/add/", clients.contact_add, name="contact-add"),
    path("clients/<int:client_id>/ranges/add/", clients.range_add, name="range-add"),
    path("clients/<int:client_id>/ranges/<int:range_id>/remove/", clients.range_remove, name="range-remove"),
    path("clients/<int:client_id>/end/", clients.end, name="client-end"),
    path("clients/people/", people.people_own, name="people-own"),
    path("clients/<int:client_id>/people/", people.people, name="people"),
    path("clients/<int:client_id>/people/<int:membership_id>/role/", people.role, name="people-role"),
    path("clients/<int:client_id>/people/<int:membership_id>/remove/", people.remove, name="people-remove"),
    path("clients/<int:client_id>/invitations/<int:invitation_id>/revoke/", people.uninvite, name="people-uninvite"),
    path("clients/<int:client_id>/vault/", vault.vault, name="vault"),
    path("clients/<int:client_id>/vault/<int:credential_id>/reveal/", vault.reveal, name="vault-reveal"),
    path("clients/<int:client_id>/vault/<int:credential_id>/replace/", vault.replace, name="vault-replace"),
    path("clients/<int:client_id>/vault/<int:credential_id>/archive/", vault.archive, name="vault-archive"),
    path("systems/<int:system_id>/notes/", onboarding.notes, name="notes"),
    path("clients/<int:client_id>/systems/add/", onboarding.system_add, name="system-add"),
    path("systems/<int:system_id>/onboarding/", onboarding.onboarding_page, name="onboarding"),
    path("systems/<int:system_id>/onboarding/ask/<str:work>/", onboarding.ask, name="ask"),
    path("systems/<int:system_id>/onboarding/confirm-key/", onboarding.confirm_key, name="confirm-key"),
    path("systems/<int:system_id>/onboarding/paste-keys/", onboarding.paste_keys, name="paste-keys"),
    path("systems/<int:system_id>/onboarding/setup.sh", onboarding.setup_script, name="setup-script"),
    path("systems/<int:system_id>/twin/", onboarding.change_twin, name="twin"),
    path("systems/<int:system_id>/checks/add/", onboarding.service_check_add, name="service-check-add"),
    path("systems/<int:system_id>/alerts/<int:alert_id>/resolve/", onboarding.resolve_alert, name="resolve-alert"),
]
