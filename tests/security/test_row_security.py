"""PostgreSQL itself gives only rows of the stated clients. Tried past every query of ours, on the portal's own role."""

import subprocess
import sys

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction

from clients.models import Client, System
from maintenance.models import PendingUpdate, Scan, UpdateRun
from portal.accounts.models import Membership
from portal.accounts.rowsecurity import refuse_to_bypass, tables_of_clients
from portal.accounts.scope import EVERYTHING, NOTHING, Scope, acting, acting_as, acting_for
from portal.accounts.tenancy import ClientQuerySet
from portal.audit.models import AuditEvent
from portal.vault.models import Credential
from tests import people
from tests.conftest import owner_connection
from tests.hosts.conftest import portal_url
from tests.people import signed_in


@pytest.fixture
def two(db):
    """Two systems of two clients, with something of everything."""
    systems = [people.make_system(name=f"secret-host-{number}") for number in (1, 2)]
    for system in systems:
        people.make_update(system)
        people.make_scan(system)
        UpdateRun.objects.create(client=system.client, system=system, created_at=people.now(), actor_label="x")
    return systems


MODELS = (System, Scan, PendingUpdate, UpdateRun, Credential, AuditEvent)


def test_nothing_stated_is_nothing_seen(two):
    with acting(NOTHING):
        assert [model.objects.count() for model in (Client, *MODELS)] == [0] * 7
    with acting(EVERYTHING):
        assert System.objects.count() == 2


def test_a_stated_client_is_all_that_is_seen(two):
    mine = two[0].client
    with acting_for(mine.pk):
        assert list(Client.objects.all()) == [mine]
        for model in MODELS:
            assert set(model.objects.values_list("client_id", flat=True)) == {mine.pk}


def test_a_forgotten_filter_gives_nothing_foreign(two, monkeypatch):
    """The Python scope is dropped altogether: `visible_to` gives everything. A page still shows no foreign row."""
    monkeypatch.setattr(ClientQuerySet, "visible_to", lambda self, actor, permission=None: self.all())
    mine, theirs = two
    page = signed_in(people.make_owner(mine.client), raise_request_exception=False)
    for address in ("/", "/runs/", "/audit/"):
        text = page.get(address).content.decode()
        assert mine.name in text
        assert theirs.name not in text
    assert page.get(f"/systems/{theirs.pk}/").status_code == 404
    assert page.get(f"/systems/{mine.pk}/").status_code == 200
    # a control: for staff, who see all clients, the same pages do show both
    both = signed_in(people.make_operator()).get("/").content.decode()
    assert mine.name in both
    assert theirs.name in both


def test_writing_for_another_client_is_refused(two):
    mine, theirs = two
    with acting_for(mine.client_id):
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Scan.objects.create(client_id=theirs.client_id, system_id=theirs.pk, queued_at=people.now())
        assert System.objects.filter(pk=theirs.pk).update(name="taken over") == 0
        assert System.objects.filter(pk=theirs.pk).delete()[0] == 0
    theirs.refresh_from_db()
    assert theirs.name == "secret-host-2"


def test_raw_sql_is_bound_as_well(two):
    with acting_for(two[0].client_id), connection.cursor() as cursor:
        cursor.execute("SELECT name FROM clients_system")
        assert cursor.fetchall() == [(two[0].name,)]


def test_a_scope_ends_whatever_happens(two):
    with acting(NOTHING):
        with pytest.raises(RuntimeError), acting_for(two[0].client_id), transaction.atomic():
            raise RuntimeError
        assert System.objects.count() == 0
        with pytest.raises(DatabaseError), transaction.atomic(), acting_for(two[0].client_id), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert System.objects.count() == 0
        with acting_for(two[0].client_id):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
            assert System.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_in_the_middle_of_a_scope_starts_with_it():
    system = people.make_system()
    people.make_system()
    with acting_for(system.client_id):
        connection.close()
        assert list(System.objects.all()) == [system]
    connection.close()
    assert System.objects.count() == 2


