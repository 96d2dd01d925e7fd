"""manage.py demo_data: the same each time, never beside real clients, and nothing of it pretends to be known."""

import pytest
from django.core.management import CommandError, call_command

from clients.models import Client, System
from maintenance.models import AdvisoryFeed, Breach, Decision, PendingUpdate
from maintenance.queries import system_lines
from tests import people

pytestmark = pytest.mark.django_db


def test_it_fills_the_pages_once(operator_page):
    for _ in range(2):
        call_command("demo_data")
    assert (Client.objects.count(), System.objects.count()) == (1, 6)
    assert set(AdvisoryFeed.objects.values_list("name", flat=True)) == {"debian-demo", "kev-demo"}
    nginx = PendingUpdate.objects.filter(source="nginx", package="nginx").first()
    assert (nginx.severity, bool(nginx.exploited_since), nginx.get_priority_display()) == ("high", True, "Urgent")
    assert Decision.objects.filter(reason__startswith="rule").exists()
    assert Breach.objects.exists()
    text = operator_page.get("/triage/").content.decode()
    # the third web server on production is of another release, and has none pending
    assert "exploited in the wild; high severity; nginx listens on 0.0.0.0:443 on 2 production systems" in text
    for address in ("/", "/rollouts/", "/end-of-life/", f"/clients/{Client.objects.get().pk}/promise/", "/upgrades/", "/wall/",
                    "/coverage/", "/drills/", "/incidents/", "/status/", "/public/demo-bakery/", "/handover/",
                    *(f"/clients/{Client.objects.get().pk}/{page}/" for page in ("handover", "handover/plan", "runbooks"))):  # fmt: skip
        assert operator_page.get(address).status_code == 200
    assert "99.99" not in operator_page.get("/wall/").content.decode()
    status = operator_page.get("/public/demo-bakery/").content.decode()
    assert ("did not work for 47 minutes" in status, "Not everything is known" in status) == (True, True)
    # nobody ever connected to them, and that is what is said
    assert {line.health.level for line in system_lines(System.objects.all(), now=people.now())} == {"unknown"}


def test_it_refuses_where_real_clients_are():
    people.make_client("Real Ltd")
    with pytest.raises(CommandError, match="does not mix"):
        call_command("demo_data")
    assert not System.objects.exists()


def test_the_demos_real_hosts_may_be_there():
    people.make_client("Sample Client")
    call_command("demo_data")
    assert Client.objects.count() == 2
