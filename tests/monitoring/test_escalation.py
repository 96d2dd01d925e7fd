"""Channels of all kinds, quiet hours, duty, escalation, alerts that are given to somebody; incidents."""

import hashlib
import hmac
import ipaddress
import json
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from monitoring import queries
from monitoring.choices import Kind, Level
from monitoring.models import Alert, Channel, Delivery, Incident, IncidentEntry
from monitoring.services import alerts, channels, escalation, incidents, sending
from monitoring.services.recording import record
from monitoring.services.rules import Observation
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError, constraint_name
from tests import people
from tests.lab.webhook import Webhook

pytestmark = pytest.mark.django_db


def red(system, level="critical", subject="/", at=None):
    """A check that turned red, with its alert."""
    at = at or people.now()
    watch = getattr(system, "watch", None) or people.make_watch(system)
    for number in range(2):
        one = Observation(Kind.DISK, subject, Level(level), 99.0, "99 % used.")
        record([people.look(watch, at + timedelta(seconds=number), [Observation(Kind.REACH, "", Level.UP, 0.1, "ok"), one])])
    return Alert.objects.get(check_row__system=system, check_row__subject=subject, check_row__kind="disk", state="open")


def green(system, subject="/", at=None):
    for number in range(2):
        one = Observation(Kind.DISK, subject, Level.UP, 9.0, "9 % used.")
        record([people.look(system.watch, (at or people.now()) + timedelta(minutes=5, seconds=number), [one])])


def add(name="duty", **values):
    return channels.add(name=name, actor=people.TESTER, now=people.now(), **{"address": f"{name}@example.org", **values})


def told(now=None):
    now = now or people.now()
    alerts.announce(now=now)
    return sending.send_due(now=now)


@pytest.fixture
def hook(settings):
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    with Webhook().running() as server:
        yield server


def test_a_webhook_gets_signed_facts_and_its_address_stands_nowhere_in_clear(system, hook):
    url = f"http://127.0.0.1:{hook.port}/hook?token=very-secret"
    channel = add(kind="webhook", address=url, secret="the key")
    red(system)
    assert told() == 1
    headers, body = hook.heard[0]
    assert json.loads(body)["words"] == "99 % used."
    signature = "sha256=" + hmac.new(b"the key", body, hashlib.sha256).hexdigest()
    assert headers["X-Retainer-Signature"] == signature
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(c)::text FROM monitoring_channel c")
        stored = cursor.fetchone()[0]
    assert "very-secret" not in stored
    assert "the key" not in stored
    assert "very-secret" not in str(list(AuditEvent.objects.values_list("details", flat=True)))
    hook.status = 500
    red(system, subject="/data")
    assert told() == 0
    assert Delivery.objects.get(channel=channel, state="waiting").trouble == "Answered with status 500."


def test_a_webhook_into_a_private_network_is_refused_unless_it_is_allowed(system, hook, settings):
    settings.WEBHOOK_NETWORKS = []
    add(kind="webhook", address=f"http://127.0.0.1:{hook.port}/")
    red(system)
    assert told() == 0
    assert "not a public address" in Delivery.objects.get().trouble
    assert hook.heard == []


def test_a_service_that_apprise_knows(system, hook):
    """Its own `json` service, over real HTTP."""
    channel = add(kind="apprise", address=f"json://user:very-secret@127.0.0.1:{hook.port}/path")
    assert "very-secret" not in channel.address
    red(system)
    assert told() == 1
    assert "99 % used." in json.loads(hook.heard[0][1])["message"]
    hook.status = 500
    red(system, subject="/data")
    assert told() == 0
    trouble = Delivery.objects.get(state="waiting").trouble
    assert "Apprise could not send it" in trouble
    assert "very-secret" not in trouble


