"""The state of updates as a check: in order, overdue, not known."""

from datetime import timedelta

import pytest

from maintenance.models import PendingUpdate, Scan
from maintenance.services import updates_check
from monitoring.models import Alert, Check
from tests import people

pytestmark = pytest.mark.django_db


def said(now=None) -> tuple[str, str]:
    assert updates_check.say(now=now or people.now()) == 1
    check = Check.objects.get(kind="updates")
    return check.level, check.words


def test_overdue_is_told_and_a_scan_that_is_missing_is_not_fine(system):
    people.make_watch(system)
    people.make_system(system.client)  # nobody watches it
    system.connection = "ok"
    system.save()
    assert said() == ("unknown", "Never scanned.")
    people.make_scan(system)
    update = people.make_update(system)
    PendingUpdate.objects.filter(pk=update.pk).update(due_at=people.now() + timedelta(days=3))
    assert said() == ("up", "1 pending, none overdue.")
    PendingUpdate.objects.filter(pk=update.pk).update(due_at=people.now() - timedelta(days=1))
    assert said() == ("warning", "1 update overdue, 1 pending.")
    assert Alert.objects.filter(check_row__kind="updates", state="open").count() == 1
    PendingUpdate.objects.all().delete()
    assert said()[0] == "up"
    assert not Alert.objects.filter(check_row__kind="updates").exclude(state="closed").exists()
    Scan.objects.update(state="failed", reason="the host did not answer", error_code="unreachable")
    assert said()[0] == "unknown"
