"""The API: every operation as everybody, generated from its own routers; tokens; the same services as the pages."""

import json
from base64 import b64encode
from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from icalendar import Calendar

from maintenance.models import UpdateRun
from portal.accounts.models import ApiToken
from portal.accounts.permissions import ANYBODY
from portal.accounts.roles import PERMISSIONS, Permission
from portal.accounts.services import READING, create_token
from portal.api import api
from portal.errors import PortalError
from tests import people
from tests.pages.test_matrix import cast, permitted, role_of  # noqa: F401  # cast is a fixture

SCHEMA = api.get_openapi_schema()
OPERATE = READING | {Permission.OPERATE, Permission.RAISE_TICKETS}


def operations():
    """Every operation as (method, address, permission), from the routers; the schema must list the same."""
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                for method in operation.methods:
                    yield method, f"/api/v1{prefix}{path}".replace("{int:", "{"), getattr(operation.view_func, "permission", "")


OPERATIONS = sorted(set(operations()))


def call(browser, method, path, token="", body=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return browser.generic(method.upper(), path, json.dumps(body or {}), content_type="application/json", headers=headers)


def token_of(user, scopes=OPERATE):
    return create_token(user=user, name="test", scopes=scopes, now=timezone.now())


def code_of(user) -> str:
    return format_hotp_value(hotp_value(user.seed, int(timezone.now().timestamp()) // 30))


@pytest.fixture
def run(system):
    return UpdateRun.objects.create(client=system.client, system=system, created_at=people.now(), actor_label="x")


def test_the_schema_lists_the_operations_and_each_states_its_permission():
    listed = {(method.upper(), path) for path, methods in SCHEMA["paths"].items() for method in methods}
    assert listed == {(method, path) for method, path, _ in OPERATIONS}
    assert [operation for operation in OPERATIONS if operation[2] not in {ANYBODY, *Permission}] == []


@pytest.mark.parametrize(("method", "path", "permission"), [one for one in OPERATIONS if one[2] != ANYBODY])
def test_every_operation_as_everybody(client, method, path, permission, system, run, cast, settings, tmp_path):  # noqa: F811
    settings.WALKTHROUGHS, settings.PACKAGES = str(tmp_path / "walkthroughs"), str(tmp_path / "packages")
    job = people.make_backup(system)
    address = path.format(
        job_id=job.pk,
        test_id=people.make_restore_test(job).pk,
        restore_id=people.make_restore(job).pk,
        raised_id=people.make_alert(people.make_check(system)).pk,
        system_id=system.pk,
        run_id=run.pk,
        client_id=system.client_id,
        rollout_id=people.make_rollout(system, cast["operator"]).pk,
        update_id=people.make_update(system, "for-the-api").pk,
        ticket_id=people.make_ticket(system, cast["member"]).pk,
        report_id=people.make_report(system.client).pk,
        **people.handover_ids(system, cast["member"], cast["lead"]),
    )
    body = {"client_id": system.client_id, "name": "x", "address": "x", "environment": "staging", "system_id": system.pk,
            "fingerprint": "x", "updates": [], "kind": "command" if "checks" in path else "apply", "reason": "x", "question": "true",
            "every": "week", "weekdays": [6], "start": "02:00", "end": "05:00", "hours": 2}  # fmt: skip
    foreign_body = method == "POST"
    wrong = []
    for token in ("", "rtn_wrong"):
        if call(client, method, address, token=token, body=body).status_code != 401:
            wrong.append(f"{token or 'no token'} got in")
    for who, user in cast.items():
        if user is None or who == "no second factor":
            continue
        for scopes in (READING, OPERATE):
            with transaction.atomic():
                answer = call(client, method, address, token=token_of(user, scopes), body=body)
                transaction.set_rollback(True)
            may = permission in PERMISSIONS[role_of(who)] and permission in scopes
            mine = permitted(who, permission, of_a_client="{" in path or foreign_body)
            if answer.status_code >= 500 or (may and mine) != (answer.status_code not in {403, 404}):
                wrong.append(f"{who} with {sorted(scopes)}: {answer.status_code}")
            if who.startswith("foreign") and system.name in answer.content.decode():
                wrong.append(f"{who} sees what is another client's")
    assert wrong == []


@pytest.mark.parametrize(("method", "path"), sorted({(method, path) for method, path, _ in OPERATIONS}))
def test_methods_that_are_no_operations_are_refused(client, method, path, operator, system, run):
    allowed = {m for m, p, _ in OPERATIONS if p == path}
    for other in {"GET", "POST", "PUT", "PATCH", "DELETE"} - allowed:
        assert (
            call(
                client,
                other,
                path.format(
                    system_id=system.pk,
                    run_id=run.pk,
                    client_id=1,
                    rollout_id=1,
                    update_id=1,
                    job_id=1,
                    test_id=1,
                    restore_id=1,
                    raised_id=1,
                    ticket_id=1,
                    report_id=1,
                    package_id=1,
                    rehearsal_id=1,
                    runbook_id=1,
                ),
                token=token_of(operator),
            ).status_code
            == 405
        )


def test_staff_without_a_second_factor_have_no_token_to_use(client, db):
    user = people.make_staff("lead", second_factor=False)
    answer = call(client, "post", "/api/v1/token", body={"email": user.email, "password": people.PASSWORD})
    assert answer.status_code == 401
    assert "second factor" in answer.json()["detail"]
    assert not ApiToken.objects.exists()
    # and one from elsewhere stops with the factor
    assert call(client, "get", "/api/v1/clients", token=token_of(user)).status_code == 401


def test_sign_in_takes_a_code_and_gives_a_token_of_which_only_a_hash_is_kept(client, operator):
    body = {"email": operator.email, "password": people.PASSWORD}
    assert call(client, "post", "/api/v1/token", body=body).status_code == 401
    assert call(client, "post", "/api/v1/token", body=body | {"code": "000000"}).status_code == 401
    answer = call(client, "post", "/api/v1/token", body=body | {"code": code_of(operator)})
    token = answer.json()["token"]
    assert call(client, "get", "/api/v1/clients", token=token).status_code == 200
    assert call(client, "post", "/api/v1/clients", token=token, body={"name": "x"}).status_code == 403
    assert token not in str(list(ApiToken.objects.values()))
    assert call(client, "post", "/api/v1/token", body=body | {"password": "no"}).status_code == 401


def test_a_members_sign_in_needs_no_code_where_they_have_no_factor(client, member, system):
    answer = call(client, "post", "/api/v1/token", body={"email": member.email, "password": people.PASSWORD})
    systems = call(client, "get", "/api/v1/systems", token=answer.json()["token"]).json()
    assert [item["name"] for item in systems["items"]] == [system.name]


def test_use_of_a_token_is_noted(client, operator):
    call(client, "get", "/api/v1/clients", token=token_of(operator))
    assert ApiToken.objects.get().last_used_at is not None


@pytest.mark.parametrize("change", [{"expires_at": people.now()}, {"revoked_at": people.now()}])
def test_a_token_ends(client, operator, change):
    token = token_of(operator)
    ApiToken.objects.update(**change)
    assert call(client, "get", "/api/v1/clients", token=token).status_code == 401


@pytest.mark.parametrize(
    "values",
    [{"scopes": {Permission.REVEAL}}, {"scopes": set()}, {"name": " "}, {"lifetime": timedelta(days=366)}, {"lifetime": timedelta(0)}],
)
def test_tokens_that_are_not_made(operator, values):
    with pytest.raises(PortalError):
        create_token(**({"user": operator, "name": "x", "now": people.now()} | values))


def test_a_system_is_added_and_an_update_decided_through_the_api(client, operator, sample_client):
    token = token_of(operator)
    body = {"client_id": sample_client.pk, "name": "api-1", "address": "api-1.example", "environment": "staging"}
    added = call(client, "post", "/api/v1/systems", token=token, body=body)
    assert added.status_code == 201
    assert added.json()["asked_work"] == "read_host_keys"
    again = call(client, "post", "/api/v1/systems", token=token, body=body)
    assert again.status_code == 409
    assert "known already" in again.json()["detail"]
    from clients.models import System

    system = System.objects.get(pk=added.json()["id"])
    people.make_update(system)
    decided = call(client, "post", "/api/v1/decisions", token=token, body={
        "updates": [{"source": "openssl", "version": "1.1"}], "kind": "apply"})  # fmt: skip
    assert decided.json()["decisions"] == 1
    started = call(client, "post", "/api/v1/update-runs", token=token, body={"system_id": system.pk})
    assert started.json()["state"] == "queued"
    busy = call(client, "post", "/api/v1/update-runs", token=token, body={"system_id": system.pk})
    assert busy.status_code == 409


def test_a_token_does_not_change_production(client, operator, sample_client):
    system = people.make_system(sample_client, environment="production")
    people.make_update(system)
    token = token_of(operator)
    call(client, "post", "/api/v1/decisions", token=token, body={"updates": [{"source": "openssl", "version": "1.1"}], "kind": "apply"})
    answer = call(client, "post", "/api/v1/update-runs", token=token, body={"system_id": system.pk})
    assert answer.status_code == 409
    assert "by a rollout" in answer.json()["detail"]
    assert not UpdateRun.objects.exists()


def test_a_calendar_program_sends_the_token_as_its_password(client, operator, sample_client):
    people.make_window(sample_client)
    address = f"/api/v1/clients/{sample_client.pk}/maintenance.ics"
    basic = b64encode(f"anything:{token_of(operator)}".encode()).decode()
    answer = client.get(address, headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 200
    events = Calendar.from_ical(answer.content).walk("VEVENT")
    assert 52 <= len(events) <= 54
    assert {event.decoded("dtstart").weekday() for event in events} <= {5, 6}
    assert client.get(address).status_code == 401
    assert client.get(address, headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_the_schema_command_prints_the_schema(capsys):
    call_command("openapi")
    assert json.loads(capsys.readouterr().out)["info"]["title"] == "Retainer"


def test_an_update_whole(client, operator, system):
    update = people.make_update(system)
    told = call(client, "GET", f"/api/v1/updates/{update.pk}", token=token_of(operator)).json()
    assert (told["waiting"], told["changelog"], told["advisories"], told["effective_at"]) == ("host", "", [], None)
    assert told["waiting_words"].startswith("The host can't be worked on")


def test_end_of_life(client, operator, system):
    type(system).objects.filter(pk=system.pk).update(os_id="debian", os_version="11")
    told = call(client, "GET", "/api/v1/end-of-life", token=token_of(operator)).json()["items"]
    assert told == [{"system_id": system.pk, "product": "Debian", "version": "11", "ends_on": "2026-08-31", "is_system": True}]


def test_the_promise_of_a_month_with_the_list_behind_it(client, member, system):
    from datetime import UTC, datetime

    type(system).objects.update(environment="production")
    due = datetime(2026, 10, 5, tzinfo=UTC)
    missed = people.make_update(system, "late", due_at=due)
    met = people.make_update(
        system, "kept", due_at=due, gone_at=due, ended="installed", installed_at=due, effective_at=due
    )  # fmt: skip
    address = f"/api/v1/clients/{system.client_id}/compliance?month=2026-10"
    told = call(client, "GET", address, token=token_of(member, READING)).json()
    assert (told["month"], told["share"]) == ("2026-10", "50.0")
    assert [(row["how"], row["update_id"]) for row in told["updates"]] == [("met", met.pk), ("missed", missed.pk)]
    empty = call(client, "GET", address.replace("2026-10", "2026-09"), token=token_of(member, READING)).json()
    assert (empty["share"], empty["updates"]) == (None, [])


def test_upgrade_plans(client, operator):
    document = people.make_document()
    (told,) = call(client, "GET", "/api/v1/upgrade-plans", token=token_of(operator)).json()["items"]
    assert (told["name"], told["number"], told["sha256"], told["verified_at"]) == ("Lab page", 1, document.sha256, None)