@pytest.mark.parametrize(
    ("kind", "address"),
    [("email", "nobody"), ("webhook", "ftp://x/"), ("webhook", "x"), ("apprise", "nosuch://x"), ("apprise", "syslog://"), ("pager", "x")],
)  # fmt: skip
def test_an_address_that_does_not_fit_is_refused(kind, address):
    with pytest.raises(PortalError):
        add(kind=kind, address=address)


def test_the_database_wants_what_opens_a_channel_sealed(system):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Channel.objects.create(name="x", kind="webhook", address="https://x", created_at=people.now(), actor_label="x")
    assert constraint_name(error.value) == "what_opens_a_channel_is_sealed"


@pytest.mark.parametrize(
    ("quiet", "at", "level", "due"),
    [
        (("22:00", "07:00"), "23:30", "warning", "07:00 next"), (("22:00", "07:00"), "03:00", "warning", "07:00"),
        (("22:00", "07:00"), "12:00", "warning", "now"), (("22:00", "07:00"), "23:30", "critical", "now"),
        (("12:00", "13:00"), "12:30", "unknown", "13:00"), (("12:00", "13:00"), "13:00", "unknown", "now"),
    ],
)  # fmt: skip
def test_quiet_hours_let_through_what_is_critical(quiet, at, level, due):
    begins, ends = (time.fromisoformat(one) for one in quiet)
    channel = add(quiet=(begins, ends, "Europe/Berlin"))
    hour, minute = (int(part) for part in at.split(":"))
    now = datetime(2026, 11, 25, hour, minute, tzinfo=UTC) - timedelta(hours=1)  # Berlin is an hour ahead in November
    found = channels.due_at(channel, level, now=now)
    if due == "now":
        assert found == now
    else:
        day = 26 if "next" in due else 25
        assert found == datetime(2026, 11, day, int(due[:2]), 0, tzinfo=UTC) - timedelta(hours=1)


def test_nobody_answers_and_one_after_the_other_is_told_until_somebody_does(system, operator):
    add()
    boss, on_duty, behind = add("boss", first=False), people.make_operator(), people.make_operator()
    mine = add("mine", person=on_duty, first=False)
    theirs = add("theirs", person=behind, first=False)
    now = people.now()
    week = {"starts_at": now - timedelta(hours=1), "shift": timedelta(days=7), "shifts": 1, "actor": people.TESTER, "now": now}
    escalation.plan_duty(people=[on_duty], place=1, **week)
    escalation.plan_duty(people=[behind], place=2, **week)
    escalation.set_steps(steps=[(10, None, 1), (10, None, 2), (20, boss, None)], actor=people.TESTER, now=now)
    red(system, "warning", subject="/warned")
    alert = red(system)
    told(now)

    def step(minutes: int) -> list[str]:
        before = set(Delivery.objects.values_list("pk", flat=True))
        escalation.escalate(now=now + timedelta(minutes=minutes))
        return sorted(Delivery.objects.exclude(pk__in=before).values_list("channel__name", flat=True))

    assert [step(minutes) for minutes in (9, 10, 11, 20, 40, 69, 70)] == [[], ["mine"], [], ["theirs"], ["boss"], [], ["mine"]]
    assert sending.send_due(now=now + timedelta(minutes=70)) == 4
    assert mail.outbox[-1].subject.startswith("[Nobody is on it] ")
    alerts.acknowledge(alert=alert, actor=people.actor(operator), now=now)
    assert step(500) == []
    assert (mine.person, theirs.person) == (on_duty, behind)


def test_who_is_on_duty_and_the_newer_shift_counts():
    first, second = people.make_operator(), people.make_operator()
    now = people.now()
    plan = {"place": 1, "actor": people.TESTER}
    shifts = escalation.plan_duty(people=[first, second], starts_at=now, shift=timedelta(days=7), shifts=4, now=now, **plan)
    assert [shift.person for shift in shifts] == [first, second, first, second]
    assert escalation.on_duty(1, now=now + timedelta(days=8)) == second
    escalation.plan_duty(
        people=[first], starts_at=now + timedelta(days=8), shift=timedelta(days=1), shifts=1, now=now + timedelta(seconds=1), **plan
    )
    assert escalation.on_duty(1, now=now + timedelta(days=8, hours=1)) == first
    assert escalation.on_duty(2, now=now) is None
    first.is_active = False
    first.save()
    assert escalation.on_duty(1, now=now + timedelta(hours=1)) is None
    for wrong in ({"people": []}, {"people": [people.make_member(people.make_client())]}, {"people": [second], "shifts": 500}):
        with pytest.raises(PortalError):
            escalation.plan_duty(**{"starts_at": now, "shift": timedelta(days=7), "shifts": 1, "now": now, **plan, **wrong})


