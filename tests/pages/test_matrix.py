"""Every route, every method, as everybody: generated from the URL configuration and the one table of roles.

Whatever answer the table does not permit fails, and so does a route that states no permission.
"""

import functools
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpResponse
from django.urls import path, reverse

from clients.models import AllowedRange, HostKeyAlert
from maintenance.models import AcceptedRisk, StagingAlternative, TriageRule, UpdateRun, VerificationCheck
from monitoring.services import channels
from portal.accounts.models import Membership, User
from portal.accounts.permissions import ANYBODY, SAFE, SIGNED_IN
from portal.accounts.roles import PERMISSIONS, STAFF, MemberRole, Permission, Role
from portal.signin.models import Invitation
from portal.vault import services as vault
from tests import people
from tests.pages.routes import ROUTES, undeclared

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
ALLOWED_WITHOUT_SECOND_FACTOR = ("/account/second-factor/", "/account/passkeys/", "/account/prove/", "/sign-out/")
# What takes ids but not those of a client: staff, and the person's own things.
NOT_OF_A_CLIENT = {
    "slug",
    "name",
    "language_code",
    "mail_id",
    "plan_id",
    "rule_id",
    "channel_id",
    "user_id",
    "pk",
    "token_id",
    "session",
    "secret",
    "provider_id",
}


def test_every_route_states_a_permission():
    assert undeclared(ROUTES) == []


def test_a_route_without_a_permission_would_be_found():
    bare = path("bare/", lambda request: HttpResponse("everything"), name="bare")
    assert undeclared([("bare", bare)]) == ["bare"]


@functools.cache
def hashed() -> str:
    """The sample password hashed once: hashing is slow on purpose."""
    return make_password(people.PASSWORD)


def person(role: str, client=None, *, second_factor: bool = True) -> User:
    name = f"{role}-{client.pk if client else second_factor}"
    kind = role if role in STAFF else Role.CLIENT
    user = User.objects.create(email=f"{name}@matrix.example", password=hashed(), name=name, role=kind)
    if client is not None:
        Membership.objects.create(user=user, client=client, role=role)
    elif second_factor:
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "not opened here"})
    return user


@pytest.fixture
def cast(system):
    """Everybody, by role; the sample client's and another client's."""
    other = people.make_client("Other")
    return {
        "nobody": None,
        "lead": person(Role.LEAD),
        "operator": person(Role.OPERATOR),
        "auditor": person(Role.AUDITOR),
        "owner": person(MemberRole.OWNER, system.client),
        "member": person(MemberRole.MEMBER, system.client),
        "foreign owner": person(MemberRole.OWNER, other),
        "foreign member": person(MemberRole.MEMBER, other),
        "no second factor": person(Role.LEAD, second_factor=False),
    }


