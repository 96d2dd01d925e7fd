"""Getting in, in a real browser: enrolment, codes, passkeys by a virtual authenticator, fresh proofs, invitations, reveals."""

import re

import pytest
from django.core import mail

from portal.audit.models import AuditEvent
from portal.signin.services import links
from portal.vault import services as vault
from tests import people
from tests.browser.conftest import fits, picture, sign_in
from tests.pages.test_api import code_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def add_authenticator(page) -> None:
    """A device with screen lock, as Chromium's own DevTools make one."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True}})  # fmt: skip


def test_staff_set_up_an_app_and_then_a_passkey_and_sign_in_with_it_alone(blank_page):
    page, user = blank_page, people.make_staff("lead", second_factor=False)
    page.goto("/")
    picture(page, "sign-in")
    page.fill("#id_login", user.email)
    page.fill("#id_password", people.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Staff need a second factor.")
    picture(page, "second-factor")
    assert fits(page)
    page.goto("/triage/")
    assert "Second factor" in page.inner_text("h1")
    page.click("text=Set up an app")
    user.seed = page.inner_text("#totp_seed")
    assert page.locator("img.qr").evaluate("image => image.naturalWidth") > 0
    picture(page, "authenticator-app")
    page.fill("#id_code", code_of(user))
    page.keyboard.press("Enter")
    page.wait_for_selector("#recovery_codes")
    assert len(page.inner_text("#recovery_codes").split()) == 10
    picture(page, "recovery-codes")
    page.get_by_text("Go on", exact=True).click()
    page.wait_for_selector("#fleet, #live")
    add_authenticator(page)
    page.goto("/account/passkeys/add/")
    page.fill("[name=name]", "My laptop")
    page.check("[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_url(re.compile(r"/account/second-factor/$"))
    assert "My laptop" in page.inner_text("main")
    assert fits(page)
    page.click("text=Sign out")
    page.wait_for_selector("#passkey_login")
    page.click("#passkey_login")
    page.wait_for_selector("#fleet, #live")
    # and as a proof of identity
    page.goto("/account/prove/passkey/?next=/account/")
    page.click("#mfa_webauthn_reauthenticate")
    page.wait_for_url(re.compile(r"^[^?]*/account/$"))  # not the ?next=/account/ that we come from
    picture(page, "account")
    assert fits(page)
    assert AuditEvent.objects.filter(action="account.factor_added", user=user).count() == 3  # app, codes, passkey


def test_a_passkey_that_does_not_answer_says_so(page):
    page.goto("/account/passkeys/add/")
    page.evaluate("() => { navigator.credentials.create = () => Promise.reject(new DOMException('cancelled', 'NotAllowedError')) }")
    page.click("#mfa_webauthn_add")
    page.wait_for_selector("#passkey_error:not([hidden])")
    assert fits(page)


def test_a_credential_is_stored_and_revealed_after_a_fresh_proof(blank_page):
    page, operator = blank_page, people.make_operator()
    client = people.make_client("Baker Ltd")
    vault.store(
        client_id=client.pk, kind="password", label="Database root", secret=b"planted-in-browser", actor=people.TESTER, now=people.now()
    )
    sign_in(page, operator)
    age_proofs(page)
    page.goto(f"/clients/{client.pk}/vault/")
    picture(page, "vault")
    assert fits(page)
    page.get_by_role("button", name="Reveal", exact=True).click()
    page.wait_for_selector("text=Prove that it is you")
    picture(page, "prove")
    assert fits(page)
    page.fill("#id_password", people.PASSWORD)
    page.get_by_text("Go on", exact=True).click()
    page.wait_for_selector("#value")
    assert page.inner_text("#value") == "planted-in-browser"
    picture(page, "reveal")
    assert fits(page)
    # the value is not in the browser's way back
    page.goto("/")
    assert "planted-in-browser" not in page.content()


def age_proofs(page) -> None:
    """Eleven minutes pass: the proofs in the session grow old."""
    from portal.accounts.sessions import SessionStore

    cookie = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "sessionid")
    store = SessionStore(cookie)
    records = store["account_authentication_methods"]
    store["account_authentication_methods"] = [record | {"at": record["at"] - 660} for record in records]
    store.save()


def test_an_owner_invites_a_colleague_and_reads_the_trail(blank_page, settings):
    page = blank_page
    client = people.make_client("Baker Ltd")
    system = people.make_system(client, name="shop")
    owner = people.make_owner(client)
    sign_in(page, owner)
    page.click("nav >> text=People")
    page.fill("#id_name", "Nina New")
    page.fill("#id_email", "nina@client.example")
    picture(page, "people")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.wait_for_selector("text=not mailed yet")
    assert fits(page)
    page.click("nav >> text=What was done")
    page.wait_for_selector("text=people.invite")
    picture(page, "audit")
    assert fits(page)
    page.click("text=Sign out")
    links.send_waiting(now=people.now())
    page.goto("/" + re.search(r"http://\S+", mail.outbox[0].body).group().split("/", 3)[3])
    assert page.url.endswith("/invitation/")
    picture(page, "invitation")
    page.fill("#id_password", "a good long passphrase")
    page.fill("#id_again", "a good long passphrase")
    page.click("text=Make my account")
    page.wait_for_selector("text=Welcome.")
    page.fill("#id_login", "nina@client.example")
    page.fill("#id_password", "a good long passphrase")
    page.keyboard.press("Enter")
    page.wait_for_selector("#fleet, #live")
    assert system.name in page.inner_text("#live")
    assert page.locator("nav >> text=What was done").count() == 0


def test_staff_see_staff_and_the_client_page(blank_page):
    page = blank_page
    client = people.make_client("Baker Ltd")
    people.make_system(client, name="shop")
    sign_in(page, people.make_staff("lead"))
    for address in ("/staff/", f"/clients/{client.pk}/", f"/clients/{client.pk}/people/"):
        page.goto(address)
        assert page.locator("h1").count() == 1
        picture(page, address.strip("/").replace("/", "-"))
        assert fits(page), address
