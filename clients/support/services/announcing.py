"""What a client's people are told without asking: disturbances, and work before it begins, with an entry for their calendar."""

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from icalendar import Calendar, Event

from clients.models import Client
from clients.support.choices import Topic
from clients.support.queries import colleagues
from clients.support.services import telling
from portal.ui.templatetags.portal_ui import in_zone_plain


def tell_of_incident(*, client: Client, title: str, words: str, over: bool, now: datetime) -> None:
    """Something was written for the client about a disturbance: each of their people is told, as they chose."""

    def subject() -> str:
        return (_("%(title)s: resolved") if over else _("%(title)s: being worked on")) % {"title": title}

    tell_people(
        client,
        Topic.INCIDENTS,
        subject,
        lambda: f"{words}\n\n{_('You read the state of your systems here:')} {settings.PORTAL_URL}\n",
        now=now,
    )


def tell_of_work(*, client: Client, what: str, start: datetime, end: datetime, reason: str, uid: str, now: datetime) -> None:
    """Work is planned: each of the client's people is told, with an entry for their calendar.

    Args:
        what: on which systems.
        uid: names the entry: told again with the same one, calendars change it instead of adding another.
    """

    def subject() -> str:
        return _("Planned work on %(system)s") % {"system": what}

    def body() -> str:
        values = {"start": in_zone_plain(start, client.time_zone), "end": in_zone_plain(end, client.time_zone), "system": what}
        return (
            _("From %(start)s until %(end)s we work on %(system)s.") % values
            + "\n"
            + _("Its reason: %(reason)s") % {"reason": reason}
            + "\n"
        )

    entry = {
        "name": "work.ics", "content_type": "text/calendar; method=PUBLISH",
        "text": _entry(summary=f"{client}: {what}", start=start, end=end, reason=reason, uid=uid, now=now),
    }  # fmt: skip
    tell_people(client, Topic.WORK, subject, body, parts=[entry], now=now)


def _entry(*, summary: str, start: datetime, end: datetime, reason: str, uid: str, now: datetime) -> str:
    """One event in UTC (RFC 5545)."""
    calendar, event = Calendar(), Event()
    calendar.add("prodid", "-//Retainer//planned work//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for name, value in (
        ("uid", uid),
        ("dtstamp", now),
        ("dtstart", start),
        ("dtend", end),
        ("summary", summary),
        ("description", reason),
    ):
        event.add(name, value)
    calendar.add_component(event)
    return str(calendar.to_ical().decode())


def tell_people(
    client: Client, topic: Topic, subject: Callable[[], str], body: Callable[[], str], *, parts: list[dict[str, str]] | None = None,
    now: datetime,
) -> None:  # fmt: skip
    """Tell each of a client\'s people, in their language and as they chose; subject and body are made in it."""
    for user in colleagues(client):
        with translation.override(telling.language_of(user, client)):
            telling.tell(
                topic=topic, subject=subject(), body=body(), to=user.email, user=user, client_id=client.pk, parts=parts, now=now
            )
