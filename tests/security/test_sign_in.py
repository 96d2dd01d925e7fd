"""Signing in: password, second factor, passkey-less paths, throttle, sessions, fresh proofs, single sign-on is in test_sso.py."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client as Browser

from portal.accounts.models import ApiToken, PortalSession
from portal.accounts.sessions import SessionStore, digest
from portal.audit.models import AuditEvent
from portal.signin import throttle
from portal.signin.models import PasswordReset
from portal.signin.services import links
from tests import people
from tests.pages.test_api import code_of
from tests.people import signed_in

WRONG = "Address and password do not belong together"


@pytest.fixture(autouse=True)
def empty_counters():
    """Counters of other tests do not count here."""
    cache.clear()


def sign_in(browser, user, password=people.PASSWORD, **extra):
    email = user if isinstance(user, str) else user.email
    return browser.post("/sign-in/", {"login": email, "password": password}, **extra)


def without_tokens(text: str) -> str:
    """A page without what is random on each."""
    return re.sub(r'nonce="[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"|\s+', " ", text)


def test_a_member_signs_in_with_the_password_whatever_the_case_of_the_address(client, member):
    assert sign_in(client, member.email.upper())["Location"] == "/"
    assert client.get("/").status_code == 200


def test_staff_give_a_code_after_the_password(client, operator):
    answer = sign_in(client, operator)
    assert answer["Location"].startswith("/sign-in/second-factor/")
    assert client.get("/").status_code == 302  # half-way in is not in
    assert "Incorrect code" in client.post("/sign-in/second-factor/", {"code": "000000"}).content.decode()
    assert client.post("/sign-in/second-factor/", {"code": code_of(operator)})["Location"] == "/"
    assert client.get("/triage/").status_code == 200


def test_a_code_works_once(client, operator):
    code = code_of(operator)
    for expected in (302, 200):
        browser = Browser()
        sign_in(browser, operator)
        assert browser.post("/sign-in/second-factor/", {"code": code}).status_code == expected


def test_a_recovery_code_works_once(client, operator):
    from allauth.mfa.models import Authenticator

    codes = Authenticator.objects.get(user=operator, type=Authenticator.Type.RECOVERY_CODES).wrap().get_unused_codes()
    assert len(codes) == 10
    for expected in (302, 200):
        browser = Browser()
        sign_in(browser, operator)
        assert browser.post("/sign-in/second-factor/", {"code": codes[0]}).status_code == expected


def test_codes_can_not_be_guessed_on_and_on(client, operator):
    sign_in(client, operator)
    for _ in range(5):
        client.post("/sign-in/second-factor/", {"code": "000000"})
    answer = client.post("/sign-in/second-factor/", {"code": code_of(operator)})
    assert answer.status_code == 200
    assert "Too many" in answer.content.decode()


def test_staff_without_a_second_factor_get_to_the_page_that_sets_one_up_and_nowhere_else(client, db):
    user = people.make_staff("lead", second_factor=False)
    sign_in(client, user)
    assert client.get("/triage/")["Location"] == "/account/second-factor/"
    assert client.get("/triage/", headers={"HX-Request": "true"})["HX-Redirect"] == "/account/second-factor/"
    assert "Staff need a second factor" in client.get("/account/second-factor/").content.decode()
    page = client.get("/account/second-factor/app/").content.decode()
    seed = re.search(r'id="totp_seed">(\w+)<', page).group(1)
    user.seed = seed
    answer = client.post("/account/second-factor/app/", {"code": code_of(user)})
    assert answer["Location"] == "/account/second-factor/codes/"
    assert len(re.findall(r"^\w{8,}$", client.get("/account/second-factor/codes/").content.decode(), re.MULTILINE)) >= 1
    assert client.get("/triage/").status_code == 200
    # and the last one stays
    refused = client.post("/account/second-factor/app/remove/").content.decode()
    assert "cannot deactivate" in refused
    assert client.get("/triage/").status_code == 200


def test_signing_in_tells_nothing_about_who_exists(client, operator):
    closed = people.make_operator()
    closed.is_active = False
    closed.save()
    answers = {
        without_tokens(sign_in(Browser(), name, "wrong").content.decode().replace(name, ""))
        for name in (operator.email, "nobody@retainer.example", closed.email)
    }
    assert len(answers) == 1
    assert WRONG in answers.pop()
    assert sign_in(Browser(), closed).status_code == 200  # the right password of a closed account: the same sentence


def test_a_thousand_wrong_sign_ins_lock_nobody_else_out(client, operator, member):
    """An attacker at one address guesses at the operator. Who is where sees what the documentation says."""
    known = Browser(REMOTE_ADDR="192.0.2.50")
    sign_in(known, operator)
    known.post("/sign-in/second-factor/", {"code": code_of(operator)})
    known.post("/sign-out/")
    attacker = {"REMOTE_ADDR": "198.51.100.9"}
    hashed_for = 0
    for _ in range(1000):
        answer = sign_in(Browser(), operator, "guess", **attacker)
        hashed_for += WRONG in answer.content.decode()
    assert hashed_for == throttle.PER_ACCOUNT  # the others were turned away before a password was looked at
    text = answer.content.decode()
    assert re.search(r"Too many wrong tries. Wait 1[0-9] minutes and try again.", text)
    # the right password does not get the attacker in either
    assert "Wait" in sign_in(Browser(), operator, **attacker).content.decode()
    # the operator's own browser, where they signed in before, is not concerned, at whatever address
    assert sign_in(known, operator)["Location"].startswith("/sign-in/second-factor/")
    known_there = Browser(REMOTE_ADDR="198.51.100.9")
    known_there.cookies = known.cookies
    assert sign_in(known_there, operator)["Location"].startswith("/sign-in/second-factor/")
    # other people elsewhere
    assert sign_in(Browser(REMOTE_ADDR="192.0.2.77"), member)["Location"] == "/"


def test_another_person_at_the_attackers_address_is_let_in_until_the_address_itself_is_full(client, operator, member):
    for _ in range(100):
        sign_in(Browser(), operator, "guess", REMOTE_ADDR="198.51.100.9")
    # one account's limit turned those away: they count for the address too, as tries
    assert "Wait" in sign_in(Browser(), member, REMOTE_ADDR="198.51.100.9").content.decode()
    browser = Browser(REMOTE_ADDR="192.0.2.1")
    sign_in(browser, member)
    browser.post("/sign-out/")
    browser.defaults["REMOTE_ADDR"] = "198.51.100.9"
    assert sign_in(browser, member)["Location"] == "/"


def test_the_known_browser_of_one_account_is_none_of_another(client, operator, member):
    sign_in(client, member)
    client.post("/sign-out/")
    for _ in range(throttle.PER_ACCOUNT + 1):
        answer = sign_in(client, operator, "guess")
    assert "Wait" in answer.content.decode()


def test_a_right_password_takes_its_own_try_back_only(client, member):
    for _ in range(throttle.PER_ACCOUNT - 1):
        sign_in(Browser(), member, "wrong")
    for _ in range(3):
        assert sign_in(Browser(), member)["Location"] == "/"
    assert WRONG in sign_in(Browser(), member, "wrong").content.decode()
    assert "Wait" in sign_in(Browser(), member).content.decode()


def test_a_forwarded_address_counts_only_behind_a_proxy_of_ours(settings, rf):
    from portal.accounts.middleware import client_address

    request = rf.get("/", headers={"X-Forwarded-For": "6.6.6.6, 192.0.2.1"}, REMOTE_ADDR="127.0.0.1")
    assert client_address(request) == "127.0.0.1"
    settings.PROXIES = 1
    assert client_address(request) == "192.0.2.1"
    settings.PROXIES = 3
    assert client_address(request) == "127.0.0.1"


def test_sign_ins_and_failures_are_on_the_trail(client, member, operator):
    sign_in(client, member, "wrong")
    sign_in(client, member)
    client.post("/sign-out/")
    sign_in(client, operator)
    client.post("/sign-in/second-factor/", {"code": "000000"})
    client.post("/sign-in/second-factor/", {"code": code_of(operator)})
    noted = list(
        AuditEvent.objects.filter(action__startswith="account").order_by("pk").values_list("action", "actor_label", "client_id")
    )
    sample = member.memberships.get().client_id
    assert noted == [
        ("account.sign_in_failed", member.email, None), ("account.sign_in", member.email, sample),
        ("account.sign_out", member.email, sample), ("account.factor_failed", operator.email, None),
        ("account.factor_used", operator.email, None), ("account.sign_in", operator.email, None),
    ]  # fmt: skip
    assert people.PASSWORD not in str(list(AuditEvent.objects.values()))


# Sessions


def test_the_table_of_sessions_opens_nothing(member_page):
    cookie = member_page.cookies["sessionid"].value
    row = PortalSession.objects.get()
    assert row.pk == digest(cookie) != cookie
    assert "_auth_user_id" not in row.session_data
    forged = Browser()
    forged.cookies["sessionid"] = row.pk
    assert forged.get("/").status_code == 302
    assert SessionStore(cookie)["_auth_user_id"]


def test_sessions_are_listed_and_the_others_ended(member):
    browsers = [signed_in(member, HTTP_USER_AGENT=f"Browser {n}") for n in range(3)]
    for browser in browsers:
        browser.get("/")
    text = browsers[0].get("/account/").content.decode()
    assert all(f"Browser {n}" in text for n in range(3))
    assert text.count("this one") == 1
    browsers[0].post("/account/sessions/end-others/")
    assert [browser.get("/").status_code for browser in browsers] == [200, 302, 302]


def test_one_session_is_ended_and_nobody_elses(member, outsider):
    mine, other, foreign = signed_in(member), signed_in(member), signed_in(outsider)
    rows = {user: PortalSession.objects.filter(user=user).order_by("started_at") for user in (member, outsider)}
    assert mine.post(f"/account/sessions/{rows[outsider][0].pk[:32]}/end/").status_code == 404
    mine.post(f"/account/sessions/{rows[member][1].pk[:32]}/end/")
    assert (mine.get("/").status_code, other.get("/").status_code, foreign.get("/").status_code) == (200, 302, 200)


def test_a_session_that_was_ended_does_not_come_back(member):
    """A request that was under way when the session ended saves nothing anew."""
    from django.contrib.sessions.backends.base import UpdateError

    browser = signed_in(member)
    store = SessionStore(browser.cookies["sessionid"].value)
    store["late"] = True
    PortalSession.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()
    assert not PortalSession.objects.exists()


def test_expired_sessions_are_cleared(member):
    from portal.signin.tasks import clear_sessions

    signed_in(member)
    PortalSession.objects.update(expire_date=people.now())
    for _ in range(2):
        clear_sessions()
        assert not PortalSession.objects.exists()


# Fresh proofs


def test_a_production_run_asks_for_a_fresh_proof_and_staging_does_not(operator, sample_client):
    from maintenance.models import UpdateRun

    production = people.make_system(sample_client, environment="production")
    staging = people.make_system(sample_client, environment="staging")
    page = signed_in(operator, proof_age_s=660)
    assert page.post(f"/systems/{staging.pk}/configure/")["Location"].startswith("/runs/")
    asked = page.post(f"/systems/{production.pk}/configure/")
    assert asked["Location"].startswith("/account/prove/")
    assert not UpdateRun.objects.filter(system=production).exists()
    went_on = page.post(asked["Location"], {"password": people.PASSWORD, "next": f"/systems/{production.pk}/configure/"})
    run = UpdateRun.objects.get(system=production)
    assert went_on["Location"] == f"/runs/{run.pk}/"


def test_a_code_is_a_fresh_proof_too(operator):
    page = signed_in(operator, proof_age_s=660)
    page.post("/account/tokens/add/", {"token_name": "x", "scopes": ["read"], "days": "7"})
    assert not ApiToken.objects.exists()
    done = page.post("/account/prove/code/?next=/account/tokens/add/", {"code": code_of(operator), "next": "/account/tokens/add/"})
    assert "rtn_" in done.content.decode()
    assert ApiToken.objects.get().name == "x"


def test_a_wrong_password_is_no_proof_and_an_htmx_request_goes_there_as_a_page(operator, sample_client, system):
    page = signed_in(operator, proof_age_s=660)
    address = f"/systems/{system.pk}/onboarding/paste-keys/"
    answer = page.post(address, {"text": "x"}, headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/systems/1/"})
    assert answer["HX-Redirect"] == "/account/prove/?next=%2Fsystems%2F1%2F"
    assert "not your password" in page.post("/account/prove/", {"password": "wrong"}).content.decode()
    assert page.post(address, {"text": "x"})["Location"].startswith("/account/prove/")


# Passwords


def test_a_password_reset_tells_nothing_and_ends_everything(client, member, settings, sample_client):
    from portal.accounts.services import create_token

    elsewhere = signed_in(member)
    create_token(user=member, name="x", now=people.now())
    answers = {
        email: client.post("/password/", {"email": email}).content.decode().replace(email, "")
        for email in (member.email, "nobody@x.example")
    }
    assert len({without_tokens(text) for text in answers.values()}) == 1
    assert PasswordReset.objects.count() == 2
    assert links.send_waiting(now=people.now()) == 1
    assert links.send_waiting(now=people.now()) == 0
    assert [message.to for message in mail.outbox] == [[member.email]]
    link = re.search(r"http://\S+", mail.outbox[0].body).group().replace(settings.PORTAL_URL, "")
    opened = client.get(link)
    assert opened["Location"] == "/password/new/"  # the secret left the address
    page = client.post("/password/new/", {"password": "short", "again": "short"})
    assert "at least 12" in page.content.decode()
    assert "not the same" in client.post("/password/new/", {"password": "a new long one", "again": "another one"}).content.decode()
    assert (
        client.post("/password/new/", {"password": "a new long passphrase", "again": "a new long passphrase"})["Location"]
        == "/sign-in/"
    )
    assert elsewhere.get("/").status_code == 302
    assert ApiToken.objects.filter(revoked_at=None).count() == 0
    assert WRONG in sign_in(Browser(), member).content.decode()
    assert sign_in(Browser(), member, "a new long passphrase")["Location"] == "/"
    client.get(link)
    assert client.get("/password/new/").status_code == 410


def test_a_reset_does_not_get_past_the_second_factor(client, operator, settings):
    client.post("/password/", {"email": operator.email})
    links.send_waiting(now=people.now())
    client.get(re.search(r"http://\S+", mail.outbox[0].body).group().replace(settings.PORTAL_URL, ""))
    client.post("/password/new/", {"password": "a new long passphrase", "again": "a new long passphrase"})
    assert sign_in(client, operator, "a new long passphrase")["Location"].startswith("/sign-in/second-factor/")


def test_resets_are_not_asked_for_without_end(client, db):
    answers = [client.post("/password/", {"email": "somebody@x.example"}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 422, 422]
    assert "Wait" in answers[-1].content.decode()


def test_changing_the_password_keeps_this_session_and_ends_the_others(member):
    here, there = signed_in(member), signed_in(member)
    form = {"password": "a new long passphrase", "again": "a new long passphrase"}
    assert here.post("/account/password/", form)["Location"] == "/account/"
    assert (here.get("/").status_code, there.get("/").status_code) == (200, 302)
    member.refresh_from_db()
    stale = signed_in(member, proof_age_s=660)
    assert stale.get("/account/password/")["Location"].startswith("/account/prove/")


def test_tokens_are_made_shown_once_and_revoked_on_the_page(operator_page, operator):
    made = operator_page.post("/account/tokens/add/", {"token_name": "backup job", "scopes": ["read", "operate"], "days": "30"})
    token = re.search(r"rtn_[\w-]+", made.content.decode()).group()
    assert token not in operator_page.get("/account/").content.decode()
    row = ApiToken.objects.get()
    assert "operate" in row.scopes
    assert operator_page.post(f"/account/tokens/{row.pk}/revoke/").status_code == 303
    from tests.pages.test_api import call

    assert call(Browser(), "get", "/api/v1/clients", token=token).status_code == 401
    assert operator_page.post("/account/tokens/add/", {"token_name": "", "scopes": ["read"], "days": "0"}).status_code == 422


def test_set_password_and_code_from_the_terminal(operator, capsys):
    from django.core.management import CommandError, call_command

    elsewhere = signed_in(operator)
    call_command("set_password", operator.email.upper())
    password = capsys.readouterr().out.rsplit(" ", 1)[1].strip()
    assert elsewhere.get("/").status_code == 302
    assert sign_in(Browser(), operator, password)["Location"].startswith("/sign-in/second-factor/")
    call_command("code", operator.email)
    assert capsys.readouterr().out.strip() in {code_of(operator), code_of(operator)}
    for command in ("set_password", "code"):
        with pytest.raises(CommandError):
            call_command(command, "nobody@x.example")
    assert AuditEvent.objects.filter(action="account.code").exists()


def test_an_operator_from_before_there_were_leads_becomes_one_and_keeps_the_password(operator, capsys):
    from django.core.management import call_command

    later = people.make_operator()
    call_command("first_sign_in")
    assert "as before" in capsys.readouterr().out
    operator.refresh_from_db()
    later.refresh_from_db()
    assert (operator.role, later.role) == ("lead", "operator")
    assert operator.check_password(people.PASSWORD)


def test_wrong_sign_ins_at_the_api_wait_as_well(client, member):
    from tests.pages.test_api import call

    body = {"email": member.email, "password": "guess"}
    answers = [call(client, "post", "/api/v1/token", body=body).json()["detail"] for _ in range(throttle.PER_ACCOUNT + 1)]
    assert "Wait" in answers[-1]
    assert "Wait" not in answers[0]


def test_the_first_sign_in_is_a_lead_and_made_once(db, capsys):
    from django.core.management import call_command

    from portal.accounts.models import User

    call_command("first_sign_in", "--demo")
    out = capsys.readouterr().out
    assert "make code" in out
    # two of them: whoever asks for a rollout does not approve it
    assert list(User.objects.order_by("pk").values_list("email", "role")) == [
        ("operator@retainer.example", "lead"), ("approver@retainer.example", "lead"),
    ]  # fmt: skip
    assert "approver@retainer.example" in out
    call_command("first_sign_in")
    assert "as before" in capsys.readouterr().out
    assert User.objects.count() == 2
    assert connection.vendor == "postgresql"
