"""A system's colour: green only when everything was read lately and is fine."""

from datetime import timedelta

import pytest

from clients.models import System
from maintenance.queries import system_lines
from tests import people


def level_of(system):
    return system_lines(System.objects.filter(pk=system.pk), now=people.now())[0].health.level


def connected(system, **values):
    System.objects.filter(pk=system.pk).update(**({"connection": "ok"} | values))
    return system


def test_only_a_fresh_clean_scan_is_green(system):
    connected(system)
    people.make_scan(system)
    assert level_of(system) == "ok"


@pytest.mark.parametrize("connection", ["unknown", "unreachable", "host_key_mismatch", "auth_failed", "sudo_refused", "timeout"])
def test_no_connection_is_never_green(system, connection):
    connected(system, connection=connection)
    people.make_scan(system)
    assert level_of(system) in {"bad", "unknown"}


@pytest.mark.parametrize(
    "scan",
    [
        {"state": "failed"}, {"state": "stale"}, {"finished_at": people.now() - timedelta(days=2)},
        {"problems": ["dpkg is half-way"]}, {"reboot_required": True}, {"reboot_required": None},
    ],
)  # fmt: skip
def test_a_scan_that_is_not_fresh_and_clean_is_never_green(system, scan):
    connected(system)
    people.make_scan(system, **scan)
    assert level_of(system) != "ok"


def test_never_scanned_is_unknown(system):
    assert level_of(connected(system)) == "unknown"


def test_a_failed_scan_after_a_good_one_takes_the_green_away(system):
    connected(system)
    people.make_scan(system, finished_at=people.now() - timedelta(minutes=5))
    people.make_scan(system, state="failed")
    assert level_of(system) == "unknown"


@pytest.mark.parametrize(("due", "expected"), [(timedelta(days=1), "warn"), (timedelta(days=-1), "bad")])
def test_pending_and_overdue(system, due, expected):
    connected(system)
    people.make_scan(system)
    people.make_update(system, due_at=people.now() + due)
    assert level_of(system) == expected
