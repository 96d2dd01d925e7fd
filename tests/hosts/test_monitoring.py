"""Monitoring of real hosts: each thing made to fail for real and to recover; a cut cable; workers that are gone."""

import signal
from datetime import timedelta

import pytest
from django.db import connections

from clients.models import AllowedRange, HostKeyAlert, ServiceCheck
from monitoring import queries
from monitoring.choices import Level
from monitoring.models import Alert, Check, Delivery, Result, Watch
from monitoring.services import channels, overdue, watching
from portal.audit.models import AuditEvent
from tests import people, services
from tests.hosts.conftest import another_machine, set_up
from tests.lab.machine import wait_for
from tests.security.smtp import SmallSmtp

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def system(machine):
    system = set_up(machine)
    machine.run("systemctl reset-failed")
    return system


def look(system, times: int = 1) -> None:
    """Look so often, as if the time for it had come each time."""
    for _ in range(times):
        watching.begin_where_missing(now=people.now())
        Watch.objects.filter(system=system).update(due_at=people.now(), claimed_until=None)
        assert watching.look_at_due(now=people.now()) == 1


def level(system, kind: str, subject: str = "") -> str:
    return queries.line_of(Check.objects.get(system=system, kind=kind, subject=subject), now=people.now()).level


# How busy the machine is that carries the lab is no test's business.
NOISE = ["cpu", "load", "pressure", "memory", "swap"]


def open_alerts() -> set[str]:
    return {str(alert.check_row) for alert in Alert.objects.exclude(state="closed").exclude(check_row__kind__in=NOISE)}


def test_each_thing_fails_for_real_and_recovers(system, machine):
    look(system, 3)
    checks = queries.checks_of(system, now=people.now())
    kinds = {line.check.kind for line in checks}
    assert {"reach", "cpu", "load", "memory", "disk", "inodes", "units", "clock", "restart"} <= kinds
    not_up = {str(line.check): line.check.words for line in checks if line.level != Level.UP and line.check.kind not in NOISE}
    assert not not_up
    # a unit that fails, and a restart that an update waits for
    machine.run(
        "printf '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' >/etc/systemd/system/canary.service; systemctl start canary || true"
    )
    machine.run("touch /run/reboot-required")
    look(system, 2)
    assert (level(system, "units"), level(system, "restart")) == ("critical", "warning")
    assert "canary.service" in Check.objects.get(system=system, kind="units").words
    assert open_alerts() >= {"Failed units", "Restart needed"}
    machine.run("systemctl reset-failed; rm /run/reboot-required")
    look(system, 2)
    assert not open_alerts() & {"Failed units", "Restart needed"}
    assert Result.objects.filter(check_row__kind="units").count() == Watch.objects.get().looks == 7


def test_a_disk_fills_up_and_is_emptied(lab):
    """A file system of the host's own."""
    with another_machine(disk="btrfs") as host:
        system = set_up(host)
        look(system, 2)
        assert level(system, "disk", "/") == "up"
        host.run("fallocate -l $(df -P -k / | awk 'NR == 2 {printf \"%d\", $4 * 0.97}')K /filled")
        look(system, 2)
        assert level(system, "disk", "/") == "critical"
        assert open_alerts() == {"Disk /"}
        host.run("rm /filled; sync -f /; btrfs filesystem sync /")
        look(system, 2)
        assert not open_alerts()


def test_a_cut_cable_is_one_alert_and_nothing_behind_it_is_green(system, machine):
    look(system, 2)
    machine.unplug()
    look(system, 2)
    Check.objects.exclude(kind="reach").update(stale_at=people.now())
    overdue.mark(now=people.now())
    assert open_alerts() == {"Reached over SSH"}
    assert {line.level for line in queries.checks_of(system, now=people.now())} == {Level.CRITICAL, Level.UNKNOWN}, "nothing is green"
    machine.plug()
    look(system, 3)
    assert not open_alerts()
    assert level(system, "disk", "/") == "up"


