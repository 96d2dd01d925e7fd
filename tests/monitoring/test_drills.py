"""Drills, without a host: what is written in a condition's place, stations, mutes, channels, the far end, the schedule."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from clients.models import System
from monitoring import queries
from monitoring.models import Alert, Check, Drill, PlannedWork, Proof, Watch
from monitoring.services import alerts, channels, checks, drills, heartbeats, sending
from portal.errors import PortalError, constraint_name
from tests import people
from tests.lab.mailserver import MailServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def system(sample_client):
    """Read-only: nothing is made on the host itself."""
    system = people.make_system(sample_client, name="web-1", address="127.0.0.1", port=1, access="read_only")
    System.objects.filter(pk=system.pk).update(connection="ok")
    people.make_watch(system, last_at=people.now())
    for kind in ("disk", "http", "memory"):
        people.make_check(system, kind=kind, subject="")
    return system


@pytest.fixture
def channel():
    return channels.add(name="duty", address="duty@example.org", actor=people.TESTER, now=people.now())


def run(now) -> None:
    """As the tasks do it."""
    drills.advance(now=now)
    alerts.announce(now=now)
    sending.send_due(now=now)
    drills.advance(now=now)


def outcomes(drill) -> dict[str, str]:
    return dict(drill.proofs.values_list("kind", "outcome"))


def test_one_message_proves_every_rule_and_nothing_of_it_is_red_for_others(system, channel):
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    with pytest.raises(PortalError, match="under way"):
        drills.begin(system=system, actor=people.TESTER, now=people.now())
    run(people.now())
    assert outcomes(drill) == {"disk": "proven", "http": "proven", "memory": "proven"}
    (message,) = mail.outbox
    assert message.subject == "[Drill] Sample · web-1: 3 alerts"
    assert {"up"} == {line.level for line in queries.checks_of(system, now=people.now())}
    assert queries.open_alerts(people.TESTER) == []
    assert not Alert.objects.filter(incident__isnull=False).exists()
    drill.refresh_from_db()
    assert (drill.finished_at is not None, drill.trouble) == (True, "")
    assert not Check.objects.filter(drill=True, ended_at=None).exists()
    assert not Alert.objects.exclude(state="closed").exists()
    assert all(line.works for line in queries.rules_of(system, now=people.now()))
    assert not any(line.works for line in queries.rules_of(system, now=people.now() + timedelta(days=46))), "proven too long ago"
    (line,) = queries.drills(people.TESTER, now=people.now())
    assert (line.works, line.rules) == (3, 3)


def test_a_muted_rule_is_found(system, channel):
    check = system.checks.get(kind="http")
    check.muted_until, check.muted_why, check.muted_by = people.now() + timedelta(days=2), "too loud", "somebody"
    check.save()
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    run(people.now() + drills.LASTS / 2)
    run(people.now() + drills.LASTS)
    assert outcomes(drill) == {"disk": "proven", "http": "failed", "memory": "proven"}
    assert "muted until" in drill.proofs.get(kind="http").words
    assert "too loud" in drill.proofs.get(kind="http").words
    line = next(line for line in queries.rules_of(system, now=people.now()) if line.kind == "http")
    assert (line.works, line.proven) == (False, None)


def test_planned_work_and_a_missing_channel_are_found(system):
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    run(people.now())
    run(people.now() + drills.LASTS)
    assert set(outcomes(drill).values()) == {"failed"}
    assert "there is no channel" in drill.proofs.first().words


def test_planned_work_mutes_a_drill_as_it_mutes_everything(system, channel):
    at = people.now()
    PlannedWork.objects.create(
        client=system.client, system=system, starts_at=at, ends_at=at + timedelta(days=1), reason="moving", actor_label="x"
    )
    drill = drills.begin(system=system, actor=people.TESTER, now=at)
    run(at + timedelta(seconds=1))
    run(at + drills.LASTS)
    assert "planned work until" in drill.proofs.first().words


def test_a_channel_that_refuses_is_found_though_another_one_works(system, channel, settings):
    """The webhook's address is one that nobody listens at."""
    import ipaddress

    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    channels.add(name="hook", kind="webhook", address="http://127.0.0.1:1/", actor=people.TESTER, now=people.now())
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    run(people.now())
    drill.refresh_from_db()
    assert set(outcomes(drill).values()) == {"proven"}
    assert drill.trouble == "hook: No answer: ConnectError"


def test_a_channel_with_a_wrong_password_is_found(system, channel, settings):
    """A real mail server that wants TLS and a sign-in that it refuses."""
    with MailServer(None, offers=("AUTH PLAIN",)).running() as server:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
            "django.core.mail.backends.smtp.EmailBackend",
            "127.0.0.1",
            server.port,
        )
        settings.EMAIL_USE_TLS, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = False, "portal", "wrong"
        server.plain_auth = True
        drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
        run(people.now())
        run(people.now() + drills.LASTS)
    assert set(outcomes(drill).values()) == {"failed"}
    assert "duty did not take the message: SMTPAuthenticationError" in drill.proofs.first().words


