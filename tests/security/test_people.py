"""Invitations, roles, leaving; a client whose retainer ended."""

import re

import pytest
from django.core import mail
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client as Browser

from clients.errors import ClientBusy
from clients.models import Client
from clients.services import access, ending
from maintenance.errors import ClientEnded
from maintenance.models import Scan, UpdateRun
from maintenance.services import scans
from portal.accounts.models import ApiToken, Membership, PortalSession, User
from portal.accounts.services import create_token
from portal.audit.models import AuditEvent
from portal.errors import NotAllowed, PortalError
from portal.signin.errors import LinkGone, NotPossible
from portal.signin.models import Invitation
from portal.signin.services import links
from portal.signin.services import people as service
from portal.signin.tasks import send_mail
from portal.vault import services as vault
from tests import people
from tests.people import signed_in
from tests.security.smtp import SmallSmtp

GOOD = "a good long passphrase"


def invite(actor, **values) -> Invitation:
    values = {"email": "new@client.example", "name": "Nina New", "role": "member", "client_id": None} | values
    return service.invite(actor=people.actor(actor), now=people.now(), **values)


def mailed_link() -> str:
    links.send_waiting(now=people.now())
    return "/" + re.search(r"http://\S+", mail.outbox[-1].body).group().split("/", 3)[3]


def accept(link: str, password: str = GOOD, name: str = "Nina New"):
    browser = Browser()
    assert browser.get(link)["Location"] == "/invitation/"
    return browser.post("/invitation/", {"name": name, "password": password, "again": password})


def test_an_owner_invites_somebody_who_then_signs_in(owner_page, sample_client, system, client):
    answer = owner_page.post(f"/clients/{sample_client.pk}/people/", {"name": "Nina", "email": "nina@client.example", "role": "member"})
    assert answer.status_code == 303
    assert "not mailed yet" in owner_page.get(f"/clients/{sample_client.pk}/people/").content.decode()
    link = mailed_link()
    assert accept(link, "weak").status_code == 422
    assert accept(link)["Location"] == "/sign-in/"
    member = Membership.objects.get(user__email="nina@client.example")
    assert (member.client, member.role) == (sample_client, "member")
    client.post("/sign-in/", {"login": "nina@client.example", "password": GOOD})
    assert system.name in client.get("/").content.decode()
    assert accept_again(link) == 410


def accept_again(link: str) -> int:
    browser = Browser()
    browser.get(link)
    return browser.post("/invitation/", {"name": "x", "password": GOOD, "again": GOOD}).status_code


def test_nobody_registers(client, db):
    for address in ("/signup/", "/account/signup/", "/sign-up/", "/accounts/signup/"):
        assert client.get(address).status_code in {302, 404}
    assert client.post("/sign-in/unknown/", {"email": "x@x.example", "password1": GOOD}).status_code in {302, 200, 403}
    assert client.get("/invitation/").status_code == 410
    assert not User.objects.exists()