def test_another_host_key_is_an_alert_and_nothing_is_sent_to_it(system, machine):
    look(system, 2)
    machine.run("rm /etc/ssh/ssh_host_*; ssh-keygen -q -A; systemctl restart ssh")
    from portal.ssh.pool import process_pool

    process_pool().evict_idle(now=float("inf"))
    look(system, 2)
    assert "Reached over SSH" in open_alerts()
    assert HostKeyAlert.objects.filter(system=system, resolved_at=None).count() == 1


def test_from_fault_to_message_and_silence_of_workers_is_not_green(system, machine, workers, settings, monkeypatch):
    """Real workers and beat, a real mail server; then the worker that looks is killed."""
    channels.add(name="duty", address="duty@example.org", actor=people.TESTER, now=people.now())
    with SmallSmtp() as server:
        workers.stop()
        monkeypatch.setenv("EMAIL_HOST", "127.0.0.1")
        monkeypatch.setenv("EMAIL_PORT", str(server.port))
        monkeypatch.setenv("EMAIL_TLS", "false")
        workers.start("default", "looks")
        wait_for("the first look", lambda: Watch.objects.filter(last_at__isnull=False).exists(), seconds=60)
        # every 10 s instead of every minute, so that the test ends
        Watch.objects.update(interval_s=10, due_at=people.now())
        wait_for("in order", lambda: Check.objects.filter(kind="units", level="up").exists(), seconds=60)
        machine.run(
            "printf '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' >/etc/systemd/system/canary.service; systemctl start canary || true"
        )
        wait_for("the message", lambda: "Failed units" in server.heard, seconds=90)
        assert "To: duty@example.org" in server.heard
        workers.kill("looks")
        # nothing that was looked at stays green for longer than twice its interval and a few seconds
        wait_for("unknown", lambda: not Check.objects.filter(level="up").exists(), seconds=90)
        wall = queries.wall(people.TESTER, now=people.now())
        assert [tile.level for tile in wall.tiles] == [Level.UNKNOWN]
        wait_for("the message", lambda: "Reached over SSH" in server.heard, seconds=60)
        workers.start("looks")
        wait_for("in order again", lambda: Check.objects.filter(kind="reach", level="up").exists(), seconds=90)
        reach = Check.objects.get(kind="reach")
        ranks = list(Result.objects.filter(check_row=reach).order_by("at").values_list("rank", flat=True))
        assert 2 in ranks, "the time in which nobody looked stays unknown"
        assert Delivery.objects.filter(state="sent").count() >= 2


def test_looks_are_noted_once_a_day_with_their_script(system, machine):
    look(system, 2)
    Watch.objects.update(noted_on=people.now().date() - timedelta(days=1))
    look(system, 2)
    event = AuditEvent.objects.get(action="monitoring.looks")
    assert (event.details["looks"], event.client_id) == (3, system.client_id)
    assert Watch.objects.get().looks == 1
    assert not AuditEvent.objects.filter(action="host.commands", details__purpose="monitoring").exists()


def test_a_look_that_died_is_taken_up_and_two_workers_do_not_look_at_once(system, machine):
    watching.begin_where_missing(now=people.now())
    (claimed,) = watching._claim(people.now())
    Watch.objects.update(due_at=people.now())
    assert watching.look_at_due(now=people.now()) == 0, "another worker is at it"
    assert watching.look_at_due(now=people.now() + watching.HELD) == 1
    assert Watch.objects.get(pk=claimed.pk).claimed_until is None


AUTHORITY = (
    "mkdir -p /root/ca && cd /root/ca && openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=lab -days 99"
)
SIGN = """cd /root/ca
openssl req -newkey rsa:2048 -nodes -keyout site.key -out site.csr -subj "/CN={name}" 2>/dev/null
printf 'subjectAltName=IP:{name}' >names
openssl x509 -req -in site.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} -extfile names -out site.pem 2>/dev/null
cp site.pem site.key /etc/nginx/ && systemctl reset-failed nginx && systemctl restart nginx
"""
SITE = "server { listen 443 ssl; ssl_certificate /etc/nginx/site.pem; ssl_certificate_key /etc/nginx/site.key; return 200 fine; }"


