"""Feeds fetched from a real HTTP server on loopback, over the portal's own guarded client."""

import functools
import http.server
import ipaddress
import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from maintenance.models import Advisory, AdvisoryFeed
from maintenance.services import fetching
from maintenance.tasks import import_feeds
from portal import env
from tests import people
from tests.maintenance import feeds as made

pytestmark = pytest.mark.django_db


class Publisher(http.server.BaseHTTPRequestHandler):
    """Says what `served` holds; counts what it was asked."""

    def __init__(self, *args, served, **kwargs):
        self.served = served
        super().__init__(*args, **kwargs)

    def do_GET(self):
        self.served["asked"].append(self.headers.get("If-None-Match", ""))
        body, etag = self.served["body"], f'"{hash(self.served["body"])}"'
        status = self.served.get("status", 200)
        if self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body) + self.served.get("cut", 0)))
        if self.served.get("to"):
            self.send_header("Location", self.served["to"])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):  # noqa: A002  # the base class's name
        """Silence."""


@pytest.fixture
def published(settings, tmp_path):
    served = {"body": made.tracker(), "asked": []}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Publisher, served=served))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.ADVISORY_FOLDER = str(tmp_path / "feeds")
    settings.ADVISORY_SOURCES = {"debian.json": f"http://127.0.0.1:{server.server_port}/data/json"}
    settings.ADVISORY_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def later(hours=7):
    return people.now() + timedelta(hours=hours)


def test_it_is_fetched_and_imported_and_asked_again_only_for_what_changed(published, tmp_path):
    import_feeds()
    assert Advisory.objects.filter(source="openssl").exists()
    import_feeds()  # not due: nobody is asked
    assert len(published["asked"]) == 1
    assert fetching.fetch_due(now=later()) == 0  # asked, unchanged
    assert published["asked"][1] != ""
    published["body"] = made.tracker(fixed="1.2")
    assert fetching.fetch_due(now=later(14)) == 1
    assert [path.name for path in (tmp_path / "feeds").iterdir()] == ["debian.json"]
    # the file went away: what it was compared with is gone, so it is fetched whole
    (tmp_path / "feeds" / "debian.json").unlink()
    assert fetching.fetch_due(now=later(21)) == 1
    assert published["asked"][-1] == ""


@pytest.mark.parametrize(
    ("how", "said"),
    [({"status": 503}, "status 503"), ({"cut": 1000}, "RemoteProtocolError"), ({"status": 302, "to": "http://10.1.2.3/"}, "not a public address"),
     ({"status": 302, "to": "file:///etc/passwd"}, "UnsupportedProtocol")],
)  # fmt: skip
def test_what_could_not_be_fetched_is_said_and_the_last_good_one_stays(published, tmp_path, operator_page, how, said):
    import_feeds()
    before = list(Advisory.objects.order_by("pk").values())
    published.update(how, body=made.tracker(fixed="6.6.6"))
    assert fetching.fetch_due(now=later()) == 0
    import_feeds()
    assert said in AdvisoryFeed.objects.get().fetch_trouble
    assert list(Advisory.objects.order_by("pk").values()) == before
    assert [path.name for path in (tmp_path / "feeds").iterdir()] == ["debian.json"]
    for address in ("/triage/", "/"):
        assert "could not be fetched" in operator_page.get(address).content.decode()
    for name in how:
        published.pop(name)
    fetching.fetch_due(now=later(14))
    assert AdvisoryFeed.objects.get().fetch_trouble == ""


def test_a_private_address_is_not_asked_unless_it_is_allowed_and_an_endless_answer_ends(published, settings, monkeypatch):
    settings.ADVISORY_NETWORKS = []
    fetching.fetch_due(now=people.now())
    assert "not a public address" in AdvisoryFeed.objects.get().fetch_trouble
    assert published["asked"] == []
    settings.ADVISORY_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    monkeypatch.setattr(fetching, "LONGEST", 100)
    fetching.fetch_due(now=later())
    assert "longer than 100 bytes" in AdvisoryFeed.objects.get().fetch_trouble


def test_a_name_that_says_nothing_is_not_fetched(published, settings):
    settings.ADVISORY_SOURCES = {"what.json": settings.ADVISORY_SOURCES["debian.json"], "../kev.json": "http://127.0.0.1/"}
    assert fetching.fetch_due(now=people.now()) == 0
    assert published["asked"] == []


def test_settings_refuse_what_they_do_not_understand(monkeypatch):
    monkeypatch.setenv("X", "debian.json=https://a.example/x kev.json=https://b.example/?y=z")
    assert env.pairs("X") == {"debian.json": "https://a.example/x", "kev.json": "https://b.example/?y=z"}
    monkeypatch.setenv("X", "https://a.example/")
    with pytest.raises(ImproperlyConfigured, match="not key=value"):
        env.pairs("X")
    monkeypatch.setenv("X", "10.0.0.1/8")
    with pytest.raises(ImproperlyConfigured, match="like 10"):
        env.networks("X")
    monkeypatch.delenv("X")
    assert (env.pairs("X"), env.networks("X")) == ({}, [])


def test_clients_read_of_emergencies_on_their_first_page(system, member_page, outsider_page, operator):
    people.make_rollout(system, operator, emergency=True, reason="exploited since this morning")
    text = member_page.get("/").content.decode()
    assert "exploited since this morning" in text
    assert operator.email in text
    assert "exploited since this morning" not in outsider_page.get("/").content.decode()