def test_an_alert_is_given_to_somebody_who_hears_of_it(system, operator):
    add()
    add("mine", person=operator, first=False)
    alert = red(system)
    told()
    escalation.give(alert=alert, person=operator, actor=people.TESTER, now=people.now())
    escalation.give(alert=alert, person=operator, actor=people.TESTER, now=people.now())
    assert sending.send_due(now=people.now()) == 2
    assert mail.outbox[-1].subject.startswith("[For you] ")
    with pytest.raises(PortalError):
        escalation.give(alert=alert, person=people.make_member(system.client), actor=people.TESTER, now=people.now())


def test_what_gets_worse_is_told_once_more(system):
    add()
    red(system, "warning")
    assert told() == 1
    for number in range(2):
        one = Observation(Kind.DISK, "/", Level.CRITICAL, 99.0, "99 % used.")
        record([people.look(system.watch, people.now() + timedelta(minutes=3, seconds=number), [one])])
    assert told() == 1
    assert [message.subject.split("]")[0] for message in mail.outbox] == ["[Warning", "[Critical"]
    green(system, at=people.now() + timedelta(minutes=10))
    assert told() == 1, "and in order again once"


def test_an_alert_that_matters_opens_an_incident_and_others_of_the_system_join_it(system):
    add()
    red(system, "warning", subject="/warned")
    red(system)
    told()
    red(system, subject="/data")
    told()
    incident = Incident.objects.get()
    assert incident.title == "web-1: Disk /"
    assert sorted(str(alert.check_row) for alert in incident.alerts.all()) == ["Disk /", "Disk /data"]
    assert [entry.kind for entry in incident.entries.order_by("pk")] == ["opened", "alert", "alert"]


def test_without_any_channel_it_is_an_incident_all_the_same(system):
    red(system)
    for _ in range(2):
        assert alerts.announce(now=people.now()) == 0
    assert Incident.objects.get().alerts.get().announced_at is None
    add()
    assert told() == 1
    assert Incident.objects.count() == 1


def test_an_incident_is_not_closed_while_its_cause_is_red(system, operator):
    add()
    alert = red(system)
    told()
    incident = Incident.objects.get()
    with pytest.raises(PortalError, match="still open"):
        incidents.resolve(incident=incident, words="over", actor=people.TESTER, now=people.now())
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Incident.objects.update(state="resolved", resolved_at=people.now())
    assert constraint_name(error.value) == "not_resolved_while_red"
    green(system)
    with pytest.raises(PortalError, match="the client reads it"):
        incidents.resolve(incident=incident, words=" ", actor=people.TESTER, now=people.now())
    incidents.resolve(incident=incident, words="The disk was full.", actor=people.TESTER, now=people.now())
    with pytest.raises(PortalError, match="already"):
        incidents.resolve(incident=incident, words="again", actor=people.TESTER, now=people.now())
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Incident.objects.update(state="open", resolved_at=None)
    assert constraint_name(error.value) == "resolved_stays_resolved"
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Alert.objects.filter(pk=alert.pk).update(state="open", closed_at=None)
    assert constraint_name(error.value) == "an_open_alert_joins_an_open_incident"
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        IncidentEntry.objects.update(words="nothing happened")
    assert constraint_name(error.value) == "a_timeline_stands"


