"""Looks as root: what a real answer says, what is ordinary, what changed, what is covered."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from monitoring import queries
from monitoring.choices import Kind, Level
from monitoring.models import Check, SecurityEvent, Thing
from monitoring.parsers.inventory import Inventory as Seen
from monitoring.parsers.inventory import UnreadableInventory, parse_inventory
from monitoring.queries.coverage import Checked, covered_by
from monitoring.services import coverage, security
from monitoring.services.baselines import LEARNT, Ordinary, level_of
from monitoring.services.inventory_rules import Counters, observe_inventory
from portal.audit.models import AuditEvent
from portal.errors import PortalError, constraint_name
from tests import people

TEXT = (Path(__file__).parents[1] / "captures/debian-12/inventory.txt").read_text()


def answer(*lines: str, clock: int = 1_795_703_000, read: str = "") -> Seen:
    ends = "".join(f"read\t{area}\n" for area in read.split())
    return parse_inventory(f"clock\t{clock}\n" + "".join(f"{line}\n" for line in lines) + ends + "end\n")


def seen(inventory: Seen, *, before: Counters | None = None, **values):
    found, after = observe_inventory(inventory, before=before or Counters(), **{"own": {}, "wanted": (), "drills": (), **values})
    return {(str(one.kind), one.subject): one for one in found}, after


def test_a_real_answer_is_read():
    inventory = parse_inventory(TEXT)
    assert {"journal", "accounts", "keys", "ports", "services", "mounts", "databases"} <= inventory.read
    assert "nginx.service" in inventory.services
    assert inventory.facts["ports"]["tcp 0.0.0.0:22"] == "sshd"
    assert inventory.facts["accounts"]["root"].startswith("uid 0, gid 0")
    assert inventory.webs[0].path == "/var/log/nginx/access.log"
    assert inventory.mounts == {"/": "overlay"}


@pytest.mark.parametrize(
    "text", ["", "clock\t1\n", TEXT.removesuffix("end\n"), "clock\tx\nend\n", "clock\t1\nwhat\tis this\nend\n", "end\n"]
)
def test_an_answer_that_was_cut_or_is_none_is_not_read(text):
    with pytest.raises(UnreadableInventory):
        parse_inventory(text)


def test_what_was_not_read_says_nothing():
    found, _ = seen(answer())
    assert found == {}


def test_what_is_ordinary_is_learnt_and_an_attack_is_not():
    ordinary = Ordinary()
    assert level_of(9.0, ordinary, floor=1.0) == Level.UP, "until it knows, only what is far out counts"
    assert level_of(10.0, ordinary, floor=1.0) == Level.WARNING
    for number in range(LEARNT * 4):
        ordinary = ordinary.learn(10.0 + number % 3)
    assert 10 < ordinary.mean < 12
    assert level_of(20.0, ordinary, floor=1.0) == Level.UP
    assert level_of(40.0, ordinary, floor=1.0) == Level.WARNING
    assert level_of(200.0, ordinary, floor=1.0) == Level.CRITICAL
    assert level_of(4.9, Ordinary(100, 0.0, 0.0), floor=5.0) == Level.UP, "what never matters is no warning, however unusual"


def test_a_noisy_look_does_not_teach_that_noise_is_ordinary():
    before = Counters(clock=1_795_702_700, ordinary={"sign-ins ": [50, 1.0, 0.1]})
    found, after = seen(answer("refused\t500\t0\t192.0.2.9", read="signins"), before=before)
    assert (found["sign-ins", ""].level, "192.0.2.9" in found["sign-ins", ""].words) == (Level.CRITICAL, True)
    assert after.ordinary == before.ordinary
    found, after = seen(answer("refused\t5\t0\t", read="signins"), before=before)
    assert found["sign-ins", ""].level == Level.UP
    assert after.ordinary["sign-ins "][0] == 51


def test_failures_of_a_web_server_by_its_log():
    before = Counters(clock=1_795_702_700, ordinary={"web-errors /var/log/nginx/access.log": [50, 0.0, 0.0]})
    found, after = seen(answer("web\t/var/log/nginx/access.log\t7\t900\t100\t40", read="web"), before=before)
    one = found["web-errors", "/var/log/nginx/access.log"]
    assert (one.level, one.value) == (Level.CRITICAL, 8.0)
    assert after.logs == {"/var/log/nginx/access.log": [7, 900]}


@pytest.mark.parametrize(
    ("line", "area", "key", "level"),
    [
        ("container\tdocker\tweb\trunning\t-\t0\talways", "containers", ("container", "web"), "up"),
        ("container\tdocker\tweb\trunning\tunhealthy\t0\talways", "containers", ("container", "web"), "critical"),
        ("container\tdocker\tweb\trestarting\t-\t9\talways", "containers", ("container", "web"), "critical"),
        ("container\tdocker\tweb\texited\t-\t0\tunless-stopped", "containers", ("container", "web"), "critical"),
        ("container\tdocker\ttask\texited\t-\t0\tno", "containers", ("container", "task"), "up"),
        ("engine\tdocker\tsilent", "containers", ("container", "docker"), "unknown"),
        ("database\tpostgresql 15/main\taccepts", "databases", ("database", "postgresql 15/main"), "up"),
        ("database\tpostgresql 15/main\trefuses", "databases", ("database", "postgresql 15/main"), "critical"),
        ("certificate\t/etc/x.pem\t1803479000", "certificates", ("cert-file", "/etc/x.pem"), "up"),
        ("certificate\t/etc/x.pem\t1796567000", "certificates", ("cert-file", "/etc/x.pem"), "warning"),
        ("certificate\t/etc/x.pem\t1795700000", "certificates", ("cert-file", "/etc/x.pem"), "critical"),
        ("certificate\t/etc/x.pem\t", "certificates", ("cert-file", "/etc/x.pem"), "critical"),
        ("fail2ban\tsshd\tanswers\t3", "fail2ban", ("fail2ban", "sshd"), "up"),
        ("fail2ban\t-\tsilent\t0", "fail2ban", ("fail2ban", ""), "critical"),
        ("smart\t/dev/sda\tPASSED\t0\t", "smart", ("smart", "/dev/sda"), "up"),
        ("smart\t/dev/sda\tPASSED\t8\t", "smart", ("smart", "/dev/sda"), "warning"),
        ("smart\t/dev/nvme0\tPASSED\t0\t95", "smart", ("smart", "/dev/nvme0"), "warning"),
        ("smart\t/dev/sda\tFAILED!\t0\t", "smart", ("smart", "/dev/sda"), "critical"),
        ("smart\t/dev/sda\t-\t0\t", "smart", ("smart", "/dev/sda"), "unknown"),
        ("zfs\ttank\tONLINE\t40", "zfs", ("zfs", "tank"), "up"),
        ("zfs\ttank\tONLINE\t85", "zfs", ("zfs", "tank"), "warning"),
        ("zfs\ttank\tDEGRADED\t40", "zfs", ("zfs", "tank"), "critical"),
        ("raid\tmd0\tactive\t[UU]", "raid", ("raid", "md0"), "up"),
        ("raid\tmd0\tactive\t[U_]", "raid", ("raid", "md0"), "critical"),
    ],
)  # fmt: skip
def test_what_a_line_means(line, area, key, level):
    found, _ = seen(answer(line, read=area))
    assert found[key].level == level


def test_what_is_gone_is_told_where_its_area_was_read():
    wanted = {(Kind.CONTAINER, "web"), (Kind.DATABASE, "mariadb"), (Kind.MOUNT, "/mnt/nas")}
    found, _ = seen(answer(read="containers mounts"), wanted=wanted)
    assert {key: one.level for key, one in found.items()} == {("container", "web"): "critical", ("mount", "/mnt/nas"): "critical"}
    found, _ = seen(answer("mount\t/mnt/nas\tnfs4", read="mounts"), wanted=wanted)
    assert found["mount", "/mnt/nas"].level == "up"


def test_a_unit_that_starts_again_by_itself():
    before = Counters(clock=1_795_702_700, restarts={"web.service": 4, "quiet.service": 7})
    inventory = answer("restarts\tweb.service\t10", "restarts\tquiet.service\t7", read="restarts")
    found, _ = seen(inventory, before=before)
    assert set(found) == {("restarts", "web.service")}
    assert (found["restarts", "web.service"].level, found["restarts", "web.service"].value) == ("critical", 6.0)
    found, _ = seen(answer(read="restarts"), before=before, wanted={(Kind.RESTARTS, "web.service")})
    assert found["restarts", "web.service"].level == "up", "started on purpose it counts from zero"


@pytest.fixture
def inventory(system):
    return people.make_inventory(system)


def compared(inventory, *lines: str, read: str, at=None):
    found = security.compare(inventory=inventory, seen=answer(*lines, read=read), now=at or people.now())
    inventory.save()
    return {one.subject: (str(one.level), one.words) for one in found}


@pytest.mark.django_db
def test_the_first_look_is_known_and_what_changes_is_an_event_until_somebody_says_so(inventory):
    root, key = "fact\taccounts\troot\tuid 0", "fact\tkeys\troot SHA256:aaa\t256 bits"
    assert compared(inventory, root, key, read="accounts keys") == {
        "accounts": ("up", "As it is known."),
        "keys": ("up", "As it is known."),
    }
    changed = compared(inventory, root, "fact\taccounts\tmallory\tuid 0", key, read="accounts keys")
    assert changed["accounts"] == ("critical", "Nobody said that it is meant: mallory.")
    assert compared(inventory, root, "fact\taccounts\tmallory\tuid 0", key, read="accounts keys") == changed, "and stays so"
    event = SecurityEvent.objects.get()
    assert (event.was, event.now_is) == ("", "uid 0")
    with pytest.raises(PortalError):
        security.accept(events=[event], reason="", actor=people.TESTER, now=people.now())
    security.accept(events=[event], reason="the new colleague", actor=people.TESTER, now=people.now())
    inventory.refresh_from_db()
    assert compared(inventory, root, "fact\taccounts\tmallory\tuid 0", key, read="accounts keys")["accounts"][0] == "up"
    # who was accepted and goes is a change as well
    assert compared(inventory, root, key, read="accounts keys")["accounts"][0] == "critical"
    assert AuditEvent.objects.filter(action="security_event.accept").count() == 1
    with pytest.raises(PortalError):
        security.accept(events=[event], reason="again", actor=people.TESTER, now=people.now())


@pytest.mark.django_db
def test_what_is_as_it_was_is_no_event_any_more_and_what_was_not_read_is_no_change(inventory):
    compared(inventory, "fact\tcron\t/etc/crontab\tsha256 a", read="cron")
    assert compared(inventory, "fact\tcron\t/etc/crontab\tsha256 b", read="cron")["cron"][0] == "warning"
    assert compared(inventory, read="") == {}
    assert SecurityEvent.objects.filter(reverted_at=None).count() == 1
    assert compared(inventory, "fact\tcron\t/etc/crontab\tsha256 a", read="cron")["cron"][0] == "up"
    assert SecurityEvent.objects.get().reverted_at is not None


@pytest.mark.django_db
def test_who_signs_in_is_learnt_for_a_day_and_a_stranger_stays_an_event(inventory):
    admin, stranger = "signin\tadmin\tpublickey\t192.0.2.1\tSHA256:abc", "signin\tadmin\tpassword\t203.0.113.9\t-"
    compared(inventory, read="signins")
    assert compared(inventory, admin, read="signins")["sign-ins"][0] == "up"
    later = people.now() + timedelta(days=2)
    assert compared(inventory, admin.replace("192.0.2.1", "198.51.100.2"), read="signins", at=later)["sign-ins"][0] == "up", (
        "the same key"
    )
    assert compared(inventory, stranger, read="signins", at=later)["sign-ins"][0] == "warning"
    assert compared(inventory, read="signins", at=later)["sign-ins"][0] == "warning", "that somebody was there does not go away"


@pytest.mark.django_db
def test_the_database_wants_a_reason_and_one_open_event_of_a_thing(inventory):
    values = {"client_id": inventory.client_id, "system_id": inventory.system_id, "area": "keys", "thing": "x", "seen_at": people.now()}
    SecurityEvent.objects.create(**values)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        SecurityEvent.objects.create(**values)
    assert constraint_name(error.value) == "one_open_event_of_a_thing"
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        SecurityEvent.objects.create(**values | {"thing": "y", "accepted_at": people.now()})
    assert constraint_name(error.value) == "who_accepts_an_event_says_why"


CHECKED = Checked(
    frozenset({("service", "nginx.service"), ("disk", "/"), ("mount", "/mnt/nas"), ("smtp", "mail.example.org:25"), ("container", "web")}),
    ("https://www.example.org/", "http://10.0.0.1:8080/"), 22,
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "covered"),
    [
        ("service", "nginx.service", True), ("service", "other.service", False), ("mount", "/", True), ("mount", "/mnt/nas", True),
        ("mount", "/srv", False), ("port", "tcp 22", True), ("port", "tcp 443", True), ("port", "tcp 80", False), ("port", "tcp 8080", True),
        ("port", "tcp 25", True), ("port", "tcp 2525", False), ("site", "www.example.org", True), ("site", "example.org", False),
        ("container", "web", True), ("container", "db", False), ("database", "mariadb", False), ("certificate", "/etc/x.pem", False),
    ],
)  # fmt: skip
def test_what_covers_a_thing(kind, name, covered):
    assert bool(covered_by(kind, name, CHECKED)) is covered


def noted(inventory, *lines: str, read: str):
    coverage.note_things(inventory=inventory, seen=answer(*lines, read=read), now=people.now())
    inventory.save()
    return {str(line.thing): line.state for line in queries.thing_lines(inventory.system)}


@pytest.mark.django_db
def test_things_are_found_checked_by_role_covered_excused_and_missed(inventory, system):
    system.roles = ["web"]
    system.save()
    inventory.refresh_from_db()
    lines = ["service\tnginx.service", "service\tapp.service", "service\tsystemd-logind.service", "fact\tports\ttcp 0.0.0.0:80\tnginx",
             "fact\tports\ttcp 127.0.0.1:6379\tredis", "site\twww.example.org"]  # fmt: skip
    found = noted(inventory, *lines, read="services ports sites")
    assert found == {
        "Service nginx.service": "Checked", "Service app.service": "Not checked", "Listening port tcp 80": "Not checked", "Site www.example.org": "Not checked",
    }  # fmt: skip
    assert (inventory.things, inventory.covered) == (4, 1)
    for thing in Thing.objects.exclude(name="nginx.service"):
        if thing.name == "tcp 80":
            coverage.excuse(thing=thing, reason="the site behind it is checked", actor=people.TESTER, now=people.now())
        else:
            coverage.cover(thing=thing, actor=people.TESTER, now=people.now())
    inventory.refresh_from_db()
    assert (inventory.things, inventory.covered) == (3, 3)
    assert Check.objects.get(kind="service", subject="app.service").level == "unknown", "until the next look"
    assert [row.url for row in system.service_checks.all()] == ["http://www.example.org/"]
    found = noted(inventory, *lines[1:], read="services ports sites")
    assert found["Service nginx.service"] == "Gone"
    assert noted(inventory, *lines, read="services ports sites")["Service nginx.service"] == "Checked"
    assert noted(inventory, read="")["Service app.service"] == "Checked", "what was not read is not gone"


@pytest.mark.django_db
def test_a_port_is_covered_by_one_press_and_an_excuse_needs_a_reason(inventory, system):
    noted(inventory, "fact\tports\ttcp 0.0.0.0:5432\tpostgres", read="ports")
    thing = Thing.objects.get()
    with pytest.raises(PortalError):
        coverage.excuse(thing=thing, reason=" ", actor=people.TESTER, now=people.now())
    coverage.cover(thing=thing, actor=people.TESTER, now=people.now())
    assert system.probes.get().target == f"{system.address}:5432"
    people.make_check(system, kind="tcp", subject=f"{system.address}:5432")
    assert [line.state for line in queries.thing_lines(system)] == ["Checked"]


@pytest.mark.django_db
def test_coverage_of_a_client_is_not_known_where_nobody_could_look(inventory, system):
    inventory.things, inventory.covered = 3, 2
    inventory.save()
    people.make_system(system.client)
    (one,) = queries.coverage(people.TESTER)
    assert (one.percent, one.unseen) == (66, 1)


@pytest.mark.django_db
def test_a_threshold_that_nothing_comes_near_is_pointed_out(system):
    check = people.make_check(system, kind="http", subject="https://x/", warning=600.0)
    check.results.create(client_id=system.client_id, at=people.now(), rank=0, value=0.4)
    near = people.make_check(system, kind="http", subject="https://y/", warning=1.0)
    near.results.create(client_id=system.client_id, at=people.now(), rank=0, value=0.4)
    assert [one for one, _ in queries.far_off(system)] == [check]
