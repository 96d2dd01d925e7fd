"""Addresses of reports."""

from django.urls import path

from portal.reports import views

app_name = "reports"
urlpatterns = [
    path("reports/", views.report_list, name="list"),
    path("reports/own/", views.own, name="own"),
    path("reports/<int:report_id>/", views.report, name="report"),
    path("reports/<int:report_id>/pdf/", views.pdf, name="pdf"),
    path("reports/<int:report_id>/review/", views.review, name="review"),
    path("clients/<int:client_id>/report/", views.make, name="make"),
]
