"""Looks as root on real hosts: each thing made to fail for real and to recover, intrusions made for real and found."""

from datetime import timedelta

import pytest

from monitoring import queries
from monitoring.models import Alert, Check, Inventory, SecurityEvent, Watch
from monitoring.services import coverage, inventories, probes, security, watching
from portal.audit.models import AuditEvent
from tests import people
from tests.hosts.conftest import set_up
from tests.lab.certificates import Authority

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def system(machine):
    system = set_up(machine, roles=["web"])
    machine.run("systemctl reset-failed")
    return system


def look(system, times: int = 1, *, full: bool = False) -> None:
    for _ in range(times):
        inventories.begin_where_missing(now=people.now())
        values = {"verified_at": None} if full else {"verified_at": people.now()}
        Inventory.objects.filter(system=system).update(due_at=people.now(), claimed_until=None, **values)
        assert inventories.take_due(now=people.now()) == 1
        assert Inventory.objects.get(system=system).problem == ""


def sweep(system, times: int = 1) -> None:
    for _ in range(times):
        watching.begin_where_missing(now=people.now())
        Watch.objects.filter(system=system).update(due_at=people.now(), claimed_until=None)
        assert watching.look_at_due(now=people.now()) == 1


def said(system, kind: str, subject: str = "") -> tuple[str, str]:
    check = Check.objects.get(system=system, kind=kind, subject=subject)
    return queries.line_of(check, now=people.now()).level, check.words


def events(system) -> set[str]:
    return {f"{event.area} {event.thing}" for event in queries.open_events(system)}


def test_what_somebody_who_got_in_would_change_is_found(system, machine):
    look(system, full=True)
    assert events(system) == set()
    assert set(Check.objects.filter(kind="security").values_list("level", flat=True)) == {"up"}
    machine.run("useradd -o -u 0 -g 0 -M mallory && echo 'mallory ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/mallory")
    machine.run("usermod -aG sudo www-data")
    machine.run(
        "mkdir -p -m 700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -C mallory -f /tmp/k && cat /tmp/k.pub >>/root/.ssh/authorized_keys"
    )
    machine.run("echo '* * * * * root /tmp/beacon' >/etc/cron.d/beacon")
    machine.run("printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/beacon.service")
    machine.run("systemd-run -q --unit=listener python3 -m http.server 4444 || systemd-run -q --unit=listener perl -MIO::Socket::INET -e "
                "'$s = IO::Socket::INET->new(LocalPort => 4444, Listen => 5) or die; sleep 600'")  # fmt: skip
    machine.run("cp /usr/bin/ls /root/ls.kept && printf x >>/usr/bin/ls")
    machine.run("for n in 1 2 3 4 5; do ss -Hltn | grep -q 4444 && break; sleep 1; done")
    look(system, full=True)
    found = events(system)
    assert {"accounts mallory", "groups sudo", "sudoers /etc/sudoers.d/mallory", "cron /etc/cron.d/beacon",
            "units /etc/systemd/system/beacon.service", "ports tcp 0.0.0.0:4444", "binaries /bin/ls"} <= found  # fmt: skip
    assert any(one.startswith("keys root SHA256:") for one in found)
    assert said(system, "security", "accounts")[0] == "critical"
    assert said(system, "security", "cron") == ("warning", "Nobody said that it is meant: /etc/cron.d/beacon.")
    assert Alert.objects.filter(check_row__kind="security", state="open").count() == 8
    # taken back by hand: it is as it was
    machine.run(
        "cp /root/ls.kept /usr/bin/ls; rm /etc/cron.d/beacon /etc/systemd/system/beacon.service /root/.ssh/authorized_keys; systemctl stop listener"
    )
    machine.run("rm /etc/sudoers.d/mallory; sed -i '/^mallory:/d' /etc/passwd /etc/shadow; gpasswd -d www-data sudo")
    look(system, full=True)
    assert not {one for one in events(system) if not one.startswith(("groups ", "accounts "))}
    # and what is left somebody says is meant
    left = queries.open_events(system)
    if left:
        security.accept(events=left, reason="cleaned up", actor=people.TESTER, now=people.now())
    look(system)
    assert not Alert.objects.filter(check_row__kind="security").exclude(state="closed").exists()


