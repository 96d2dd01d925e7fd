"""Looks become checks, results and alerts; what is not looked at is unknown; alerts are told, muted, acknowledged."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from monitoring import queries
from monitoring.choices import Kind, Level
from monitoring.models import Alert, Channel, Check, Delivery, PlannedWork, Result, Watch
from monitoring.services import alerts, channels, checks, overdue, planned_work, sending
from monitoring.services.recording import record
from monitoring.services.rules import Observation
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError, constraint_name
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def watch(system):
    return people.make_watch(system)


@pytest.fixture
def channel():
    return channels.add(name="duty", address="duty@example.org", actor=people.TESTER, now=people.now())


def said(watch, *levels: str, kind=Kind.DISK, subject="/", start=None, words="as it is"):
    """Looks a minute apart, which say this of one thing; the system is reached in each."""
    start = start or people.now()
    for number, level in enumerate(levels):
        reach = Observation(Kind.REACH, "", Level.UP, 0.1, "Answered.")
        one = Observation(kind, subject, Level(level), 50.0, words)
        record([people.look(watch, start + timedelta(minutes=number), [reach, one] if kind != Kind.REACH else [one])])
    return Check.objects.get(system=watch.system_id, kind=kind, subject=subject)


def refused(change) -> str:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        change()
    return constraint_name(error.value)


def test_each_look_is_kept_as_a_result_and_the_state_is_confirmed(watch):
    check = said(watch, "up", "up", "warning")
    assert (check.level, check.last_level, check.times, check.value) == ("up", "warning", 1, 50.0)
    assert list(Result.objects.filter(check_row=check).order_by("at").values_list("rank", flat=True)) == [0, 0, 1]
    assert check.stale_at - check.last_at == timedelta(seconds=130)
    assert Alert.objects.count() == 0
    check = said(watch, "warning", "warning", start=people.now() + timedelta(minutes=5))
    assert check.level == "warning"
    assert Alert.objects.get().level == "warning"


def test_a_look_that_is_told_twice_or_late_changes_nothing(watch):
    start = people.now()
    look = people.look(watch, start, [Observation(Kind.DISK, "/", Level.CRITICAL, 99.0, "full")])
    for at in (look, look, people.look(watch, start - timedelta(minutes=1), look.observations)):
        record([at])
    check = Check.objects.get()
    assert (check.times, check.level, check.last_at) == (1, "unknown", start)
    assert Result.objects.count() == 1


def test_one_alert_until_it_is_in_order_again_and_the_worst_is_kept(watch):
    said(watch, "up", "up", "warning", "warning", "critical", "critical")
    alert = Alert.objects.get()
    assert (alert.level, alert.state) == ("critical", "open")
    said(watch, "warning", "warning", "up", start=people.now() + timedelta(minutes=10))
    alert.refresh_from_db()
    assert (alert.level, alert.state) == ("critical", "open"), "one up is not believed yet"
    said(watch, "up", start=people.now() + timedelta(minutes=20))
    alert.refresh_from_db()
    assert alert.state == "closed"
    said(watch, "critical", "critical", start=people.now() + timedelta(minutes=30))
    assert Alert.objects.filter(state="open").count() == 1
    assert Alert.objects.count() == 2


def test_an_alert_of_what_flaps_stays_open(watch):
    said(watch, *["up", "up", *["critical", "critical", "up", "up"] * 4])
    assert [alert.state for alert in Alert.objects.order_by("pk")][-1] == "open"
    said(watch, "up", start=people.now() + timedelta(minutes=120))
    assert not Alert.objects.filter(state="open").exists()


def test_what_is_not_looked_at_in_time_is_unknown_and_told(watch, channel):
    check = said(watch, "up", "up", "up")
    later = check.stale_at
    assert overdue.mark(now=later - timedelta(seconds=1)) == 0
    # the pages do not wait for it
    assert queries.line_of(check, now=later).level == Level.UNKNOWN
    assert {tile.level for tile in queries.wall(people.TESTER, now=later).tiles} == {Level.UNKNOWN}
    assert overdue.mark(now=later) == 2
    assert overdue.mark(now=later) == 0
    check.refresh_from_db()
    assert (check.level, check.value, check.words) == ("unknown", None, "Not looked at in time.")
    # the disk is unknown because the system was not looked at: one message says so
    assert [alert.check_row.kind for alert in Alert.objects.all()] == ["reach"]
    assert Result.objects.filter(check_row=check).order_by("-at").first().rank == 2
    said(watch, "up", "up", start=later + timedelta(minutes=5))
    assert not Alert.objects.exclude(state="closed").exists()


def test_a_thing_that_vanished_from_a_system_that_answers_is_told(watch):
    said(watch, "up", "up", subject="/data")
    last = people.now() + timedelta(minutes=30)
    said(watch, "up", "up", subject="/", start=last)
    overdue.mark(now=last + timedelta(minutes=1, seconds=30))
    assert [str(alert.check_row) for alert in Alert.objects.all()] == ["Disk /data"]


def test_a_system_that_is_not_reached_is_one_alert(watch):
    start = people.now()
    said(watch, "up", "up", start=start)
    down = [Observation(Kind.REACH, "", Level.CRITICAL, None, "No route to host.")]
    for minutes in (2, 3, 4, 5):
        record([people.look(watch, start + timedelta(minutes=minutes), down)])
    overdue.mark(now=start + timedelta(minutes=5))
    assert [(alert.check_row.kind, alert.words) for alert in Alert.objects.all()] == [("reach", "No route to host.")]
    tile = queries.wall(people.TESTER, now=start + timedelta(minutes=5)).tiles[0]
    assert (tile.level, tile.words) == (Level.CRITICAL, "Reached over SSH: No route to host.")


def test_a_check_that_was_ended_says_nothing(watch):
    check = said(watch, "up", "up")
    Check.objects.filter(pk=check.pk).update(ended_at=people.now(), ended_why="was a test")
    said(watch, "critical", "critical", "critical", start=people.now() + timedelta(minutes=5))
    overdue.mark(now=people.now() + timedelta(hours=5))
    assert [alert.check_row.kind for alert in Alert.objects.all()] == ["reach"]


def test_a_message_goes_out_once_and_again_when_it_closes(watch, channel):
    said(watch, "critical", "critical", words="96 % used.")
    now = people.now()
    assert (alerts.announce(now=now), alerts.announce(now=now)) == (1, 0)
    assert (sending.send_due(now=now), sending.send_due(now=now)) == (1, 0)
    (message,) = mail.outbox
    assert message.to == ["duty@example.org"]
    assert message.subject == "[Critical] Sample · web-1: Disk /"
    assert "96 % used." in message.body
    said(watch, "up", "up", start=now + timedelta(minutes=10))
    alerts.announce(now=now)
    sending.send_due(now=now)
    assert mail.outbox[1].subject == "[In order again] Sample · web-1: Disk /"
    assert alerts.announce(now=now) == 0


def test_what_closed_before_anybody_was_told_is_not_told(watch):
    said(watch, "critical", "critical", "up", "up")
    channels.add(name="late", address="late@example.org", actor=people.TESTER, now=people.now())
    assert alerts.announce(now=people.now()) == 0


def test_without_a_channel_it_stays_untold_and_the_page_says_so(watch, operator_page):
    said(watch, "critical", "critical")
    alerts.announce(now=people.now())
    assert Alert.objects.get().announced_at is None
    assert "Nobody is told" in operator_page.get("/alerts/").content.decode()


def test_a_muted_check_is_told_once_the_mute_ends(watch, channel):
    said(watch, "critical", "critical")
    alert, now = Alert.objects.get(), people.now()
    alerts.mute(alert=alert, hours=2, reason="the disk is being moved", actor=people.TESTER, now=now)
    assert alerts.announce(now=now + timedelta(minutes=119)) == 0
    assert alerts.announce(now=now + timedelta(minutes=121)) == 1
    for hours, reason, words in ((0, "x", "without an end"), (169, "x", "without an end"), (2, " ", "Say why")):
        with pytest.raises(PortalError, match=words):
            alerts.mute(alert=alert, hours=hours, reason=reason, actor=people.TESTER, now=now)
    assert refused(lambda: Check.objects.filter(pk=alert.check_row_id).update(muted_until=None)) == "a_mute_has_an_end_and_a_reason"
    assert AuditEvent.objects.filter(action="check.mute").count() == 1


def test_a_channel_that_fails_is_tried_again_and_then_the_next_one_is_told(watch, settings):
    """The mail server is one that nobody listens at: a real connection that is refused."""
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1", 1
    second = channels.add(name="second", address="b@example.org", first=False, actor=people.TESTER, now=people.now())
    channels.add(name="first", address="a@example.org", next_channel=second, actor=people.TESTER, now=people.now())
    said(watch, "critical", "critical")
    now = people.now()
    alerts.announce(now=now)
    for minutes in (0, 1, 3):
        assert sending.send_due(now=now + timedelta(minutes=minutes)) == 0
    first = Delivery.objects.get(channel__name="first")
    assert (first.state, first.tries) == ("waiting", 3)
    assert "ConnectionRefusedError" in first.trouble
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert sending.send_due(now=now + timedelta(minutes=3)) == 1, "the next channel, the first is not due yet"
    assert mail.outbox[-1].to == ["b@example.org"]
    line = next(line for line in queries.channel_lines() if line.channel.name == "first")
    assert (line.arrived, line.stuck) == (None, first)
    assert sending.send_due(now=now + timedelta(minutes=30)) == 1


def test_without_a_mail_server_nobody_was_told_and_it_says_so(watch, channel, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    said(watch, "critical", "critical")
    alerts.announce(now=people.now())
    assert sending.send_due(now=people.now()) == 0
    assert "No mail server" in Delivery.objects.get().trouble


def test_a_message_that_a_dead_worker_took_is_taken_up(watch, channel):
    said(watch, "critical", "critical")
    now = people.now()
    alerts.announce(now=now)
    assert len(sending._claim(now)) == 1
    assert sending.send_due(now=now) == 0
    assert sending.send_due(now=now + timedelta(seconds=21)) == 1


def test_somebody_is_on_it_once(watch, operator):
    said(watch, "critical", "critical")
    alert = Alert.objects.get()
    alerts.acknowledge(alert=alert, actor=people.actor(operator), now=people.now())
    with pytest.raises(PortalError, match="somebody is on it"):
        alerts.acknowledge(alert=alert, actor=people.TESTER, now=people.now())
    with pytest.raises(NotAllowed):
        alerts.acknowledge(alert=alert, actor=people.actor(people.make_member(watch.client)), now=people.now())
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", people.actor(operator).label)


def test_what_must_not_be_is_refused_by_the_database(watch, channel, system):
    check = said(watch, "critical", "critical")
    alert, other = Alert.objects.get(), people.make_client("Other")
    rows = Check.objects.filter(pk=check.pk)
    assert refused(lambda: people.make_alert(check)) == "one_open_alert_per_check"
    assert refused(lambda: people.make_check(system)) == "one_check_of_a_thing"
    assert refused(lambda: rows.update(level="fine")) == "check_level_known"
    assert refused(lambda: rows.update(level="up", last_at=None)) == "nothing_is_known_without_a_look"
    assert refused(lambda: rows.update(ended_at=people.now())) == "an_ended_check_has_a_reason"
    bare = people.make_check(system, subject="/bare")
    assert refused(lambda: Check.objects.filter(pk=bare.pk).update(client=other)) == "monitoring_check_system_id_same_client"
    assert refused(lambda: Result.objects.update(client=other)) == "monitoring_result_check_id_same_client"
    assert refused(lambda: Alert.objects.filter(pk=alert.pk).update(level="up")) == "an_alert_is_not_fine"
    assert refused(lambda: Alert.objects.filter(pk=alert.pk).update(state="closed")) == "alert_closed_iff_closed"
    assert refused(lambda: Alert.objects.filter(pk=alert.pk).update(state="acknowledged")) == "who_is_on_it_has_a_name"
    assert refused(lambda: Alert.objects.filter(pk=alert.pk).update(client=other)).startswith("monitoring_alert_")
    assert refused(lambda: Watch.objects.update(interval_s=1)) == "a_watch_has_an_interval"
    assert refused(lambda: Channel.objects.filter(pk=channel.pk).update(next_channel=channel.pk)) == "a_channel_is_not_its_own_next"
    assert refused(lambda: Result.objects.update(rank=9)) == "result_rank_known"


def test_results_are_made_room_for_and_dropped_by_the_day(watch):
    said(watch, "up", "up")

    def days() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE inhparent = 'monitoring_result'::regclass"
            )
            return {row[0] for row in cursor.fetchall()}

    def make(day, ahead, keep):
        with connection.cursor() as cursor:
            cursor.execute("SELECT retainer_result_partitions(%s, %s, %s)", [day, ahead, keep])

    today = people.now().date()
    for _ in range(2):
        make(today + timedelta(days=20), 3, 30)
    assert f"monitoring_result_{today + timedelta(days=23):%Y%m%d}" in days()
    make(today + timedelta(days=40), 3, 30)
    assert f"monitoring_result_{today:%Y%m%d}" not in days()
    assert Result.objects.count() == 0
    with pytest.raises(IntegrityError, match="a week at least"), transaction.atomic():
        make(today, 3, 1)


def test_the_wall_is_a_handful_of_queries(watch, django_assert_num_queries):
    for number in range(20):
        system = people.make_system(watch.client, name=f"s{number}", address=f"s{number}.example")
        people.make_watch(system)
        people.make_check(system, "critical" if number == 7 else "up")
    with django_assert_num_queries(4):
        wall = queries.wall(people.TESTER, now=people.now())
    assert (wall.tiles[0].system.name, wall.tiles[0].words) == ("s7", "Disk /: 42 % used.")
    assert wall.counts == {"bad": 1, "unknown": 1, "warn": 0, "ok": 19}


def test_a_system_that_nobody_watches_is_not_fine(system):
    (tile,) = queries.wall(people.TESTER, now=people.now()).tiles
    assert (tile.level, tile.words) == (Level.UNKNOWN, "Not watched: it was never reached.")
    people.make_watch(system)
    (tile,) = queries.wall(people.TESTER, now=people.now()).tiles
    assert (tile.level, tile.words) == (Level.UNKNOWN, "Not looked at yet.")


def test_a_gap_in_time_is_a_gap_in_the_picture(watch):
    start = people.now() - timedelta(hours=2)
    said(watch, *["up"] * 5, start=start)
    check = said(watch, *["up"] * 5, start=start + timedelta(minutes=30))
    rows = queries.pictures(watch.system, since=start - timedelta(hours=1), now=people.now())
    picture = next(picture for line, picture in rows if line.check.pk == check.pk)
    assert [len(points.split()) for points in picture.lines] == [5, 5]
    assert picture.gaps == 1
    assert len(picture.marks) == 2


def test_a_client_sees_their_own_and_no_messages(watch, member_page, outsider_page, channel):
    said(watch, "critical", "critical", words="96 % used.")
    alert = Alert.objects.get()
    alerts.announce(now=people.now())
    page = member_page.get(f"/alerts/{alert.pk}/").content.decode()
    assert "96 % used." in page
    assert "Messages" not in page
    assert "96 % used." in member_page.get("/wall/").content.decode()
    assert outsider_page.get(f"/alerts/{alert.pk}/").status_code == 404
    assert "web-1" not in outsider_page.get("/wall/").content.decode()
    assert outsider_page.get(f"/systems/{watch.system_id}/checks/").status_code == 404


def test_a_channel_is_added_and_removed_on_its_page(operator_page):
    assert operator_page.post("/channels/", {"name": "duty", "address": "not an address"}).status_code == 422
    assert operator_page.post("/channels/", {"name": "duty", "address": "duty@example.org", "first": "on"}).status_code == 303
    again = operator_page.post("/channels/", {"name": "duty", "address": "x@example.org"})
    assert "no other channel has" in again.content.decode()
    channel = Channel.objects.get()
    operator_page.post(f"/channels/{channel.pk}/end/")
    assert "nobody is told of anything" in operator_page.get("/channels/").content.decode()
    assert AuditEvent.objects.filter(action="channel.end").count() == 1


def test_an_alert_is_acknowledged_and_muted_on_its_page(watch, operator_page):
    said(watch, "critical", "critical")
    alert = Alert.objects.get()
    assert operator_page.post(f"/alerts/{alert.pk}/mute/", {"hours": "0", "reason": "x"}).status_code == 422
    assert operator_page.post(f"/alerts/{alert.pk}/mute/", {"hours": "3", "reason": "moving"}).status_code == 303
    assert operator_page.post(f"/alerts/{alert.pk}/acknowledge/").status_code == 303
    page = operator_page.get(f"/alerts/{alert.pk}/").content.decode()
    assert "moving" in page
    assert operator_page.post(f"/alerts/{alert.pk}/acknowledge/").status_code == 422


def unreached(*systems, times: int = 2, start=None):
    """Systems that were reached, and then were not so often."""
    known = {watch.system_id: watch for watch in Watch.objects.filter(system__in=systems)}
    watches = [known.get(system.pk) or people.make_watch(system) for system in systems]
    start = start or people.now()
    for number in range(2):
        up = [Observation(Kind.REACH, "", Level.UP, 0.1, "Answered.")]
        record([people.look(watch, start - timedelta(minutes=2 - number), up) for watch in watches])
    for number in range(times):
        down = [Observation(Kind.REACH, "", Level.CRITICAL, None, "No route to host.")]
        record([people.look(watch, start + timedelta(seconds=number), down) for watch in watches])


def test_five_hundred_systems_behind_one_dead_router_are_one_message_and_one_at_the_end(sample_client, channel):
    systems = [people.make_system(sample_client, name=f"s{number:03}", address=f"s{number}.example") for number in range(500)]
    now = people.now()
    unreached(*systems[:-1], start=now)
    # one that only failed once so far: the message waits for it, a minute at most
    unreached(systems[-1], start=now, times=1)
    at = now + timedelta(seconds=5)
    assert alerts.announce(now=at) == 0
    unreached(systems[-1], start=now + timedelta(minutes=2))
    assert (alerts.announce(now=at + timedelta(seconds=10)), alerts.announce(now=at + timedelta(seconds=20))) == (1, 0)
    sending.send_due(now=at + timedelta(seconds=20))
    (message,) = mail.outbox
    assert message.subject == "[Critical] 500 systems: Reached over SSH"
    assert "one cause" in message.body
    assert "and 470 more" in message.body
    assert Alert.objects.filter(announced_at=None).count() == 0
    # one more joins, without a message of its own
    late = people.make_system(sample_client, name="late", address="late.example")
    unreached(late, start=now)
    assert alerts.announce(now=at + timedelta(minutes=1)) == 0
    watches = {watch.system_id: watch for watch in Watch.objects.all()}
    for number in (10, 11):
        back = [Observation(Kind.REACH, "", Level.UP, 0.1, "Answered.")]
        record([people.look(watch, now + timedelta(minutes=number), back) for pk, watch in watches.items() if pk != late.pk])
    assert alerts.announce(now=now + timedelta(minutes=12)) == 0, "one is still away"
    for number in (13, 14):
        record(
            [people.look(watches[late.pk], now + timedelta(minutes=number), [Observation(Kind.REACH, "", Level.UP, 0.1, "Answered.")])]
        )
    assert alerts.announce(now=now + timedelta(minutes=15)) == 1
    sending.send_due(now=now + timedelta(minutes=15))
    assert mail.outbox[-1].subject == "[In order again] 501 systems: Reached over SSH"


def test_one_system_that_is_not_reached_is_told_at_once_and_others_meanwhile(sample_client, channel):
    unreached(people.make_system(sample_client, name="alone", address="alone.example"))
    assert alerts.announce(now=people.now()) == 1
    # a storm that does not end: after a minute it is told all the same
    start = people.now()
    for number in range(5):
        unreached(people.make_system(sample_client, name=f"s{number}", address=f"s{number}.example"), start=start)
    unreached(people.make_system(sample_client, name="flaky", address="flaky.example"), start=start, times=1)
    watch = people.make_watch(people.make_system(sample_client, name="full", address="full.example"))
    said(watch, "critical", "critical")
    assert alerts.announce(now=start + timedelta(seconds=30)) == 1, "the full disk does not wait"
    Check.objects.filter(system__name="flaky").update(stale_at=start + timedelta(hours=1))
    assert alerts.announce(now=start + timedelta(seconds=90)) == 1


def test_a_first_failure_is_looked_at_again_soon_and_noise_is_not(watch):
    said(watch, "up", "up")
    at = people.now() + timedelta(minutes=10)
    assert record([people.look(watch, at, [Observation(Kind.DISK, "/", Level.CRITICAL, 99.0, "full")])]) == {watch.system_id}
    assert (
        record([people.look(watch, at + timedelta(seconds=15), [Observation(Kind.DISK, "/", Level.CRITICAL, 99.0, "full")])]) == set()
    )
    busy = [Observation(Kind.CPU, "", Level.UP, 3.0, "quiet")]
    for seconds in (30, 45):
        record([people.look(watch, at + timedelta(seconds=seconds), busy)])
    loud = [Observation(Kind.CPU, "", Level.CRITICAL, 99.0, "busy")]
    assert record([people.look(watch, at + timedelta(seconds=60), loud)]) == set()


def test_what_is_behind_a_system_that_is_not_reached_is_told_with_it(system, channel):
    unreached(system)
    watch = Watch.objects.get()
    at = people.now() + timedelta(seconds=30)
    for number in range(2):
        record(
            [
                people.look(
                    watch, at + timedelta(seconds=number), [Observation(Kind.HTTP, "http://x/", Level.CRITICAL, None, "No answer")]
                )
            ]
        )
    assert Alert.objects.count() == 2
    assert alerts.announce(now=at) == 1
    sending.send_due(now=at)
    assert mail.outbox[0].subject == "[Critical] Sample · web-1: Reached over SSH"
    back = [
        Observation(Kind.REACH, "", Level.UP, 0.1, "Answered."),
        Observation(Kind.HTTP, "http://x/", Level.CRITICAL, None, "No answer"),
    ]
    for minutes in (3, 4):
        record([people.look(watch, at + timedelta(minutes=minutes), back)])
    assert alerts.announce(now=at + timedelta(minutes=5)) == 2, "the system is back, its address is not"
    sending.send_due(now=at + timedelta(minutes=5))
    assert {message.subject for message in mail.outbox[1:]} == {
        "[In order again] Sample · web-1: Reached over SSH", "[Critical] Sample · web-1: Address http://x/",
    }  # fmt: skip


def test_during_planned_work_nobody_is_told_and_afterwards_of_what_is_left(watch, channel, system):
    now = people.now()
    planned_work.begin(system=system, until=now + timedelta(hours=2), reason="a new disk", actor=people.TESTER, now=now)
    said(watch, "critical", "critical", start=now)
    assert alerts.announce(now=now + timedelta(minutes=119)) == 0
    assert Alert.objects.get().state == "open", "red it is all the same"
    assert alerts.announce(now=now + timedelta(hours=2)) == 1
    for until, reason, words in (
        (now + timedelta(days=8), "x", "within a week"),
        (now, "x", "within a week"),
        (now + timedelta(hours=1), " ", "Say what"),
    ):
        with pytest.raises(PortalError, match=words):
            planned_work.begin(system=system, until=until, reason=reason, actor=people.TESTER, now=now)
    rows = PlannedWork.objects.all()
    assert refused(lambda: rows.update(ends_at=now + timedelta(days=30))) == "planned_work_ends_within_a_week"
    assert refused(lambda: rows.update(reason="")) == "planned_work_has_a_reason"
    assert refused(lambda: rows.update(client=people.make_client("Other"))) == "monitoring_plannedwork_system_id_same_client"


def test_planned_work_ends_early_and_never_later(watch, channel, system):
    now = people.now()
    planned_work.begin(system=system, until=now + timedelta(hours=2), reason="update run 7", actor=people.TESTER, now=now)
    said(watch, "critical", "critical", start=now)
    done = now + timedelta(minutes=10)
    for moment in (done, done + timedelta(minutes=1)):
        planned_work.end(system=system, reason="update run 7", actor=people.TESTER, now=moment)
    assert PlannedWork.objects.get().ends_at == done + planned_work.SETTLES
    assert alerts.announce(now=done + timedelta(minutes=1)) == 0
    assert alerts.announce(now=done + timedelta(minutes=2)) == 1


def test_work_is_announced_and_ended_on_the_systems_page(watch, operator_page, member_page, system):
    said(watch, "up", "up")
    address = f"/systems/{system.pk}/planned-work/"
    assert operator_page.post(address, {"hours": "0", "reason": "x"}).status_code == 422
    assert operator_page.post(address, {"hours": "2", "reason": "a new disk"}).status_code == 303
    for page in (operator_page, member_page):
        assert "a new disk" in page.get(f"/systems/{system.pk}/checks/").content.decode()
    assert member_page.post(address, {"hours": "2", "reason": "x"}).status_code == 403
    assert operator_page.post(f"{address}end/", {"reason": "a new disk"}).status_code == 303
    assert "<strong>Planned work</strong>" not in operator_page.get(f"/systems/{system.pk}/checks/").content.decode()


def test_a_check_gets_thresholds_of_its_own_on_its_page(watch, operator_page, member_page, outsider_page):
    check = said(watch, "up", "up")
    address = f"/measured/{check.pk}/"
    assert "from 85%" in operator_page.get(address).content.decode()
    wrong = operator_page.post(f"{address}thresholds/", {"warning": "97", "critical": ""})
    assert (wrong.status_code, "has to come first" in wrong.content.decode()) == (422, True)
    assert operator_page.post(f"{address}thresholds/", {"warning": "50", "critical": "60"}).status_code == 303
    check.refresh_from_db()
    assert (check.warning, check.critical) == (50.0, 60.0)
    assert AuditEvent.objects.get(action="check.thresholds").after == {"warning": 50.0, "critical": 60.0}
    assert member_page.get(address).status_code == 200
    assert member_page.post(f"{address}thresholds/", {"warning": "1"}).status_code == 403
    assert outsider_page.get(address).status_code == 404
    reach = Check.objects.get(kind="reach")
    with pytest.raises(PortalError, match="no thresholds"):
        checks.set_thresholds(check=reach, warning=1, critical=2, actor=people.TESTER, now=people.now())
    soon = people.make_check(watch.system, kind="certificate", subject="x:443")
    with pytest.raises(PortalError, match="has to come first"):
        checks.set_thresholds(check=soon, warning=5, critical=7, actor=people.TESTER, now=people.now())


def test_what_is_gone_on_purpose_is_looked_at_no_more_and_again(watch, operator_page):
    check = said(watch, "critical", "critical")
    address = f"/measured/{check.pk}/"
    assert operator_page.post(f"{address}end/", {"reason": " "}).status_code == 422
    assert operator_page.post(f"{address}end/", {"reason": "the disk was taken out"}).status_code == 303
    assert Alert.objects.get().state == "closed"
    assert "the disk was taken out" in operator_page.get(address).content.decode()
    assert "Disk /" not in operator_page.get(f"/systems/{watch.system_id}/checks/").content.decode()
    operator_page.post(f"{address}again/")
    check.refresh_from_db()
    assert (check.ended_at, check.level, queries.line_of(check, now=people.now()).level) == (None, "unknown", Level.UNKNOWN)
    with pytest.raises(PortalError, match="stands on this check"):
        checks.end(check=Check.objects.get(kind="reach"), reason="x", actor=people.TESTER, now=people.now())
