"""The API: token sign-in, scoped like the pages, the same services; every operation refuses strangers."""

import json

import pytest
from django.core.management import call_command
from django.utils import timezone

from maintenance.models import UpdateRun
from portal.accounts.models import ApiToken
from portal.accounts.services import create_token
from portal.api import api
from tests import people

SCHEMA = api.get_openapi_schema()
OPERATIONS = [(method, path) for path, methods in SCHEMA["paths"].items() for method in methods if not path.endswith("/token")]


def call(browser, method, path, token="", body=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return browser.generic(method.upper(), path, json.dumps(body or {}), content_type="application/json", headers=headers)


def token_of(user):
    return create_token(user=user, name="test", now=timezone.now())


@pytest.fixture
def run(system):
    return UpdateRun.objects.create(client=system.client, system=system, created_at=people.now(), actor_label="x")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_refuses_strangers_and_gives_nothing_foreign(client, method, path, system, run, outsider):
    address = path.format(system_id=system.pk, run_id=run.pk)
    assert call(client, method, address).status_code == 401
    assert call(client, method, address, token="rtn_wrong").status_code == 401
    body = {"client_id": system.client_id, "name": "x", "address": "x", "environment": "staging", "system_id": system.pk,
            "fingerprint": "x", "updates": [], "kind": "apply"}  # fmt: skip
    answer = call(client, method, address, token=token_of(outsider), body=body)
    if answer.status_code == 200:
        assert system.name not in answer.content.decode()
        assert answer.json()["count"] in {0, 1}  # their own client, at most
    else:
        assert answer.status_code in {403, 404}


def test_sign_in_gives_a_token_of_which_only_a_hash_is_kept(client, operator):
    answer = call(client, "post", "/api/v1/token", body={"email": operator.email, "password": people.PASSWORD})
    token = answer.json()["token"]
    assert call(client, "get", "/api/v1/clients", token=token).status_code == 200
    assert token not in str(list(ApiToken.objects.values()))
    assert call(client, "post", "/api/v1/token", body={"email": operator.email, "password": "no"}).status_code == 401


@pytest.mark.parametrize("change", [{"expires_at": people.now()}, {"revoked_at": people.now()}])
def test_a_token_ends(client, operator, change):
    token = token_of(operator)
    ApiToken.objects.update(**change)
    assert call(client, "get", "/api/v1/clients", token=token).status_code == 401


def test_a_system_is_added_and_an_update_decided_through_the_api(client, operator, sample_client):
    token = token_of(operator)
    added = call(client, "post", "/api/v1/systems", token=token, body={
        "client_id": sample_client.pk, "name": "api-1", "address": "api-1.example", "environment": "production"})  # fmt: skip
    assert added.status_code == 201
    assert added.json()["asked_work"] == "read_host_keys"
    again = call(client, "post", "/api/v1/systems", token=token, body={
        "client_id": sample_client.pk, "name": "api-1", "address": "api-1.example", "environment": "production"})  # fmt: skip
    assert again.status_code == 409
    assert "known already" in again.json()["detail"]
    from clients.models import System

    system = System.objects.get(pk=added.json()["id"])
    people.make_update(system)
    decided = call(client, "post", "/api/v1/decisions", token=token, body={
        "updates": [{"source": "openssl", "version": "1.1"}], "kind": "apply"})  # fmt: skip
    assert decided.json()["decisions"] == 1
    started = call(client, "post", "/api/v1/update-runs", token=token, body={"system_id": system.pk})
    assert (started.status_code, started.json()["state"]) == (201, "queued")
    log = call(client, "get", f"/api/v1/update-runs/{started.json()['id']}/log?offset=0", token=token)
    assert log.json() == {"text": "", "next_offset": 0, "complete": False}
    busy = call(client, "post", "/api/v1/update-runs", token=token, body={"system_id": system.pk})
    assert busy.status_code == 409


def test_the_schema_can_be_printed(capsys):
    call_command("openapi")
    printed = json.loads(capsys.readouterr().out)
    assert printed["openapi"].startswith("3.")
    assert "/api/v1/update-runs/{run_id}/log" in printed["paths"]
