"""Addresses of this area."""

from django.urls import path

from monitoring.choices import Beat
from monitoring.views import alerts, beats, checks, coverage, probes, wall

app_name = "monitoring"
urlpatterns = [
    path("wall/", wall.wall, name="wall"),
    path("systems/<int:system_id>/checks/", wall.system_checks, name="system-checks"),
    path("systems/<int:system_id>/planned-work/", wall.work_begin, name="work-begin"),
    path("systems/<int:system_id>/planned-work/end/", wall.work_end, name="work-end"),
    path("measured/<int:measured_id>/", checks.check_detail, name="check"),
    path("measured/<int:measured_id>/thresholds/", checks.thresholds, name="thresholds"),
    path("measured/<int:measured_id>/end/", checks.end, name="check-end"),
    path("measured/<int:measured_id>/again/", checks.again, name="check-again"),
    path("systems/<int:system_id>/probes/", probes.system_probes, name="probes"),
    path("systems/<int:system_id>/mail-domain/", probes.mail_domain, name="mail-domain"),
    path("probes/<int:probe_id>/end/", probes.probe_end, name="probe-end"),
    path("systems/<int:system_id>/heartbeats/", beats.add, name="heartbeat-add"),
    path("heartbeats/<int:beat_id>/", beats.heartbeat, name="heartbeat"),
    path("heartbeats/<int:beat_id>/end/", beats.end, name="heartbeat-end"),
    path("beat/<str:secret>/", beats.call, name="beat"),
    path("beat/<str:secret>/start/", beats.call, {"what": Beat.START}, name="beat-start"),
    path("beat/<str:secret>/fail/", beats.call, {"what": Beat.FAIL}, name="beat-fail"),
    path("coverage/", coverage.coverage, name="coverage"),
    path("systems/<int:system_id>/coverage/", coverage.system_coverage, name="system-coverage"),
    path("things/<int:thing_id>/cover/", coverage.cover, name="thing-cover"),
    path("things/<int:thing_id>/excuse/", coverage.excuse, name="thing-excuse"),
    path("systems/<int:system_id>/security/", coverage.system_security, name="security"),
    path("systems/<int:system_id>/security/accept/", coverage.accept, name="security-accept"),
    path("alerts/", alerts.alert_list, name="alert-list"),
    path("alerts/<int:raised_id>/", alerts.alert_detail, name="alert"),
    path("alerts/<int:raised_id>/acknowledge/", alerts.acknowledge, name="acknowledge"),
    path("alerts/<int:raised_id>/mute/", alerts.mute, name="mute"),
    path("channels/", alerts.channels, name="channels"),
    path("channels/<int:channel_id>/end/", alerts.channel_end, name="channel-end"),
]
