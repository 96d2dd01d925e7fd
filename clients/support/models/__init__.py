"""Models of support."""

from clients.support.models.action import Action
from clients.support.models.hours import Plan, Statement, TimeEntry, Timer
from clients.support.models.knowledge import Article, ArticleImage, ArticleText
from clients.support.models.mail import Choice, DigestLine, IncomingMail, OutgoingMail
from clients.support.models.promise import SupportTarget
from clients.support.models.ticket import AnswerTemplate, Attachment, Link, Message, Ticket, Wait, Watcher

__all__ = [
    "Action", "AnswerTemplate", "Article", "ArticleImage", "ArticleText", "Attachment", "Choice", "DigestLine", "IncomingMail", "Link",
    "Message", "OutgoingMail", "Plan", "Statement", "SupportTarget", "Ticket", "TimeEntry", "Timer", "Wait", "Watcher",
]  # fmt: skip
