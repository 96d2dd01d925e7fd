"""Addresses of this area."""

from django.urls import path

from backups.views import jobs

app_name = "backups"
urlpatterns = [
    path("backups/", jobs.job_list, name="job-list"),
    path("backups/<int:job_id>/", jobs.job_detail, name="job"),
    path("backups/<int:job_id>/end/", jobs.job_end, name="job-end"),
    path("backups/<int:job_id>/prove/", jobs.test_start, name="prove"),
    path("clients/<int:client_id>/backups/new/", jobs.job_new, name="job-new"),
    path("restore-tests/<int:test_id>/", jobs.test_detail, name="restore-test"),
]
