"""What a client's people are told without asking: disturbances, and work before it begins."""

from datetime import timedelta

import pytest
from icalendar import Calendar

from clients.support.models import Choice, OutgoingMail
from clients.support.services import sending
from monitoring.models import PlannedWork
from monitoring.services import incidents, planned_work
from portal.errors import PortalError
from tests import people

pytestmark = pytest.mark.django_db


def test_work_is_announced_ahead_with_an_entry_for_the_calendar(system, member, outsider, operator, mailoutbox):
    start = people.now() + timedelta(days=2)
    planned_work.begin(
        system=system,
        starts_at=start,
        until=start + timedelta(hours=2),
        reason="A new disk",
        actor=people.actor(operator),
        now=people.now(),
    )
    mail = OutgoingMail.objects.get()
    assert (mail.to, mail.topic, "A new disk" in mail.body) == (member.email, "work", True)
    sending.send_due(now=people.now())
    (part,) = [part for part in mailoutbox[0].message().walk() if part.get_content_type() == "text/calendar"]
    assert part.get_param("method") == "PUBLISH"
    (event,) = Calendar.from_ical(part.get_payload(decode=True)).walk("VEVENT")
    assert (event["dtstart"].dt.replace(microsecond=0), str(event["uid"])) == (
        start.replace(microsecond=0),
        f"work-{PlannedWork.objects.get().pk}@retainer",
    )


@pytest.mark.parametrize(("begins", "lasts"), [(-1, 2), (24 * 100, 2), (1, 24 * 8), (1, 0)])
def test_work_that_fits_no_calendar_is_refused(system, begins, lasts):
    start = people.now() + timedelta(hours=begins)
    with pytest.raises(PortalError):
        planned_work.begin(
            system=system, starts_at=start, until=start + timedelta(hours=lasts), reason="x", actor=people.TESTER, now=people.now()
        )
    assert not OutgoingMail.objects.exists()


def test_what_runs_do_by_themselves_is_not_announced_one_by_one(system, member):
    planned_work.begin(
        system=system, until=people.now() + timedelta(hours=1), reason="an update run", actor=people.TESTER, now=people.now()
    )
    assert not OutgoingMail.objects.exists()


def test_incidents_are_told_in_each_persons_language_and_as_they_chose(system, member, sample_client):
    german, quiet = people.make_member(sample_client), people.make_member(sample_client)
    type(german).objects.filter(pk=german.pk).update(language="de")
    Choice.objects.create(user=quiet, topic="incidents", delivery="never")
    incident = people.make_incident(system)
    incidents.note(incident=incident, words="We are on it.", to_client=True, actor=people.TESTER, now=people.now())
    incidents.note(incident=incident, words="Only for us", to_client=False, actor=people.TESTER, now=people.now())
    subjects = dict(OutgoingMail.objects.values_list("to", "subject"))
    assert subjects == {member.email: f"{incident}: being worked on", german.email: f"{incident}: in Arbeit"}
    incidents.resolve(incident=incident, words="A cable.", actor=people.TESTER, now=people.now())
    assert OutgoingMail.objects.filter(to=german.email, subject__endswith="gelöst").count() == 1


def test_the_page_takes_a_beginning(operator_page, system, member):
    start = (people.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    answer = operator_page.post(f"/systems/{system.pk}/planned-work/", {"hours": 2, "reason": "A disk", "starts_at": start})
    assert answer.status_code == 303
    assert PlannedWork.objects.get().starts_at > people.now() + timedelta(hours=22)