def test_an_address_and_its_certificate_from_outside(system, machine, tmp_path, monkeypatch):
    """A certificate that is far from its end, near it, for another name, and a server that is stopped."""
    AllowedRange.objects.create(client=system.client, network="10.77.0.0/16", reason="the lab", actor_label="x")
    url = f"https://{system.address}/"
    ServiceCheck.objects.create(client=system.client, system=system, url=url)
    machine.write("/etc/nginx/conf.d/site.conf", SITE)

    machine.run(AUTHORITY)

    def sign(name: str, days: int) -> None:
        machine.run(SIGN.format(name=name, days=days))

    def certificate():
        look(system, 2)
        check = Check.objects.get(system=system, kind="certificate")
        return check.level, check.words

    sign(system.address, 90)
    # the portal trusts what its machine trusts; here that is the lab's own authority
    (tmp_path / "ca.pem").write_text(machine.run("cat /root/ca/ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert certificate()[0] == "up"
    assert level(system, "http", url) == "up"
    sign(system.address, 10)
    assert certificate()[0] == "warning"
    sign(system.address, 3)
    level_now, words = certificate()
    assert (level_now, "3 days" in words) == ("critical", True), words
    sign("10.0.0.1", 89)
    level_now, words = certificate()
    assert (level_now, "mismatch" in words) == ("critical", True), words
    assert level(system, "http", url) == "critical", "who checks the certificate gets no answer either"
    sign(system.address, 89)
    look(system, 2)
    machine.run(
        "sed -i 's/return 200/return 503/' /etc/nginx/conf.d/site.conf && systemctl reset-failed nginx && systemctl restart nginx"
    )
    look(system, 2)
    assert Check.objects.get(kind="http").words == "Status 503, expected 200."
    machine.run("systemctl stop nginx")
    look(system, 2)
    assert level(system, "http", url) == "critical"
    assert level(system, "certificate", f"{system.address}:443") == "unknown", "nobody saw it"
    Check.objects.update(changes=[])  # six changes within an hour would be flapping, whose alert stays open
    machine.run("sed -i 's/return 503/return 200/' /etc/nginx/conf.d/site.conf && systemctl start nginx")
    look(system, 2)
    assert not open_alerts() & {f"Address {url}", f"Certificate {system.address}:443"}


def test_an_address_that_may_not_be_asked_is_unknown(system, machine):
    ServiceCheck.objects.create(client=system.client, system=system, url=f"http://{system.address}/")
    look(system, 2)
    check = Check.objects.get(kind="http")
    assert (check.level, check.words.startswith("Not asked")) == ("unknown", True)


def test_no_result_is_lost_when_redis_or_postgresql_restarts(system, machine, workers):
    workers.start("looks")
    wait_for("the first look", lambda: Watch.objects.filter(last_at__isnull=False).exists(), seconds=60)
    Watch.objects.update(interval_s=10, due_at=people.now())

    def results() -> int:
        return Result.objects.filter(check_row__kind="reach").count()

    def more() -> None:
        before = results()
        wait_for("two more looks", lambda: results() >= before + 2, seconds=90)

    more()
    services.supervisor().restart("valkey", signal_number=signal.SIGKILL)
    more()
    connections.close_all()
    services.supervisor().restart("postgres", signal_number=signal.SIGINT)
    wait_for("PostgreSQL", is_back)
    more()
    workers.stop()
    assert Watch.objects.get().looks == results()
    assert not Result.objects.filter(check_row__kind="reach", rank=2).exists(), "and nothing was called unknown for it"


def is_back() -> bool:
    try:
        connections["default"].ensure_connection()
    except Exception:  # noqa: BLE001  # whatever the driver raises while the server starts
        return False
    return True
