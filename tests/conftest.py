"""Fixtures: people, and browsers signed in as them."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser

from tests import people


@pytest.fixture(scope="session", autouse=True)
def static_files():
    """Collected as in production, hashed names and all: a page that names a missing file fails."""
    call_command("collectstatic", "--no-input", verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def last_connections(django_db_setup, django_db_blocker):
    """End what threads of servers left connected, so that the test database can be dropped."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def operator(db):
    return people.make_operator()


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
def outsider(db):
    """Somebody at another client."""
    return people.make_member(people.make_client("Other"))


def signed_in(user) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.fixture
def operator_page(operator):
    return signed_in(operator)


@pytest.fixture
def member_page(member):
    return signed_in(member)


@pytest.fixture
def outsider_page(outsider):
    return signed_in(outsider)
