"""Reports: made on the first working day of a month, reviewed, sent, kept."""

import hashlib
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from clients.models import Client
from clients.services import calendars
from clients.support.choices import Topic
from clients.support.services import announcing
from clients.support.services.hours import previous
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.accounts.scope import acting_for_all
from portal.audit import services as audit
from portal.errors import PortalError, constraint_name
from portal.reports import gather, paper
from portal.reports.models import Report, ReportState

ACTOR = Actor.portal("reports")


def make_due(*, now: datetime) -> int:
    """Make the reports of last month where it is the first working day of a client's month or later; returns how many."""
    with acting_for_all():
        made = 0
        for client in Client.objects.filter(ended_at=None).order_by("pk"):
            local = now.astimezone(ZoneInfo(client.time_zone)).date()
            month = previous(local)
            if Report.objects.filter(client=client, month=month).exists() or now < first_work(client, local, now=now):
                continue
            if client.created_at.astimezone(ZoneInfo(client.time_zone)).date() >= local.replace(day=1):
                continue  # there was no client yet
            make(client=client, month=month, actor=ACTOR, now=now)
            made += 1
        return made


def first_work(client: Client, day: date, *, now: datetime) -> datetime:
    """When work begins for the first time in the month of a day."""
    calendar = calendars.calendar_of(client, at=now)
    first = day.replace(day=1)
    spans = (calendar.span(first + timedelta(days=number)) for number in range(31))
    return next((span[0] for span in spans if span is not None), now)


def make(*, client: Client, month: date, actor: Actor, now: datetime) -> Report:
    """Gather a month's figures into a report to be reviewed; one that is not sent yet is gathered anew, its words stay.

    Raises:
        PortalError: it was sent already, or the month has not begun.
    """
    actor.require(Permission.OPERATE)
    month = month.replace(day=1)
    if month > now.astimezone(ZoneInfo(client.time_zone)).date():
        raise PortalError("This month has not begun.")
    facts = gather.facts_of(client, month, now=now)
    try:
        with transaction.atomic():
            report = Report.objects.select_for_update().filter(client=client, month=month).first()
            if report is not None and report.state == ReportState.SENT:
                raise PortalError("This report was sent: it stays as it is.")
            if report is None:
                report = Report.objects.create(client=client, month=month, language=client.language, facts=facts, made_at=now)
            else:
                Report.objects.filter(pk=report.pk).update(facts=facts, made_at=now)
                report.refresh_from_db()
            audit.record(action="report.make", actor=actor, subject=report, client_id=client.pk, now=now)
    except IntegrityError as error:
        if constraint_name(error) != "one_report_per_month":
            raise
        return Report.objects.get(client=client, month=month)  # another worker made it in the same moment
    return report


def review(*, report: Report, words: str, language: str, actor: Actor, now: datetime) -> None:
    """Add words to a report before it is sent.

    Raises:
        PortalError: it was sent, or there is no such language.
    """
    actor.require(Permission.OPERATE)
    if language not in {"en", "de"}:
        raise PortalError("Choose one of the two languages.")
    with transaction.atomic():
        if not Report.objects.filter(pk=report.pk, state=ReportState.DRAFT).update(words=words[:20_000], language=language):
            raise PortalError("This report was sent: it stays as it is.")
        audit.record(action="report.review", actor=actor, subject=report, client_id=report.client_id, now=now)


def send(*, report: Report, actor: Actor, now: datetime) -> None:
    """Send a report: its PDF is made and kept, and the client's people are told where it is.

    Raises:
        PortalError: it was sent already, nobody but a person sends it, or no PDF can be made on this machine.
    """
    actor.require(Permission.OPERATE)
    if actor.user_id is None:
        raise PortalError("Somebody reads a report before it is sent.")
    pdf = paper.pdf_of(report)
    with transaction.atomic():
        # what was read is what is sent: had it been gathered anew meanwhile, this would miss
        done = Report.objects.filter(pk=report.pk, state=ReportState.DRAFT, made_at=report.made_at, words=report.words).update(
            state=ReportState.SENT, sent_at=now, sent_by=actor.label, pdf=pdf, sha256=hashlib.sha256(pdf).hexdigest()
        )
        if not done:
            raise PortalError("This report was sent or changed meanwhile.", hint="Load the page again.")
        audit.record(
            action="report.send",
            actor=actor,
            subject=report,
            client_id=report.client_id,
            now=now,
            sha256=hashlib.sha256(pdf).hexdigest(),
        )
        _tell(report, now=now)


def _tell(report: Report, *, now: datetime) -> None:
    address = settings.PORTAL_URL.rstrip("/") + reverse("reports:report", args=[report.pk])
    announcing.tell_people(
        report.client, Topic.REPORT, lambda: _("What we did in %(month)s") % {"month": f"{report.month:%Y-%m}"},
        lambda: render_to_string("reports/mail.txt", {"report": report, "address": address}), now=now,
    )  # fmt: skip