def test_who_may_invite_whom(lead, operator, auditor, owner, member, sample_client):
    other = people.make_client()
    assert invite(lead, role="operator")
    assert invite(operator, client_id=other.pk)
    assert invite(owner, client_id=sample_client.pk)
    for who, values in (
        (operator, {"role": "operator"}), (auditor, {"client_id": other.pk}), (owner, {"client_id": other.pk}),
        (member, {"client_id": sample_client.pk}), (owner, {"role": "lead"}),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            invite(who, email="other@client.example", **values)


@pytest.mark.parametrize(
    "values",
    [{"email": "no address"}, {"name": " "}, {"role": "emperor"}, {"role": "owner"}],
    ids=["address", "name", "role", "wrong place"],
)
def test_what_is_no_invitation(lead, values):
    with pytest.raises(PortalError):
        invite(lead, **({"role": "operator"} | values))


def test_one_open_invitation_and_no_known_address(lead, operator, member, sample_client):
    invite(lead, client_id=sample_client.pk)
    with pytest.raises(NotPossible, match="invited already"):
        invite(lead, client_id=sample_client.pk, email="NEW@client.example")
    for values in ({"email": operator.email, "client_id": sample_client.pk}, {"email": member.email, "client_id": sample_client.pk},
                   {"email": member.email, "role": "operator"}):  # fmt: skip
        with pytest.raises(NotPossible):
            invite(lead, **values)
    # a client's person can belong to a second client
    assert invite(lead, email=member.email, client_id=people.make_client().pk)


def test_a_second_client_is_joined_without_a_new_password(lead, member, sample_client):
    second = people.make_client()
    invite(lead, email=member.email, client_id=second.pk, role="owner")
    assert accept(mailed_link(), "ignored")["Location"] == "/sign-in/"
    member.refresh_from_db()
    assert member.check_password(people.PASSWORD)
    assert set(member.memberships.values_list("client_id", "role")) == {(sample_client.pk, "member"), (second.pk, "owner")}


def test_a_revoked_an_old_and_a_guessed_link_do_not_work(lead):
    invitation = invite(lead, role="operator")
    link = mailed_link()
    secret = link.rstrip("/").rsplit("/", 1)[1]
    assert links.invitation(secret, now=people.now()) == invitation
    with pytest.raises(LinkGone):
        links.invitation("guessed", now=people.now())
    with pytest.raises(LinkGone):
        links.invitation("", now=people.now())
    Invitation.objects.update(expires_at=people.now())
    assert accept(link).status_code == 410
    Invitation.objects.update(expires_at=people.now() + links.LIFETIME[Invitation])
    service.revoke_invitation(invitation=invitation, actor=people.actor(lead), now=people.now())
    assert accept(link).status_code == 410
    assert secret not in str(list(Invitation.objects.values()))


def test_mails_are_sent_once_and_after_a_death_between_making_and_sending(lead):
    """The task run twice, and by two workers; a worker that died with the row claimed; a mail server that is away."""
    invitation = invite(lead, role="operator")
    send_mail()
    send_mail()
    assert len(mail.outbox) == 1
    first = Invitation.objects.get().digest
    # claimed, and never sent: the lease runs out, another secret goes out, the first one is dead
    Invitation.objects.update(sent_at=None, claimed_until=people.now() + links.LEASE)
    send_mail()
    assert len(mail.outbox) == 1
    Invitation.objects.update(claimed_until=people.now())
    send_mail()
    assert len(mail.outbox) == 2
    assert Invitation.objects.get(pk=invitation.pk).digest != first


def test_a_mail_server_that_is_away_is_tried_again(lead, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 1, False
    invite(lead, role="operator")
    assert links.send_waiting(now=people.now()) == 0
    row = Invitation.objects.get()
    assert row.sent_at is None
    assert row.claimed_until > people.now()


def test_mail_goes_over_smtp(lead, settings):
    """A mail server at its protocol: what arrives is the text with the link, for the right person."""
    with SmallSmtp() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", server.port, False
        invite(lead, role="operator")
        assert links.send_waiting(now=people.now()) == 1
    assert "rcpt to:<new@client.example>" in server.heard.lower()
    assert "/invitation/" in server.heard
    assert lead.email in server.heard


# Roles and leaving


def test_an_owner_removes_a_member_who_loses_every_session_and_token_at_once(owner_page, member, sample_client):
    browsers = [signed_in(member), signed_in(member)]
    create_token(user=member, name="x", now=people.now())
    membership = member.memberships.get()
    assert owner_page.post(f"/clients/{sample_client.pk}/people/{membership.pk}/remove/").status_code == 303
    assert [browser.get("/").status_code for browser in browsers] == [302, 302]
    assert not PortalSession.objects.filter(user=member).exists()
    assert not ApiToken.objects.filter(user=member, revoked_at=None).exists()
    member.refresh_from_db()
    assert not member.is_active
    event = AuditEvent.objects.get(action="people.remove")
    assert (event.client, event.before) == (sample_client, {"role": "member"})
    # back by a new invitation, with a new password
    invite(User.objects.get(role="client", memberships__role="owner"), email=member.email, client_id=sample_client.pk)
    assert accept(mailed_link())["Location"] == "/sign-in/"
    member.refresh_from_db()
    assert member.is_active
    assert member.check_password(GOOD)


def test_whoever_is_removed_here_keeps_what_they_have_elsewhere(owner, member, sample_client):
    """The owner of this client can't see the other membership; the account must not be closed for it."""
    elsewhere = Membership.objects.create(user=member, client=people.make_client())
    membership = member.memberships.get(client=sample_client)
    from portal.accounts.scope import acting_as

    with acting_as(people.actor(owner)):
        service.remove_member(membership=membership, actor=people.actor(owner), now=people.now())
    member.refresh_from_db()
    assert member.is_active
    assert list(member.memberships.all()) == [elsewhere]


def test_a_client_keeps_an_owner(owner, operator, sample_client):
    membership = owner.memberships.get()
    for change in (
        lambda actor: service.remove_member(membership=membership, actor=actor, now=people.now()),
        lambda actor: service.change_member_role(membership=membership, role="member", actor=actor, now=people.now()),
    ):
        with pytest.raises(NotPossible, match="only owner"):
            change(people.actor(owner))
    second = people.make_owner(sample_client)
    service.change_member_role(membership=membership, role="member", actor=people.actor(second), now=people.now())
    service.remove_member(membership=second.memberships.get(), actor=people.actor(operator), now=people.now())


def test_roles_of_staff(lead, operator):
    service.change_staff_role(user=operator, role="auditor", actor=people.actor(lead), now=people.now())
    operator.refresh_from_db()
    assert signed_in(operator).post("/triage/decide/", {"update": "x|1", "kind": "apply"}).status_code == 403
    event = AuditEvent.objects.get(action="people.role")
    assert (event.before, event.after) == ({"role": "operator"}, {"role": "auditor"})
    with pytest.raises(NotPossible, match="own role"):
        service.change_staff_role(user=lead, role="operator", actor=people.actor(lead), now=people.now())
    with pytest.raises(NotPossible, match="only lead"):
        service.remove_staff(user=lead, actor=other_lead(), now=people.now())


def other_lead():
    """A lead who is about to be the only one gone: somebody with a lead's rights whose own account is closed meanwhile."""
    other = people.make_staff("lead")
    actor = people.actor(other)
    User.objects.filter(pk=other.pk).update(is_active=False)
    return actor


def test_a_colleague_who_leaves_loses_everything_at_once(lead, operator):
    page, token = signed_in(operator), create_token(user=operator, name="x", now=people.now())
    assert signed_in(lead).post(f"/staff/{operator.pk}/remove/").status_code == 303
    assert page.get("/").status_code == 302
    from tests.pages.test_api import call

    assert call(Browser(), "get", "/api/v1/clients", token=token).status_code == 401
    assert AuditEvent.objects.filter(action="people.remove", client=None).exists()


def test_the_database_keeps_staff_out_of_memberships(operator, member, sample_client):
    with pytest.raises(IntegrityError, match="membership_is_of_a_clients_person"), transaction.atomic():
        Membership.objects.create(user=operator, client=sample_client)
    with pytest.raises(IntegrityError, match="membership_is_of_a_clients_person"), transaction.atomic():
        User.objects.filter(pk=member.pk).update(role="operator")
    with pytest.raises(IntegrityError, match="invitation_role_fits"), transaction.atomic():
        Invitation.objects.create(
            client=sample_client, role="lead", name="x", email="x@x.example", actor_label="x", asked_at=people.now()
        )


# A client whose retainer ended


@pytest.fixture
def ended(system, lead, transactional_db):
    ending.end_client(client=system.client, reason="contract ended", actor=people.actor(lead), now=people.now())
    system.refresh_from_db()
    return system


def test_a_client_that_ended_loses_nothing_but_our_way_in(ended, owner, operator):
    from clients.errors import NotReady

    credential = vault.store(
        client_id=ended.client_id, kind="password", label="x", secret=b"theirs", actor=people.TESTER, now=people.now()
    )
    with pytest.raises(NotReady, match="ended"), access.open_shell(ended, actor=people.TESTER, purpose="test"):
        pass
    with pytest.raises(ClientEnded):
        scans.request(system=ended, actor=people.actor(operator), now=people.now())
    with pytest.raises(PortalError, match="theirs alone"):
        vault.reveal(credential=credential, actor=people.actor(operator), now=people.now())
    assert vault.open_for_use(credential) == b"theirs"  # for the handover
    page = signed_in(owner)
    assert ended.name in page.get("/").content.decode()
    assert "contract ended" in page.get("/audit/").content.decode()
    assert "The retainer ended" in signed_in(operator).get(f"/clients/{ended.client_id}/").content.decode()


def test_the_database_lets_nothing_begin_for_a_client_that_ended(ended):
    for make in (
        lambda: Scan.objects.create(client_id=ended.client_id, system=ended, queued_at=people.now()),
        lambda: UpdateRun.objects.create(client_id=ended.client_id, system=ended, created_at=people.now(), actor_label="x"),
    ):
        with pytest.raises(DatabaseError, match="the retainer of client"), transaction.atomic():
            make()


def test_no_retainer_ends_in_the_middle_of_a_run(system, lead, operator):
    UpdateRun.objects.create(client=system.client, system=system, created_at=people.now(), actor_label="x")
    with pytest.raises(ClientBusy):
        ending.end_client(client=system.client, reason="x", actor=people.actor(lead), now=people.now())
    with pytest.raises(DatabaseError), transaction.atomic():
        Client.objects.update(ended_at=people.now())
    UpdateRun.objects.update(state="finished", verdict="failed", finished_at=people.now())
    with pytest.raises(NotAllowed):
        ending.end_client(client=system.client, reason="x", actor=people.actor(operator), now=people.now())
    with pytest.raises(PortalError, match="Say why"):
        ending.end_client(client=system.client, reason=" ", actor=people.actor(lead), now=people.now())
    page = signed_in(lead)
    assert page.post(f"/clients/{system.client_id}/end/", {"reason": "moved on"}).status_code == 303
    assert page.post(f"/clients/{system.client_id}/end/", {"reason": "again"}).status_code == 422