def test_logs_of_refused_sign_ins_errors_and_a_web_server(system, machine):
    """By what is ordinary there: here nothing at all."""
    machine.run("curl -s http://127.0.0.1/ >/dev/null || wget -qO- http://127.0.0.1/ >/dev/null || true")
    look(system)
    for row in [Inventory.objects.get(system=system)]:
        quiet = {f"{kind} ": [50, 0.0, 0.0] for kind in ("errors", "sign-ins")}
        Inventory.objects.filter(pk=row.pk).update(
            counters=row.counters | {"ordinary": quiet | {"web-errors /var/log/nginx/access.log": [50, 0.0, 0.0]}}
        )
    machine.run("seq 90 | sed 's/.*/Failed password for root from 203.0.113.9 port & ssh2/' | logger -t sshd -p auth.info")
    machine.run("seq 90 | sed 's/^/disk trouble /' | logger -t kernelish -p daemon.err")
    machine.run(
        'for n in $(seq 60); do printf \'203.0.113.9 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 502 1 "-" "-"\\n\'; done >>/var/log/nginx/access.log'
    )
    look(system)
    assert said(system, "sign-ins")[0] == "critical"
    assert "203.0.113.9" in said(system, "sign-ins")[1]
    assert said(system, "errors")[0] == "critical"
    assert said(system, "web-errors", "/var/log/nginx/access.log")[0] == "critical"
    look(system)
    assert {said(system, "sign-ins")[0], said(system, "web-errors", "/var/log/nginx/access.log")[0]} == {"up"}


def test_a_service_that_is_stopped_a_database_that_refuses_and_a_certificate_that_ends(system, machine, tmp_path):
    machine.run("systemctl start mariadb")
    authority = Authority(tmp_path)
    pem = {days: authority.issue("site.test", days=days).read_text() for days in (90, 3)}
    machine.write("/etc/nginx/site.pem", pem[90])
    machine.write(
        "/etc/nginx/conf.d/site.conf",
        "server { listen 8443 ssl; ssl_certificate /etc/nginx/site.pem; ssl_certificate_key /etc/nginx/site.pem; server_name www.site.test; }",
    )
    machine.run("systemctl reset-failed nginx; systemctl restart nginx")
    look(system, 2)
    sweep(system, 2)
    assert said(system, "service", "nginx.service") == ("up", "It runs.")
    assert said(system, "database", "mariadb")[0] == "up"
    assert said(system, "cert-file", "/etc/nginx/site.pem")[0] == "up"
    machine.run("systemctl stop nginx; systemctl kill -s STOP mariadb")
    machine.write("/etc/nginx/site.pem", pem[3])
    sweep(system, 2)
    look(system, 2)
    assert said(system, "service", "nginx.service") == ("critical", "It does not run.")
    assert said(system, "database", "mariadb")[0] == "critical"
    assert said(system, "cert-file", "/etc/nginx/site.pem") == ("critical", "Ends in 3 days.")
    machine.run("systemctl kill -s CONT mariadb; systemctl start nginx")
    machine.write("/etc/nginx/site.pem", pem[90])
    sweep(system, 2)
    look(system, 2)
    assert {
        said(system, "service", "nginx.service")[0],
        said(system, "database", "mariadb")[0],
        said(system, "cert-file", "/etc/nginx/site.pem")[0],
    } == {"up"}


JAIL = """[DEFAULT]
banaction = dummy
[sshd]
enabled = true
backend = polling
logpath = /var/log/sign-ins.log
"""


def test_what_bans_attackers_works_and_is_gone(system, machine):
    machine.write("/etc/fail2ban/jail.d/lab.conf", JAIL)
    machine.write("/etc/fail2ban/action.d/dummy.local", "[Definition]\nactionban = true\nactionunban = true\n")
    machine.run(
        "touch /var/log/sign-ins.log; systemctl start fail2ban; for _ in $(seq 50); do fail2ban-client status sshd >/dev/null 2>&1 && break; sleep 0.2; done"
    )
    machine.run("fail2ban-client set sshd banip 192.0.2.9")
    look(system, 2)
    level, words = said(system, "fail2ban", "sshd")
    assert (level, "1" in words) == ("up", True), words
    machine.run("systemctl stop fail2ban")
    look(system, 2)
    assert said(system, "fail2ban")[0] == "critical"
    machine.run(
        "systemctl start fail2ban; for _ in $(seq 50); do fail2ban-client status sshd >/dev/null 2>&1 && break; sleep 0.2; done"
    )
    look(system, 2)
    assert said(system, "fail2ban", "sshd")[0] == "up"