@pytest.fixture
def ids(system, cast, settings, tmp_path):
    """One object of each kind, all of the sample client."""
    settings.WALKTHROUGHS, settings.PACKAGES = str(tmp_path / "walkthroughs"), str(tmp_path / "packages")
    client, now = system.client, people.now()
    run = UpdateRun.objects.create(client=client, system=system, created_at=now, actor_label="x")
    alert = HostKeyAlert.objects.create(
        client=client, system=system, key_type="ssh-ed25519", key="AAAA", fingerprint="SHA256:x", first_seen_at=now, last_seen_at=now
    )
    credential = vault.store(
        client_id=client.pk, kind="password", label="planted", secret=b"planted secret", actor=people.TESTER, now=now
    )
    values = {"name": "x", "actor_label": "x", "asked_at": now}
    invitation = Invitation.objects.create(client=client, role="member", email="invited@matrix.example", **values)
    staff_invitation = Invitation.objects.create(role="operator", email="staff@matrix.example", **values)
    check = VerificationCheck.objects.create(
        client=client, system=system, name="planted", kind="command", question="true", created_at=now, actor_label="x"
    )
    alternative = StagingAlternative.objects.create(
        client=client,
        system=system,
        kind="exception",
        reason="planted",
        created_at=now,
        expires_at=now + timedelta(days=1),
        actor_label="x",
    )
    update = people.make_update(system, "planted")
    risk = AcceptedRisk.objects.create(
        client=client,
        update=update,
        reason="planted",
        asked_at=now,
        until=now + timedelta(days=1),
        asked_by=cast["operator"],
        asked_label="x",
    )
    document = people.make_document()
    rule = TriageRule.objects.create(name="x", condition={"security": True}, kind="apply", reason="x", created_at=now, actor_label="x")
    job = people.make_backup(system)
    return {
        "job_id": job.pk, "test_id": people.make_restore_test(job).pk, "restore_id": people.make_restore(job).pk, "finding_id": people.make_gap(system).pk,
        "found_id": people.make_found_backup(system).pk, "raised_id": people.make_alert(people.make_check(system)).pk, "measured_id": people.make_check(system, subject="/planted").pk,
        "incident_id": people.make_incident(system).pk, "drill_id": people.make_drill(system).pk, "probe_id": people.make_probe(system).pk, "beat_id": people.make_heartbeat(system).pk, "thing_id": people.make_thing(system).pk,
        "channel_id": channels.add(name="planted", address="a@example.org", actor=people.TESTER, now=now).pk,
        "plan_id": document.plan_id, "document_id": document.pk, "risk_id": risk.pk, "rule_id": rule.pk, "rollout_id": people.make_rollout(system, cast["operator"]).pk, "window_id": people.make_window(client).pk, "check_id": check.pk,
        "alternative_id": alternative.pk, "system_id": system.pk, "update_id": people.make_update(system).pk, "client_id": client.pk, "run_id": run.pk, "alert_id": alert.pk, "work": "test_connection",
        "membership_id": Membership.objects.get(user=cast["member"]).pk, "credential_id": credential.pk,
        "invitation_id": invitation.pk, "staff invitation": staff_invitation.pk, "user_id": cast["operator"].pk, "session": "0" * 32, "token_id": 999_999, "pk": 999_999,
        **people.support_ids(system, cast["member"], cast["owner"]), **people.handover_ids(system, cast["member"], cast["lead"]),
        "secret": "unknown", "slug": "unknown", "provider_id": "oidc",
        "range_id": AllowedRange.objects.create(client=client, network="10.0.0.0/8", reason="x", actor_label="x").pk,
    }  # fmt: skip


def role_of(name: str) -> str:
    return name.removeprefix("foreign ")


def permitted(name: str, permission: Permission, *, of_a_client: bool) -> bool:
    """What the table says, read here once more: the role has it, and is not a stranger to the object's client."""
    if name == "no second factor" or permission not in PERMISSIONS[role_of(name)]:
        return False
    return not (of_a_client and name.startswith("foreign"))


def complaint(name, answer, permission, *, of_a_client, address) -> str:
    """What is wrong with an answer; empty where nothing is."""
    to_sign_in = answer.status_code == 302 and answer["Location"].startswith("/sign-in/?next=")
    if answer.status_code >= 500:
        return "broke"
    if permission == ANYBODY:
        return "needs no sign-in, but asked for one" if to_sign_in else ""
    if name == "nobody":
        return "" if to_sign_in else f"a stranger got {answer.status_code}"
    if name == "no second factor" and not address.startswith(ALLOWED_WITHOUT_SECOND_FACTOR):
        kept_out = answer.status_code == 302 and answer["Location"] == "/account/second-factor/"
        return "" if kept_out else f"without a second factor: {answer.status_code}"
    if permission == SIGNED_IN:
        return f"own account: {answer.status_code}" if answer.status_code == 403 or to_sign_in else ""
    if permitted(name, permission, of_a_client=of_a_client):
        return f"permitted, but got {answer.status_code}" if answer.status_code in {403, 404} or to_sign_in else ""
    return "" if answer.status_code in {403, 404, 405} else f"not permitted, but got {answer.status_code}"


