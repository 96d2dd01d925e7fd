"""Who watches the watcher: against the tests' own database and broker, a real mail server, a real address outside."""

import http.server
import os
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from django.core.cache import cache

from monitoring import queries
from monitoring.choices import DeliveryState
from monitoring.models import Blindness, Watch
from monitoring.services import channels, watcher
from tests import people
from tests.lab.machine import wait_for
from tests.security.smtp import SmallSmtp

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def var(settings, tmp_path):
    settings.VAR = tmp_path
    return tmp_path


@pytest.fixture
def watch(system):
    return people.make_watch(system, last_at=people.now(), due_at=people.now())


@pytest.fixture
def outside():
    calls = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            calls.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/beat", calls
    server.shutdown()
    server.server_close()


def test_while_all_is_well_somebody_outside_is_called_and_nobody_is_written_to(var, watch, outside, settings):
    settings.WATCHER_URL, calls = outside
    state = watcher.step(watcher.load(), now=people.now())
    assert (state.problems, calls) == ([], ["/beat"])
    watcher.step(state, now=people.now())
    assert len(calls) == 1, "once a minute"
    watcher.step(state, now=people.now() + timedelta(seconds=61))
    assert len(calls) == 2
    assert queries.watcher_state()["problems"] == []


def test_nobody_looks_and_a_mail_goes_past_the_queue_once(var, watch, outside, settings):
    settings.WATCHER_URL, calls = outside
    with SmallSmtp() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS, settings.WATCHER_MAIL = (
            "127.0.0.1",
            server.port,
            False,
            "boss@example.org",
        )
        state, later = watcher.load(), people.now() + timedelta(minutes=4)
        for number in range(5):
            state = watcher.step(state, now=later + timedelta(seconds=20 * number))
            assert ("Nobody looks" in server.heard) == (number >= 2), "a restart is no problem yet"
        assert server.heard.count("To: boss@example.org") == 1
        assert calls == []
        Watch.objects.update(due_at=later + timedelta(minutes=2), last_at=later + timedelta(minutes=2))
        watcher.step(state, now=later + timedelta(minutes=2))
        assert "well again" in server.heard
        assert len(calls) == 1


def test_a_worker_paused_for_ten_minutes_is_a_gap_that_pages_show(var, watch, operator_page):
    at = people.now() - timedelta(minutes=20)
    Watch.objects.update(last_at=at, due_at=at)
    state = watcher.step(watcher.load(), now=at)
    state = watcher.step(state, now=at + timedelta(minutes=5))
    Watch.objects.update(last_at=at + timedelta(minutes=10), due_at=at + timedelta(minutes=11))
    for _ in range(2):
        state = watcher.step(state, now=at + timedelta(minutes=10))
    blind = Blindness.objects.get()
    assert (blind.began_at, blind.ended_at) == (at, at + timedelta(minutes=10))
    assert "Nobody looks" in blind.reason
    assert "Nobody looked from" in operator_page.get("/wall/").content.decode()


def test_a_portal_that_was_off_knows_it_when_it_is_on_again(var, watch):
    at = people.now() - timedelta(hours=3)
    Watch.objects.update(last_at=at)
    watcher.step(watcher.load(), now=at)
    Watch.objects.update(last_at=people.now(), due_at=people.now())
    watcher.step(watcher.load(), now=people.now())
    assert Blindness.objects.get().reason == "The portal was not running."


def test_messages_that_nobody_sends_and_queues_that_nobody_works_off(var, watch, system, settings):
    channel = channels.add(name="duty", address="duty@example.org", actor=people.TESTER, now=people.now())
    alert = people.make_alert(people.make_check(system))
    old = people.now() - timedelta(minutes=11)
    alert.deliveries.create(
        client_id=alert.client_id, channel=channel, event="opened", state=DeliveryState.WAITING, due_at=old, created_at=old
    )
    broker = redis.Redis.from_url(settings.REDIS_URL.replace("redis+socket://", "unix://", 1))
    try:
        broker.rpush("looks", *["x"] * (watcher.LONGEST_QUEUE + 1))
        problems = watcher.step(watcher.load(), now=people.now()).problems
    finally:
        broker.delete("looks")
        broker.close()
    assert any("1 messages wait" in one for one in problems)
    assert any("queue “looks”" in one for one in problems)


def test_a_broker_that_is_away_is_said_and_survived(var, watch, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1"
    problems = watcher.step(watcher.load(), now=people.now()).problems
    assert problems == ["The broker does not answer: ConnectionError."]


def test_systemd_is_told(var, watch, monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        watcher.step(watcher.load(), now=people.now())
        assert link.recv(100) == b"WATCHDOG=1"


def test_a_file_that_can_not_be_read_is_a_fresh_start(var):
    watcher.state_file().write_text("{")
    assert watcher.load() == watcher.State()


def test_the_process_runs_without_a_database_and_stops_when_told(var, watch):
    """As a process of its own, with a database that nobody runs."""
    environment = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "PORTAL_VAR": str(var)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch"], cwd=Path(__file__).parents[2], env=environment, stderr=subprocess.PIPE
    )
    try:
        wait_for("its state", (var / "watcher.json").exists, seconds=60)
        assert "The database does not answer" in (var / "watcher.json").read_text()
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0
        process.stderr.close()
    assert datetime.now(UTC).timestamp() - watcher.load().alive_at < 120


def test_the_wall_says_when_nobody_watches_the_portal(var, watch, operator_page, member_page):
    cache.delete(watcher.CACHE_KEY)
    assert "Nobody watches the portal itself" in operator_page.get("/wall/").content.decode()
    assert "Nobody watches the portal itself" not in member_page.get("/wall/").content.decode()
    watcher.step(watcher.load(), now=people.now())
    assert "Nobody watches the portal itself" not in operator_page.get("/wall/").content.decode()
