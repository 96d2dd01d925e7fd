"""Addresses of this area."""

from django.urls import path

from backups.views import jobs, looks, restores

app_name = "backups"
urlpatterns = [
    path("backups/", jobs.job_list, name="job-list"),
    path("backups/gaps/", looks.gap_list, name="gaps"),
    path("backups/gaps/<int:finding_id>/excuse/", looks.excuse, name="excuse"),
    path("backups/found/<int:found_id>/dismiss/", looks.dismiss, name="dismiss"),
    path("backups/calendar/", looks.calendar, name="calendar"),
    path("backups/<int:job_id>/restore/", restores.restore_new, name="restore-new"),
    path("backups/<int:job_id>/rehearse/", restores.rehearse, name="rehearse"),
    path("restores/<int:restore_id>/", restores.restore_detail, name="restore"),
    path("restores/<int:restore_id>/carry-out/", restores.carry_out, name="carry-out"),
    path("backups/<int:job_id>/drift/", looks.drift, name="drift"),
    path("backups/<int:job_id>/drift/accept/", looks.accept, name="accept"),
    path("systems/<int:system_id>/backups/look/", looks.look_now, name="look"),
    path("backups/<int:job_id>/", jobs.job_detail, name="job"),
    path("backups/<int:job_id>/end/", jobs.job_end, name="job-end"),
    path("backups/<int:job_id>/prove/", jobs.test_start, name="prove"),
    path("clients/<int:client_id>/backups/new/", jobs.job_new, name="job-new"),
    path("clients/<int:client_id>/backups/together/", jobs.composite_new, name="composite-new"),
    path("restore-tests/<int:test_id>/", jobs.test_detail, name="restore-test"),
    path("restore-tests/<int:test_id>/certificate.pdf", jobs.certificate, name="certificate"),
]