def test_a_message_that_is_taken_and_does_not_arrive_is_no_proof(system, channel, settings):
    with MailServer(None, protocol="imap", offers=()).running() as server:
        settings.DRILL_MAILBOX = {
            "address": "duty@example.org",
            "host": "127.0.0.1",
            "port": str(server.port),
            "user": "duty",
            "tls": "false",
        }
        settings.DRILL_MAILBOX_PASSWORD = "secret"
        drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
        run(people.now())
        assert set(outcomes(drill).values()) == {"waiting"}, "sent, and not seen at the far end"
        server.mailbox.add(mail.outbox[0].extra_headers[sending.HEADER])
        drills.advance(now=people.now())
        assert set(outcomes(drill).values()) == {"proven"}
        assert drill.proofs.first().words == "Over duty, read back there."
        Drill.objects.update(finished_at=people.now())
        server.password = "another"
        second = drills.begin(system=system, actor=people.TESTER, now=people.now())
        run(people.now())
        run(people.now() + drills.LASTS)
        second.refresh_from_db()
    assert set(outcomes(second).values()) == {"failed"}
    assert "did not arrive at the far end" in second.proofs.first().words
    assert "not found at the far end" in second.trouble


def test_a_heartbeat_is_withheld_for_real(system, channel):
    heartbeats.add(system=system, name="nightly", period_s=3600, grace_s=600, actor=people.TESTER, now=people.now())
    Check.objects.exclude(kind="heartbeat").delete()
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    run(people.now())
    assert outcomes(drill) == {"heartbeat": "waiting"}
    late = people.now() + timedelta(seconds=drills.HEARTBEAT_S + 1)
    assert heartbeats.judge_due(now=late) == 1
    run(late)
    assert outcomes(drill) == {"heartbeat": "proven"}
    drills.advance(now=late + timedelta(seconds=5))
    assert [one.name for one in system.heartbeats.filter(ended_at=None)] == ["nightly"]
    assert Check.objects.get(kind="heartbeat", subject="nightly").level == "unknown", "the real one is as it was"


def test_a_host_that_can_not_be_reached_is_no_proof(sample_client, channel):
    system = people.make_system(sample_client, name="gone", address="127.0.0.1", port=1)
    people.make_watch(system)
    people.make_check(system, kind="units", subject="")
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    drills.advance(now=people.now())
    proof = drill.proofs.get()
    assert (proof.outcome, proof.words.startswith("The condition could not be made")) == ("failed", True)


def test_nobody_looks_and_the_drill_says_so(sample_client, channel):
    """As if the condition had been made and the worker that looks were dead."""
    system = people.make_system(sample_client, name="dark")
    people.make_watch(system, last_at=people.now() - timedelta(hours=1))
    people.make_check(system, kind="units", subject="")
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    Proof.objects.update(made_at=people.now())
    drills._follow(drill, now=drill.until)
    assert "is the worker that looks running" in drill.proofs.get().words


def test_the_schedule_drills_each_system_once_a_month_in_working_hours(system, channel):
    noon = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    assert drills.begin_due(now=noon.replace(hour=20)) == 0
    assert drills.begin_due(now=noon + timedelta(days=3)) == 0, "a Saturday"
    assert (drills.begin_due(now=noon), drills.begin_due(now=noon)) == (1, 0)
    Drill.objects.update(finished_at=noon)
    assert drills.begin_due(now=noon + timedelta(days=20)) == 0
    assert drills.begin_due(now=noon + timedelta(days=33)) == 1


def test_a_worker_that_died_in_a_drill_holds_it_for_minutes_only(system, channel):
    drills.begin(system=system, actor=people.TESTER, now=people.now())
    assert len(drills._claim(people.now())) == 1
    assert drills.advance(now=people.now()) == 0
    assert drills.advance(now=people.now() + drills.HELD) == 1


def test_the_database_calls_nothing_proven_that_did_not_arrive(system):
    drill = people.make_drill(system)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Proof.objects.create(client=system.client, drill=drill, kind="disk", real=True, outcome="proven", made_at=people.now())
    assert constraint_name(error.value) == "proven_is_what_arrived"
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        people.make_drill(system)
    assert constraint_name(error.value) == "one_drill_at_a_time"


def test_a_check_that_ended_is_no_rule_any_more(system, channel):
    checks.end(check=system.checks.get(kind="http"), reason="gone", actor=people.TESTER, now=people.now())
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    assert set(outcomes(drill)) == {"disk", "memory"}
    assert Watch.objects.count() == 1