@pytest.mark.parametrize(("name", "pattern"), ROUTES, ids=[name for name, _ in ROUTES])
def test_every_method_of_every_route_as_everybody(name, pattern, ids, cast, system):
    if name == "signin:staff-uninvite":
        ids["invitation_id"] = ids["staff invitation"]
    address = reverse(name, kwargs={key: ids[key] for key in pattern.pattern.converters})
    of_a_client = bool(set(pattern.pattern.converters) - NOT_OF_A_CLIENT)
    wrong, answered = [], set()
    for who, user in cast.items():
        browser = people.signed_in(user, raise_request_exception=False)
        for method in METHODS:
            if user is not None and not browser.cookies["sessionid"].value:
                browser = people.signed_in(user, raise_request_exception=False)  # it signed out
            permission = pattern.callback.permission if method in SAFE else pattern.callback.change
            with transaction.atomic():
                answer = browser.generic(method, address, "", content_type="application/x-www-form-urlencoded")
                content = b"".join(answer.streaming_content) if answer.streaming else answer.content
                text = content.decode(errors="replace")
                transaction.set_rollback(True)
            answered |= {method} if answer.status_code not in {302, 403, 404, 405} else set()
            found = complaint(who, answer, permission, of_a_client=of_a_client, address=address)
            if who in {"nobody", "foreign owner", "foreign member", "no second factor"} and ("web-1" in text or "planted" in text):
                found = "shows what is another client's"
            if found:
                wrong.append(f"{who} {method} {address}: {found}")
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "pattern"), [(n, p) for n, p in ROUTES if p.callback.fresh], ids=[n for n, p in ROUTES if p.callback.fresh]
)
def test_what_is_sensitive_asks_for_a_fresh_proof_and_changes_nothing_before(name, pattern, ids, cast):
    """As somebody who may do it, with a proof that is eleven minutes old, or none."""
    address = reverse(name, kwargs={key: ids[key] for key in pattern.pattern.converters})
    people_of_it = [who for who in ("lead", "operator", "owner") if permitted(who, pattern.callback.change, of_a_client=True)]
    assert people_of_it
    for who in people_of_it:
        for age in (660, None):
            answer = people.signed_in(cast[who], proof_age_s=age).post(address, {"reason": "x", "role": "auditor"})
            assert answer.status_code == 302
            assert answer["Location"].startswith("/account/prove/")


SENSITIVE = {
    "clients:confirm-key", "clients:paste-keys", "clients:resolve-alert", "clients:people", "clients:people-role", "clients:people-remove",
    "clients:vault", "clients:vault-reveal", "clients:vault-replace", "clients:vault-archive", "clients:client-end", "signin:staff",
    "signin:staff-role", "signin:staff-remove", "maintenance:rollout-approve", "maintenance:overrule", "maintenance:staging",
    "maintenance:staging-revoke", "maintenance:risk-answer",
    "handover:receiving-key", "handover:package-approve", "handover:package-fetch", "handover:letting-change",
    "handover:terminal-start",
}  # fmt: skip


def test_the_sensitive_pages_are_these():
    """Keys, credentials, people and endings; production runs and the own account ask within (test_fresh_proof.py)."""
    assert {name for name, pattern in ROUTES if pattern.callback.fresh} == SENSITIVE


def test_a_clients_person_sees_their_own_systems_and_nothing_else(member_page, outsider_page, system):
    theirs = people.make_system(name="somebody-elses-host")
    for mine in (theirs, system):
        UpdateRun.objects.create(client=mine.client, system=mine, created_at=people.now(), actor_label="x")
    for page in ("/", "/runs/"):
        text = member_page.get(page).content.decode()
        assert "web-1" in text
        assert "somebody-elses-host" not in text
        assert str(theirs.client) not in text
        assert "web-1" not in outsider_page.get(page).content.decode()


def test_somebody_without_memberships_sees_nothing(db, system):
    user = User.objects.create_user(email="new@client.example", password=None, name="New", role=Role.CLIENT)
    answer = people.signed_in(user).get("/")
    assert answer.status_code == 403
    assert "web-1" not in answer.content.decode()


def test_an_expired_session_sends_an_htmx_request_to_the_sign_in_page(client, db):
    answer = client.get("/triage/", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == "/sign-in/"
    assert b"<form" not in answer.content


def test_the_table_of_roles_is_the_one_in_the_docs():
    from pathlib import Path

    from portal.accounts.roles import table

    assert table() in (Path(__file__).resolve().parents[2] / "docs" / "roles.md").read_text()
