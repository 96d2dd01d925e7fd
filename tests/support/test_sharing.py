"""Share links, against a server that speaks as Nextcloud's documents say (no Nextcloud can be had here)."""

import base64
import http.server
import json
import threading
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from clients.models import AllowedRange, ServiceCheck
from clients.support.services import guided
from portal.errors import PortalError
from portal.vault import services as vault
from tests import people

pytestmark = pytest.mark.django_db


class _Cloud(http.server.BaseHTTPRequestHandler):
    heard: list[dict[str, str]] = []  # noqa: RUF012  # of the class, for the tests
    answer, opens = (200, ""), 200

    def do_POST(self):
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        self.heard.append(
            form | {"auth": self.headers["Authorization"], "ocs": self.headers["OCS-APIRequest"], "path_asked": self.path}
        )
        code, message = self.answer
        data = {"url": f"http://127.0.0.1:{self.server.server_address[1]}/s/abc"} if code == 200 else []
        self._say(200, json.dumps({"ocs": {"meta": {"statuscode": code, "message": message}, "data": data}}))

    def do_GET(self):
        self._say(self.opens, "a page")

    def _say(self, status: int, text: str):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words):
        pass


@pytest.fixture
def cloud(sample_client):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Cloud)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Cloud.heard, _Cloud.answer, _Cloud.opens = [], (200, ""), 200
    system = people.make_system(sample_client, name="cloud", environment="production", roles=["files"])
    ServiceCheck.objects.create(client=sample_client, system=system, url=f"http://127.0.0.1:{server.server_address[1]}/")
    AllowedRange.objects.create(client=sample_client, network="127.0.0.0/8", reason="test", actor_label="x")
    yield system
    server.shutdown()
    server.server_close()


@pytest.fixture
def share(cloud, ask, sample_client):
    login = vault.store(
        client_id=sample_client.pk,
        kind="password",
        label="app password",
        secret=b"app secret",
        username="anna",
        actor=people.TESTER,
        now=people.now(),
    )

    def one(path="/Prices/2026.pdf", **values):
        ticket = ask(form="sharing")
        return guided.ask_for_share(
            ticket=ticket, system=cloud, login=login, path=path, actor=people.actor(people.make_operator()), now=people.now(), **values
        )

    return one


def test_a_link_is_made_once_with_password_and_end_and_opened_before_it_is_done(share):
    action = share()
    assert (guided.act_on_due(now=people.now()), guided.act_on_due(now=people.now())) == (1, 0)
    action.refresh_from_db()
    assert (action.state, action.url.endswith("/s/abc")) == ("done", True), action.words
    (form,) = _Cloud.heard
    password = vault.open_for_use(action.credential).decode()
    assert (form["path"], form["shareType"], form["permissions"], form["password"]) == ("/Prices/2026.pdf", "3", "1", password)
    assert form["expireDate"] == (people.now() + timedelta(days=14)).date().isoformat()
    assert (form["ocs"], base64.b64decode(form["auth"].split()[1])) == ("true", b"anna:app secret")
    told = action.ticket.messages.get(kind="diagnosis").body
    assert action.url in told
    assert password not in told


def test_what_nextcloud_refuses_is_failed_and_what_can_not_be_opened_is_unknown(share):
    _Cloud.answer = (404, "Wrong path, file/folder does not exist")
    refused = share()
    guided.act_on_due(now=people.now())
    refused.refresh_from_db()
    assert (refused.state, "does not exist" in refused.words) == ("failed", True)
    _Cloud.answer, _Cloud.opens = (200, ""), 503
    unknown = share("/other.pdf")
    guided.act_on_due(now=people.now())
    unknown.refresh_from_db()
    assert unknown.state == "unknown"


def test_what_does_not_fit_is_refused(share, cloud):
    with pytest.raises(PortalError):
        share("no path")
    share("/a")
    with pytest.raises(PortalError, match="on its way"):
        share("/a")
    type(cloud).objects.filter(pk=cloud.pk).update(access="read_only")
    cloud.refresh_from_db()
    with pytest.raises(PortalError, match="only looks"):
        share("/b")


def test_the_page_offers_logins_of_the_vault(share, operator_page, sample_client, cloud):
    action = share()
    page = operator_page.get(f"/tickets/{action.ticket_id}/").content.decode()
    assert "app password (anna)" in page
    address = f"/tickets/{action.ticket_id}/share/"
    values = {"system": cloud.pk, "login": action.login_id, "path": "/x.pdf"}
    assert operator_page.post(address, values).status_code == 303
    assert operator_page.post(address, values | {"login": action.credential_id}).status_code == 422, "not what was made for a link"
