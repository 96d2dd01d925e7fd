"""Fixtures: people, and browsers signed in as them. Tests work on the database as the portal's own role does."""

import secrets

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client as Browser

from portal.accounts.scope import acting_for_all
from tests import people, services
from tests.people import signed_in

APP_ROLE = "retainer_portal"
APP_PASSWORD = secrets.token_urlsafe(16)


@pytest.fixture(scope="session", autouse=True)
def static_files():
    """Collected as in production, hashed names and all: a page that names a missing file fails."""
    call_command("collectstatic", "--no-input", verbosity=0)


@pytest.fixture(scope="session")
def django_db_modify_db_settings():
    """The test database is made by the owner, out of the migrated one; migrate then makes the portal's role."""
    connections["default"].settings_dict["TEST"]["TEMPLATE"] = services.template()
    connections["default"].settings_dict.update(APP_ROLE=APP_ROLE, APP_PASSWORD=APP_PASSWORD, OWNER_AT_WORK=True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """From here on everything, row-level security included, is as in production: another role than the owner of the tables."""
    settings = connections["default"].settings_dict
    owner = {name: settings[name] for name in ("USER", "PASSWORD")}
    with owner_connection() as connection:
        # what only tests do: empty all tables after each transactional one
        connection.execute(f"GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO {APP_ROLE}")
    with django_db_blocker.unblock():
        connections["default"].close()
    settings.update(USER=APP_ROLE, PASSWORD=APP_PASSWORD, OWNER_AT_WORK=False, OWNER=owner)
    yield
    with django_db_blocker.unblock():
        with owner_connection() as connection:
            # what threads of servers left connected would keep the database from being dropped
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        connections["default"].close()
    settings.update(owner, OWNER_AT_WORK=True)


def owner_connection() -> psycopg.Connection:
    """The owner of the tables: for what the portal itself can't do, tampering included."""
    settings = connections["default"].settings_dict
    owner = settings.get("OWNER") or settings
    return psycopg.connect(
        dbname=settings["NAME"], user=owner["USER"], password=owner["PASSWORD"], host=settings["HOST"], port=settings["PORT"] or None,
        autocommit=True,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def everything_in_view(request):
    """Tests set their scenes for all clients; requests and tasks state their own scope within."""
    marker = request.node.get_closest_marker("django_db")
    if marker is None and not {"db", "transactional_db"} & set(request.fixturenames):
        yield
        return
    transactional = "transactional_db" in request.fixturenames or bool(marker and marker.kwargs.get("transaction"))
    request.getfixturevalue("transactional_db" if transactional else "db")
    with acting_for_all():
        yield


@pytest.fixture
def lead(db):
    return people.make_staff("lead")


@pytest.fixture
def operator(db):
    return people.make_operator()


@pytest.fixture
def auditor(db):
    return people.make_staff("auditor")


@pytest.fixture
def sample_client(db):
    return people.make_client("Sample")


@pytest.fixture
def system(sample_client):
    return people.make_system(sample_client, name="web-1", address="web-1.example")


@pytest.fixture
def member(sample_client):
    """Somebody at the sample client."""
    return people.make_member(sample_client)


@pytest.fixture
def owner(sample_client):
    """The sample client's owner."""
    return people.make_owner(sample_client)


@pytest.fixture
def outsider(db):
    """Somebody at another client."""
    return people.make_member(people.make_client("Other"))


@pytest.fixture
def operator_page(operator) -> Browser:
    return signed_in(operator)


@pytest.fixture
def member_page(member) -> Browser:
    return signed_in(member)


@pytest.fixture
def owner_page(owner) -> Browser:
    return signed_in(owner)


@pytest.fixture
def outsider_page(outsider) -> Browser:
    return signed_in(outsider)