def test_the_answer_of_the_same_day_is_counted(system, operator):
    client = system.client
    client.time_zone = "Europe/Berlin"
    client.save()
    berlin = timedelta(hours=1)  # in November
    for opened, due in (
        ("2026-11-25 10:00", "2026-11-25 17:00"), ("2026-11-25 18:00", "2026-11-26 17:00"), ("2026-11-28 10:00", "2026-11-30 17:00"),
        ("2026-11-25 05:00", "2026-11-25 17:00"),
    ):  # fmt: skip
        at = datetime.fromisoformat(f"{opened}+00:00") - berlin
        assert incidents.answer_due(client, at) == datetime.fromisoformat(f"{due}+00:00") - berlin
    add()
    alert = red(system)
    told()
    incident = Incident.objects.get()
    assert queries.answers(people.TESTER, now=people.now()).counted == 0
    assert queries.answers(people.TESTER, now=incident.answer_due_at + timedelta(seconds=1)) == queries.answers.__globals__["Answers"](
        1, 0
    )
    alerts.acknowledge(alert=alert, actor=people.actor(operator), now=people.now())
    incident.refresh_from_db()
    assert incident.answered_at is not None
    assert queries.answers(people.TESTER, now=people.now()) == queries.answers.__globals__["Answers"](1, 1)


def test_a_client_reads_what_was_written_for_them(system, operator, member_page):
    incident = people.make_incident(system)
    actor = people.actor(operator)
    incidents.note(incident=incident, words="planted: the backup disk of the host", to_client=False, actor=actor, now=people.now())
    incidents.note(incident=incident, words="We are on it.", to_client=True, actor=actor, now=people.now())
    incidents.take(incident=incident, person=operator, actor=actor, now=people.now())
    text = member_page.get(f"/incidents/{incident.pk}/").content.decode()
    assert "We are on it." in text
    assert "the backup disk of the host" not in text
    with pytest.raises(NotAllowed):
        incidents.note(
            incident=incident, words="x", to_client=False, actor=people.actor(people.make_member(system.client)), now=people.now()
        )


def test_pages_of_channels_duty_and_incidents_take_what_is_typed(system, operator_page, operator):
    answer = operator_page.post(
        "/channels/", {"name": "hook", "kind": "webhook", "address": "https://hooks.example/x?token=1", "first": "on"}
    )
    assert answer.status_code == 303
    text = operator_page.get("/channels/").content.decode()
    assert "hooks.example" in text
    assert "token=1" not in text
    bad = operator_page.post("/channels/", {"name": "x", "kind": "apprise", "address": "nosuch://y", "first": "on"})
    assert (bad.status_code, "Apprise does not know" in bad.content.decode()) == (422, True)
    bad = operator_page.post("/channels/", {"name": "x", "address": "a@b.example", "quiet_from": "22:00"})
    assert bad.status_code == 422
    shifts = {"people": [operator.pk], "place": "1", "starts_at": "2026-01-01 09:00", "hours": "8760", "shifts": "1"}
    assert operator_page.post("/on-call/", shifts).status_code == 303
    assert operator.name in operator_page.get("/on-call/").content.decode()
    channel = Channel.objects.get()
    assert (
        operator_page.post("/on-call/steps/", {"after_1": "5", "who_1": "duty-1", "after_2": "10", "who_2": channel.pk}).status_code
        == 303
    )
    assert operator_page.post("/on-call/steps/", {"after_1": "5"}).status_code == 422
    incident = people.make_incident(system)
    for path, data in (
        ("note", {"words": "x", "to_client": "on"}),
        ("take", {"person": operator.pk}),
        ("post-mortem", {"text": "learnt"}),
        ("resolve", {"words": "over"}),
    ):
        assert operator_page.post(f"/incidents/{incident.pk}/{path}/", data).status_code == 303, path
    assert operator_page.post(f"/incidents/{incident.pk}/resolve/", {"words": "over"}).status_code == 422
    assert "learnt" in operator_page.get(f"/incidents/{incident.pk}/").content.decode()