def test_a_unit_that_starts_again_and_again(system, machine):
    machine.run(
        "printf '[Unit]\\nStartLimitIntervalSec=0\\n[Service]\\nExecStart=/bin/sleep 0.2\\nRestart=always\\nRestartSec=0.1\\n' >/run/systemd/system/flappy.service; systemctl daemon-reload"
    )
    look(system)
    machine.run("systemctl start flappy; sleep 4")
    look(system)
    assert said(system, "restarts", "flappy.service")[0] == "critical"
    machine.run("systemctl stop flappy")
    look(system)
    assert said(system, "restarts", "flappy.service")[0] == "up"


def test_what_runs_is_held_against_what_is_checked(system, machine):
    machine.run("systemd-run -q --unit=app sleep infinity")
    look(system)
    lines = {str(line.thing): line for line in queries.thing_lines(system)}
    assert lines["Service nginx.service"].state == "Checked", "of its role"
    assert lines["Service app.service"].state == "Not checked"
    assert lines["Listening port tcp 22"].covered_by == "Reached over SSH"
    assert lines["Listening port tcp 80"].state == "Not checked"
    coverage.cover(thing=lines["Service app.service"].thing, actor=people.TESTER, now=people.now())
    sweep(system, 2)
    assert said(system, "service", "app.service")[0] == "up"
    machine.run("systemctl stop app")
    sweep(system, 2)
    assert said(system, "service", "app.service")[0] == "critical"
    look(system)
    assert {str(line.thing): line.state for line in queries.thing_lines(system)}["Service app.service"] == "Gone"


def test_a_host_with_an_older_program_is_not_called_fine(system, machine):
    look(system)
    machine.run("sed -i '/^watch) /d' /usr/local/sbin/retainer-host")
    for _ in range(2):
        Inventory.objects.update(due_at=people.now(), claimed_until=None)
        inventories.take_due(now=people.now())
    assert said(system, "inventory") == ("unknown", "retainer-host there is older than this portal: run the set-up script again.")
    assert Alert.objects.filter(check_row__kind="inventory", state="open").count() == 1


def test_a_look_that_died_is_taken_up_and_days_are_noted(system, machine):
    look(system)
    Inventory.objects.update(due_at=people.now())
    assert len(inventories._claim(people.now())) == 1
    Inventory.objects.update(due_at=people.now())
    assert inventories.take_due(now=people.now()) == 0
    Inventory.objects.update(noted_on=people.now().date() - timedelta(days=1))
    assert inventories.take_due(now=people.now() + inventories.HELD) == 1
    event = AuditEvent.objects.get(action="monitoring.inventories")
    assert (event.details["looks"], Inventory.objects.get().looks) == (2, 0)


def test_a_command_of_an_operators_own(system, machine):
    probe = probes.add(
        system=system,
        kind="command",
        target="queue",
        options={"script": "cat /tmp/queue; exit $(cat /tmp/code)"},
        actor=people.TESTER,
        now=people.now(),
    )

    def ask(code: int, words: str) -> tuple[str, str]:
        machine.run(f"echo '{words}' >/tmp/queue; echo {code} >/tmp/code; chmod 644 /tmp/queue /tmp/code")
        for _ in range(2):
            type(probe).objects.update(due_at=people.now(), claimed_until=None)
            assert probes.ask_due(now=people.now()) == 1
        return said(system, "command", "queue")

    assert ask(0, "12 waiting | waiting=12;50;100") == ("up", "12 waiting")
    assert Check.objects.get(kind="command").value == 12.0
    assert ask(1, "60 waiting") == ("warning", "60 waiting")
    assert ask(2, "600 waiting")[0] == "critical"
    assert ask(7, "what?") == ("unknown", "Exit status 7: what?")
    machine.unplug()
    type(probe).objects.update(due_at=people.now(), claimed_until=None)
    probes.ask_due(now=people.now())
    assert said(system, "command", "queue")[0] == "unknown", "behind a cut cable nobody knows"
    machine.plug()


def test_a_partition_is_unknown_for_what_is_behind_it(system, machine):
    look(system, 2)
    sweep(system, 2)
    machine.unplug()
    Inventory.objects.update(due_at=people.now(), claimed_until=None)
    inventories.take_due(now=people.now())
    sweep(system, 2)
    Check.objects.exclude(kind="reach").update(stale_at=people.now())
    levels = {line.check.kind: line.level for line in queries.checks_of(system, now=people.now())}
    assert {level for kind, level in levels.items() if kind != "reach"} == {"unknown"}
    assert SecurityEvent.objects.count() == 0
    machine.plug()
