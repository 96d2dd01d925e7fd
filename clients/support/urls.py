"""Addresses of support."""

from django.urls import path

from clients.support.views import choices, desk, hours, knowledge, promises, tickets

app_name = "support"
urlpatterns = [
    path("tickets/", tickets.ticket_list, name="tickets"),
    path("tickets/new/", tickets.new_choose, name="ticket-choose"),
    path("tickets/mail/", desk.mail, name="mail"),
    path("tickets/mail/<int:mail_id>/assign/", desk.mail_assign, name="mail-assign"),
    path("tickets/mail/<int:mail_id>/original/", desk.mail_original, name="mail-original"),
    path("tickets/templates/", desk.template_list, name="templates"),
    path("tickets/new/<int:client_id>/", tickets.ticket_new, name="ticket-new"),
    path("tickets/<int:ticket_id>/", tickets.ticket, name="ticket"),
    path("tickets/<int:ticket_id>/answer/", tickets.answer, name="answer"),
    path("tickets/<int:ticket_id>/resolve/", tickets.resolve, name="resolve"),
    path("tickets/<int:ticket_id>/rate/", tickets.rate, name="rate"),
    path("tickets/<int:ticket_id>/watch/", tickets.watch, name="watch"),
    path("tickets/<int:ticket_id>/change/", desk.change, name="change"),
    path("tickets/<int:ticket_id>/password/", desk.password, name="password"),
    path("tickets/<int:ticket_id>/share/", desk.share, name="share"),
    path("tickets/<int:ticket_id>/profile/", desk.profile, name="profile"),
    path("tickets/<int:ticket_id>/hours/", hours.note_on_ticket, name="ticket-hours"),
    path("tickets/<int:ticket_id>/split/<int:message_id>/", desk.split, name="split"),
    path("tickets/<int:ticket_id>/files/<int:attachment_id>/", tickets.attachment, name="attachment"),
    path("knowledge/", knowledge.articles, name="articles"),
    path("knowledge/new/", knowledge.article_new, name="article-new"),
    path("knowledge/<slug:slug>/", knowledge.article, name="article"),
    path("knowledge/<slug:slug>/edit/<str:language_code>/", knowledge.article_edit, name="article-edit"),
    path("knowledge/<slug:slug>/end/", knowledge.article_end, name="article-end"),
    path("knowledge/<slug:slug>/pictures/", knowledge.article_image, name="article-image"),
    path("knowledge/<slug:slug>/pictures/<str:name>/", knowledge.image, name="image"),
    path("clients/<int:client_id>/hours/", hours.account, name="hours"),
    path("clients/<int:client_id>/hours/note/", hours.note, name="hours-note"),
    path("clients/<int:client_id>/hours/plan/", hours.plan, name="hours-plan"),
    path("clients/<int:client_id>/hours/close/", hours.close, name="hours-close"),
    path("clients/<int:client_id>/hours/<int:entry_id>/reverse/", hours.reverse_entry, name="hours-reverse"),
    path("clients/<int:client_id>/statements/<int:statement_id>/", hours.statement, name="statement"),
    path("clients/<int:client_id>/statements/<int:statement_id>/csv/", hours.statement_csv, name="statement-csv"),
    path("clients/<int:client_id>/promises/", promises.targets, name="targets"),
    path("account/choices/", choices.choices, name="choices"),
    path("public/unsubscribe/<str:secret>/", choices.unsubscribe, name="unsubscribe"),
]
