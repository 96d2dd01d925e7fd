"""Who may see what, generated from the URL configuration: a page without a stated permission fails the build."""

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from clients.models import HostKeyAlert
from maintenance.models import UpdateRun
from tests import people
from tests.conftest import signed_in

POSTS = {
    "clients:contact-add", "clients:ask", "clients:confirm-key", "clients:paste-keys", "clients:service-check-add", "clients:twin",
    "clients:resolve-alert", "maintenance:decide", "maintenance:scan", "maintenance:apply", "maintenance:configure",
}  # fmt: skip


def routes(resolver=None, namespace=""):
    """Every route of ours as (name, pattern, converters' names)."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "api-1":
                yield from routes(pattern, f"{pattern.namespace}:" if pattern.namespace else namespace)
        elif isinstance(pattern, URLPattern):
            yield namespace + (pattern.name or "?"), pattern


ROUTES = sorted(routes(), key=lambda route: route[0])


@pytest.fixture
def ids(system):
    run = UpdateRun.objects.create(client=system.client, system=system, created_at=people.now(), actor_label="x")
    alert = HostKeyAlert.objects.create(
        client=system.client, system=system, key_type="ssh-ed25519", key="AAAA", fingerprint="SHA256:x",
        first_seen_at=people.now(), last_seen_at=people.now(),
    )  # fmt: skip
    return {"system_id": system.pk, "client_id": system.client_id, "run_id": run.pk, "alert_id": alert.pk, "work": "test_connection"}


def call(browser, name, pattern, ids):
    address = reverse(name, kwargs={key: ids[key] for key in pattern.pattern.converters})
    return browser.post(address, {}) if name in POSTS else browser.get(address)


@pytest.mark.parametrize(("name", "pattern"), ROUTES, ids=[name for name, _ in ROUTES])
def test_every_page_states_who_may_see_it_and_keeps_to_it(name, pattern, ids, client, member, outsider, operator):
    permission = getattr(pattern.callback, "permission", None)
    assert permission in {"anybody", "member", "operator"}, f"{name} states no permission"
    stranger = call(client, name, pattern, ids)
    if permission == "anybody":
        assert stranger.status_code == 200
        return
    assert stranger.status_code == 302
    assert stranger["Location"].startswith("/sign-in/")
    own, foreign = (call(signed_in(user), name, pattern, ids).status_code for user in (member, outsider))
    if permission == "operator":
        assert (own, foreign) == (403, 403)
        assert call(signed_in(operator), name, pattern, ids).status_code not in {403, 404, 500}
    elif pattern.pattern.converters:
        assert (own, foreign) == (200, 404)


@pytest.mark.parametrize("name", ["desk:home", "maintenance:run-list"])
def test_a_client_user_sees_their_own_systems_and_nothing_else(name, member_page, outsider_page, system, ids):
    theirs = people.make_system(name="somebody-elses-host")
    UpdateRun.objects.create(client=theirs.client, system=theirs, created_at=people.now(), actor_label="x")
    page = member_page.get(reverse(name)).content.decode()
    assert "web-1" in page
    assert "somebody-elses-host" not in page
    assert str(theirs.client) not in page
    assert "web-1" not in outsider_page.get(reverse(name)).content.decode()


def test_a_user_without_memberships_sees_nothing(db, system):
    from portal.accounts.models import Role, User

    user = User.objects.create_user(email="new@client.example", password=people.PASSWORD, name="New", role=Role.CLIENT)
    assert "web-1" not in signed_in(user).get("/").content.decode()


def test_an_expired_session_sends_an_htmx_request_to_the_sign_in_page(client, db):
    answer = client.get("/triage/", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == "/sign-in/"
    assert b"<form" not in answer.content


def test_signing_in_tells_nothing_about_who_exists(client, operator):
    wrong = client.post("/sign-in/", {"username": operator.email, "password": "wrong"}).content.decode()
    nobody = client.post("/sign-in/", {"username": "nobody@retainer.example", "password": "wrong"}).content.decode()
    sentence = "Address and password do not belong together"
    assert sentence in wrong
    assert sentence in nobody
    assert client.post("/sign-in/", {"username": operator.email.upper(), "password": people.PASSWORD}).status_code == 302
