"""Addresses of pages that span areas."""

from django.urls import path

from portal.desk import views

app_name = "desk"
urlpatterns = [
    path("", views.home, name="home"),
    path("systems/", views.details, name="details"),
    path("tickets/new/<int:client_id>/offered/", views.offered, name="offered"),
    path("tickets/<int:ticket_id>/link/", views.ticket_link, name="ticket-link"),
    path("audit/", views.audit, name="audit"),
    path("audit/export/", views.audit_export, name="audit-export"),
]
