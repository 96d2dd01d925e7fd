"""Looks and the database: what was seen is recorded when it is back."""

import pytest
from django.db import connection

from clients.services import access
from monitoring.models import Check, Result, Watch
from monitoring.services import watching
from monitoring.services.terms import terms_of
from tests import people
from tests.conftest import owner_connection

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = {"address": "127.0.0.1", "port": 1}


def test_a_connection_that_broke_in_the_middle_of_a_look_loses_nothing(sample_client):
    """The backend is ended by the server, after the look was claimed and before it is recorded."""
    system = people.make_system(sample_client, **NOWHERE)
    watch = people.make_watch(system)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    asked = watching.Asked(done(watching._ask(access.targets_of([system])[system.pk])), [])
    terms = terms_of([system.pk], kinds=[])
    with owner_connection() as owner:
        owner.execute("SELECT pg_terminate_backend(%s)", [pid])
    watching._record_surely([(watch, asked)], terms)
    assert (Check.objects.get().last_level, Result.objects.count(), Watch.objects.get().looks) == ("critical", 1, 1)


def test_a_client_whose_retainer_ended_is_not_looked_at(sample_client):
    people.make_watch(people.make_system(sample_client, **NOWHERE))
    type(sample_client).objects.filter(pk=sample_client.pk).update(ended_at=people.now())
    assert watching.look_at_due(now=people.now()) == 0


def test_a_system_without_a_confirmed_key_says_so(sample_client):
    people.make_watch(people.make_system(sample_client, **NOWHERE))
    assert watching.look_at_due(now=people.now()) == 1
    assert "No host key" in Check.objects.get().words


def done(value):
    from concurrent.futures import Future

    future = Future()
    future.set_result(value)
    return future