def test_a_request_leaves_no_scope_behind(two):
    signed_in(people.make_operator()).get("/")
    with acting(NOTHING):
        people_page = signed_in(None)
        assert people_page.get("/health/").status_code == 200
        assert System.objects.count() == 0


def test_a_person_finds_out_where_they_belong_and_nothing_else(two):
    mine, theirs = two
    user, other = people.make_member(mine.client), people.make_member(theirs.client)
    with acting(Scope(frozenset(), user.pk)):
        assert list(Membership.objects.values_list("user_id", flat=True)) == [user.pk]
        assert Client.objects.count() == 0
    with acting_as(people.actor(user)):
        assert set(Membership.objects.values_list("client_id", flat=True)) == {mine.client_id}
    assert other.memberships.count() == 1


def test_every_table_that_carries_a_client_has_the_policy(db):
    """Found in the catalogue: a new table can't be forgotten, and the owner's own queries are bound too."""
    with connection.cursor() as cursor:
        tables = tables_of_clients(cursor)
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        secured = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT tablename, qual, with_check FROM pg_policies")
        policies = {row[0]: row for row in cursor.fetchall()}
    assert len(tables) >= 18
    assert set(tables) == secured == set(policies)
    for _, rule, check in policies.values():
        assert "retainer_all_clients" in rule
        assert "retainer_clients" in rule
        assert "retainer_all_clients" in check


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE clients_system DISABLE ROW LEVEL SECURITY",
        "DROP POLICY of_stated_client ON clients_system",
        "ALTER TABLE audit_auditevent DISABLE TRIGGER audit_append_only",
        "SET ROLE postgres",
        "CREATE FUNCTION evil() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "UPDATE audit_auditchain SET position = 0",
        "INSERT INTO audit_auditchain VALUES (99, 0, '')",
        "DELETE FROM django_migrations",
    ],
)
def test_the_portals_role_can_not_step_around_it(db, statement):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_the_portal_does_not_work_as_a_role_that_could(settings):
    """A superuser, and the owner of the tables: each new connection is refused with what to do."""
    values = connection.settings_dict
    mine = {name: values[name] for name in ("USER", "PASSWORD")}
    try:
        values.update(values["OWNER"])
        connection.close()
        with pytest.raises(ImproperlyConfigured, match="DATABASE_OWNER_URL"):
            System.objects.count()
    finally:
        values.update(mine)
        connection.close()
    assert System.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_plain_owner_is_refused_too():
    values = connection.settings_dict
    with owner_connection() as owner:
        owner.execute("CREATE ROLE plain_owner LOGIN")
        owner.execute("GRANT plain_owner TO postgres")
        owner.execute("ALTER TABLE clients_client OWNER TO plain_owner")
    mine = {name: values[name] for name in ("USER", "PASSWORD")}
    try:
        values.update(USER="plain_owner", PASSWORD="")
        connection.close()
        with pytest.raises(ImproperlyConfigured, match="owns the tables"):
            System.objects.count()
    finally:
        values.update(mine)
        connection.close()
        with owner_connection() as owner:
            owner.execute("ALTER TABLE clients_client OWNER TO postgres")
            owner.execute("DROP OWNED BY plain_owner")
            owner.execute("DROP ROLE plain_owner")


@pytest.mark.django_db(transaction=True)
def test_a_worker_process_does_not_start_as_the_owner(tmp_path):
    """The real program: `celery worker` on the owner's URL ends with the sentence instead of taking work."""
    import os

    values = connection.settings_dict
    url = portal_url(values | values["OWNER"])
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "portal.celery", "worker", "-P", "solo", "-Q", "nobody"],
        env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "steps around row-level security" in done.stderr


def test_the_role_of_the_tests_is_the_portals(db):
    """So that what the tests show holds for the portal: no owner, no superuser, nothing of the owner's inherited."""
    refuse_to_bypass(connection=connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("retainer_portal", False, False, False)
    assert isinstance(connection.connection, psycopg.Connection)
