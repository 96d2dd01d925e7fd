"""Single sign-on by OpenID Connect, against a provider on loopback that speaks the protocol (discovery, code, token, userinfo)."""

import base64
import hashlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache

from portal.accounts.models import User
from portal.audit.models import AuditEvent
from tests import people
from tests.pages.test_api import code_of

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider(http.server.ThreadingHTTPServer):
    """Knows one person at a time: whatever `claims` says; hands a code to whom `authorize` is called for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.claims: dict[str, object] = {}
        self.challenge = ""
        self.secrets_seen: list[str] = []
        self.issuer = f"http://127.0.0.1:{self.server_address[1]}"

    def authorize(self, address: str) -> str:
        """What the person's browser does there: agrees, and comes back with a code and the same state."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        self.challenge = asked["code_challenge"]
        return f"{urlsplit(asked['redirect_uri']).path}?code=the-code&state={asked['state']}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        issuer = self.server.issuer
        if self.path == "/.well-known/openid-configuration":
            self._answer({
                "issuer": issuer, "authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo", "jwks_uri": f"{issuer}/jwks",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            })  # fmt: skip
        elif self.path == "/userinfo" and self.headers["Authorization"] == "Bearer the-access-token":
            self._answer(self.server.claims)
        else:
            self._answer({}, status=404)

    def do_POST(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        self.server.secrets_seen.append(base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode())
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        if form["code"] != "the-code" or proof != self.server.challenge:
            self._answer({"error": "invalid_grant"}, status=400)
            return
        now = int(time.time())
        claims = {"iss": self.server.issuer, "aud": "retainer", "iat": now, "exp": now + 60, **self.server.claims}
        token = jwt.encode(claims, KEY, algorithm="RS256", headers={"kid": "1"})
        self._answer({"access_token": "the-access-token", "token_type": "Bearer", "expires_in": 60, "id_token": token})

    def _answer(self, body: object, *, status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def provider(settings) -> Iterator[Provider]:
    """Configured as settings would from OIDC_ISSUER and its companions."""
    cache.clear()
    server = Provider()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    app = {"provider_id": "oidc", "name": "Company sign-in", "client_id": "retainer", "secret": "planted-oidc-secret",
           "settings": {"server_url": server.issuer}}  # fmt: skip
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    yield server
    server.shutdown()
    server.server_close()


def come_back(browser, provider, **claims):
    """Press the button, agree over there, and come back."""
    provider.claims = {"sub": "4711", "email_verified": True} | claims
    there = browser.post("/sso/oidc/")["Location"]
    assert there.startswith(provider.issuer)
    return browser.get(provider.authorize(there))


def test_somebody_we_know_is_let_in_and_keeps_their_password(client, provider, member, system):
    assert "Company sign-in" in client.get("/sign-in/").content.decode()
    assert come_back(client, provider, email=member.email.upper())["Location"] == "/"
    assert system.name in client.get("/").content.decode()
    member.refresh_from_db()
    assert member.check_password(people.PASSWORD)
    assert provider.secrets_seen == ["retainer:planted-oidc-secret"]
    assert set(AuditEvent.objects.filter(user=member).values_list("action", flat=True)) == {"account.sso_connected", "account.sign_in"}


def test_staff_give_their_second_factor_all_the_same(client, provider, operator):
    assert come_back(client, provider, email=operator.email)["Location"].startswith("/sign-in/second-factor/")
    assert client.get("/triage/").status_code == 302
    assert client.post("/sign-in/second-factor/", {"code": code_of(operator)})["Location"] == "/"


def test_it_is_no_fresh_proof(client, provider, owner, sample_client):
    come_back(client, provider, email=owner.email)
    answer = client.post(f"/clients/{sample_client.pk}/people/", {"name": "x", "email": "x@x.example", "role": "member"})
    assert answer["Location"].startswith("/account/prove/")


@pytest.mark.parametrize("claims", [{"email": "nobody@x.example"}, {"email": "", "name": "x"}])
def test_whom_we_do_not_know_gets_no_account(client, provider, member, claims):
    answer = come_back(client, provider, **claims)
    if answer.status_code == 302:
        answer = client.get(answer["Location"])
    assert "invitation" in answer.content.decode()
    assert client.get("/").status_code == 302
    assert User.objects.count() == 1


def test_an_address_that_the_provider_did_not_verify_lets_nobody_in(client, provider, member):
    come_back(client, provider, email=member.email, email_verified=False)
    assert client.get("/").status_code == 302


def test_a_closed_account_stays_closed(client, provider, member):
    come_back(client, provider, email=member.email)
    client.post("/sign-out/")
    User.objects.filter(pk=member.pk).update(is_active=False)
    answer = come_back(client, provider, email=member.email)
    assert answer["Location"] == "/sign-in/closed/"
    assert client.get("/").status_code == 302


def test_a_state_of_another_browser_is_refused(client, provider, member):
    provider.claims = {"sub": "4711", "email": member.email, "email_verified": True}
    back = provider.authorize(client.post("/sso/oidc/")["Location"])
    from django.test import Client as Browser

    other = Browser()
    other.get(back)
    assert other.get("/").status_code == 302


def test_a_provider_that_is_away_is_a_page(client, provider, member):
    back = provider.authorize(client.post("/sso/oidc/")["Location"])
    provider.challenge = "of another sign-in"
    answer = client.get(back)
    assert "did not let you in" in answer.content.decode()
    assert client.get("/").status_code == 302
    assert client.get("/sso/oidc/").status_code == 405
    assert client.post("/sso/unknown/").status_code == 404
