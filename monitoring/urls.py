"""Addresses of this area."""

from django.urls import path

from monitoring.views import alerts, checks, wall

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
    path("alerts/", alerts.alert_list, name="alert-list"),
    path("alerts/<int:raised_id>/", alerts.alert_detail, name="alert"),
    path("alerts/<int:raised_id>/acknowledge/", alerts.acknowledge, name="acknowledge"),
    path("alerts/<int:raised_id>/mute/", alerts.mute, name="mute"),
    path("channels/", alerts.channels, name="channels"),
    path("channels/<int:channel_id>/end/", alerts.channel_end, name="channel-end"),
]
