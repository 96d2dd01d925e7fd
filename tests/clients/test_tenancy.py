"""The database holds what belongs to whom, where Python could forget."""

import pytest
from django.db import IntegrityError, connection, transaction

from clients.errors import SystemExists, TwinRefused
from clients.models import ServiceCheck, System, SystemHostKey
from clients.services import registry
from maintenance.models import PendingUpdate, Scan, UpdateRun
from portal.vault import crypto
from portal.vault.models import Credential, DataKey
from portal.vault.services import open_for_use
from tests import people


def test_rows_of_a_system_belong_to_its_client(system):
    other = people.make_client()
    rows = [
        lambda: Scan.objects.create(client=other, system=system, queued_at=people.now()),
        lambda: UpdateRun.objects.create(client=other, system=system, created_at=people.now(), actor_label="x"),
        lambda: ServiceCheck.objects.create(client=other, system=system, url="http://x/"),
        lambda: SystemHostKey.objects.create(client=other, system=system, key_type="t", key="k", fingerprint="f", seen_at=people.now()),
        lambda: PendingUpdate.objects.create(
            client=other, system=system, package="p", architecture="a", source="p", installed_version="1", candidate_version="2",
            first_seen_at=people.now(), pending_since=people.now(), due_at=people.now(),
        ),
    ]  # fmt: skip
    for make in rows:
        with pytest.raises(IntegrityError, match="same_client"), transaction.atomic():
            make()


def test_a_twin_is_a_staging_system_of_the_same_client(sample_client):
    system = people.make_system(sample_client, environment="production")
    staging = people.make_system(sample_client, environment="staging")
    foreign = people.make_system(environment="staging")
    production = people.make_system(sample_client, environment="production")
    registry.change_twin(system=system, staging_twin=staging, actor=people.TESTER, now=people.now())
    for wrong in (foreign, production):
        with pytest.raises(TwinRefused):
            registry.change_twin(system=system, staging_twin=wrong, actor=people.TESTER, now=people.now())
        # and the same where the service is walked around
        with pytest.raises(IntegrityError), transaction.atomic():
            System.objects.filter(pk=system.pk).update(staging_twin=wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        System.objects.filter(pk=staging.pk).update(environment="production")
    assert list(staging.staging_for.all()) == [System.objects.get(pk=system.pk)]


def test_a_system_is_known_once(system):
    with pytest.raises(SystemExists):
        people.make_system(address=system.address)
    with pytest.raises(SystemExists):
        people.make_system(system.client, name=system.name)


def test_the_private_key_is_sealed_and_bound_to_its_row(sample_client):
    credential = Credential.objects.get(client=sample_client)
    private = open_for_use(credential)
    assert private.startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----")
    assert private not in bytes(credential.versions.get().sealed)
    other = Credential.objects.get(client=people.make_client())
    other.versions.update(sealed=bytes(credential.versions.get().sealed))
    with pytest.raises(crypto.Unsealable):
        open_for_use(other)


def test_another_master_key_opens_nothing_and_damages_nothing(sample_client, settings):
    credential = Credential.objects.get(client=sample_client)
    before = bytes(DataKey.objects.get(client=sample_client).wrapped)
    right = settings.VAULT_MASTER_KEY
    settings.VAULT_MASTER_KEY = "A" * 43 + "="
    with pytest.raises(crypto.Unsealable):
        open_for_use(credential)
    settings.VAULT_MASTER_KEY = right
    assert bytes(DataKey.objects.get(client=sample_client).wrapped) == before
    assert open_for_use(credential)


@pytest.mark.parametrize("value", ["", "short", "not base64!", "A" * 10])
def test_a_master_key_that_can_not_be_one_is_refused_without_repeating_it(settings, value):
    from django.core.exceptions import ImproperlyConfigured

    settings.VAULT_MASTER_KEY = value
    with pytest.raises(ImproperlyConfigured) as caught:
        crypto.master_key()
    assert not value or value not in str(caught.value)


def test_every_table_with_a_client_and_a_system_ties_the_two(db):
    """Found in the database itself, so that a new table can't be forgotten."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.table_name FROM information_schema.columns c JOIN information_schema.columns s USING (table_schema, table_name)
               WHERE c.table_schema = 'public' AND c.column_name = 'client_id' AND s.column_name = 'system_id'"""
        )
        tables = {row[0] for row in cursor.fetchall()}
        cursor.execute(
            "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND conname LIKE '%system_id_same_client'"
        )
        tied = {row[0] for row in cursor.fetchall()}
    assert len(tables) >= 8
    assert tables == tied


def test_the_twin_is_changed_on_the_page_and_a_foreign_one_is_refused(operator_page, sample_client):
    system = people.make_system(sample_client, environment="production")
    staging = people.make_system(sample_client, environment="staging")
    foreign = people.make_system(environment="staging")
    address = f"/systems/{system.pk}/twin/"
    assert operator_page.post(address, {"staging_twin": foreign.pk}).status_code == 422
    assert operator_page.post(address, {"staging_twin": staging.pk}).status_code == 303
    assert System.objects.get(pk=system.pk).staging_twin == staging
    assert operator_page.post(address, {"staging_twin": ""}).status_code == 303
    assert System.objects.get(pk=system.pk).staging_twin is None
