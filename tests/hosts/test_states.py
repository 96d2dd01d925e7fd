"""Hosts in trouble: each gives its own clear state, and never a green one."""

import pytest
from django.core.management import CommandError, call_command

from clients.models import HostKeyAlert, System
from clients.services import onboarding
from maintenance.models import PendingUpdate
from maintenance.queries import system_lines
from maintenance.services import execution, runs
from portal.ssh.pool import process_pool
from tests import people
from tests.hosts.conftest import set_up, test_now
from tests.hosts.steps import apply_now, decide_apply, scan_now, times_applied
from tests.lab.machine import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

# Holds dpkg's lock as dpkg does, with fcntl, for some seconds (struct flock of Linux on 64 bits).
HOLD_LOCK = """systemd-run --quiet --unit=lock-holder perl -e 'use Fcntl; open(F, ">>", "/var/lib/dpkg/lock-frontend");
my $lock = pack("s s x4 q q i", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die $!; sleep {seconds}'"""


def health(system):
    return system_lines(System.objects.filter(pk=system.pk), now=people.now())[0].health


def hang_up():
    """Close kept connections: sshd serves those as they began, whatever changed on the host since."""
    process_pool().evict_idle(now=float("inf"))


def test_a_healthy_host_reads_fresh(machine):
    system = set_up(machine)
    scan = scan_now(system)
    assert (scan.state, scan.reason, system.connection) == ("fresh", "", "ok")
    assert system.os_id == "debian"
    assert scan.packages_total > 100
    assert scan.reboot_required is False
    assert scan.services_to_restart == []
    assert [proof["ok"] for proof in system.connection_proofs] == [True] * 4


def test_a_changed_host_key_is_refused_and_raises_an_alert_that_a_person_resolves(machine):
    system = set_up(machine)
    machine.run("rm /etc/ssh/ssh_host_*; ssh-keygen -q -A; systemctl restart ssh")
    hang_up()
    scan = scan_now(system)
    assert (scan.state, scan.error_code) == ("failed", "host_key_mismatch")
    assert health(system).level == "bad"
    alert = HostKeyAlert.objects.get(system=system, resolved_at=None)
    scan_now(system)
    alert.refresh_from_db()
    assert alert.times_seen >= 2
    onboarding.resolve_alert(
        alert=alert, resolution="accepted", reason="installed anew", actor=people.actor(people.make_operator()), now=people.now()
    )
    assert scan_now(system).state == "fresh"


def test_a_dead_sshd_is_unreachable(machine):
    system = set_up(machine)
    scan_now(system)
    machine.run("systemctl stop ssh.service ssh.socket", check=False)
    wait_for("sshd to be gone", lambda: not machine.port_open())
    hang_up()
    scan = scan_now(system)
    assert (scan.state, scan.error_code) == ("failed", "unreachable")
    assert health(system).level == "bad"


def test_an_sshd_that_hangs_is_unreachable_within_its_deadline(machine):
    system = set_up(machine)
    hang_up()
    machine.run("pkill -STOP -o sshd")
    scan = scan_now(system)
    assert (scan.state, scan.error_code) == ("failed", "unreachable")
    assert "handshake" in scan.reason


def test_a_full_disk_is_named_and_a_run_there_changes_nothing(machine):
    system = set_up(machine, packages=("lab-plain",))
    scan_now(system)
    decide_apply(system, "lab-plain")
    machine.run("mount -t tmpfs -o size=64k tmpfs /var/lib/retainer/runs; cat /dev/zero >/var/lib/retainer/runs/full", check=False)
    run = runs.start_run(system=system, actor=people.TESTER, now=people.now())
    execution.execute(run_id=run.pk, now=people.now())
    run.refresh_from_db()
    assert run.verdict == "failed"
    assert "disk full" in run.findings[0]
    assert times_applied(machine, "lab-plain") == 0
    assert health(system).level == "bad"


def test_no_space_for_the_package_lists_is_stale_and_named(machine):
    system = set_up(machine)
    machine.run(
        "mount -t tmpfs -o size=1m tmpfs /var/lib/apt/lists; mount -t tmpfs -o size=64k tmpfs /tmp; cat /dev/zero >/tmp/full",
        check=False,
    )
    scan = scan_now(system)
    assert scan.state in {"stale", "failed"}
    assert any("No space left on /tmp" in problem for problem in scan.problems)
    assert health(system).level in {"unknown", "bad"}


def test_a_held_dpkg_lock_is_named_and_waited_for(machine):
    system = set_up(machine, packages=("lab-plain",))
    scan_now(system)
    decide_apply(system, "lab-plain")
    machine.run(HOLD_LOCK.format(seconds=20))
    wait_for("the lock to be held", lambda: machine.run("apt-get install -y cron 2>&1 || true").count("lock"))
    scan = scan_now(system)
    assert any("lock-frontend is held by perl" in problem for problem in scan.problems)
    assert health(system).level != "ok"
    run = runs.start_run(system=system, actor=people.TESTER, now=people.now())
    execution.execute(run_id=run.pk, now=people.now())
    run.refresh_from_db()
    assert run.verdict == "verified", run.findings
    assert any("DPkg::Lock::Timeout=120" in command.command for command in run.commands.all())


def test_sudo_that_asks_for_a_password_is_its_own_state(machine):
    system = set_up(machine, packages=("lab-plain",))
    scan_now(system)
    decide_apply(system, "lab-plain")
    machine.run("sed -i s/NOPASSWD:// /etc/sudoers.d/retainer")
    scan = scan_now(system)
    assert (scan.state, scan.error_code, system.connection) == ("failed", "sudo_refused", "sudo_refused")
    assert "sudo refused" in health(system).words
    run = runs.start_run(system=system, actor=people.TESTER, now=people.now())
    execution.execute(run_id=run.pk, now=people.now())
    run.refresh_from_db()
    assert run.verdict == "failed"
    assert run.findings[-1] == "Nothing was changed on the host."
    tested = test_now(system)
    assert tested.connection == "sudo_refused"
    assert [(proof["what"], proof["ok"]) for proof in tested.connection_proofs][-1] == ("sudo", False)


def test_a_profile_that_prints_rubbish_does_not_reach_what_is_read(machine):
    system = set_up(machine, packages=("lab-plain",))
    hang_up()
    machine.run("usermod -s /bin/bash retainer")
    rubbish = (
        "printf '\\033[31mWelcome\\033[0m \\377\\376\\000 Inst evil [1] (2 x [all])\\n'; head -c 300000 /dev/urandom; echo bad >&2\n"
    )
    machine.write("/home/retainer/.bashrc", rubbish)
    scan = scan_now(system)
    assert (scan.state, scan.reason) == ("fresh", "")
    assert not PendingUpdate.objects.filter(system=system, package="evil").exists()
    assert apply_now(system, "lab-plain").verdict == "verified"


def test_a_profile_that_ends_the_login_is_a_failure_with_its_words(machine):
    system = set_up(machine)
    hang_up()
    machine.run("usermod -s /bin/bash retainer")
    machine.write("/home/retainer/.bashrc", "echo 'this account is closed'; exit 1\n")
    scan = scan_now(system)
    assert (scan.state, scan.error_code) == ("failed", "command_failed")
    assert "this account is closed" in scan.reason


def test_a_german_locale_changes_nothing(machine):
    system = set_up(machine, packages=("lab-plain",))
    machine.write("/etc/default/locale", "LANG=de_DE.UTF-8\nLANGUAGE=de\nLC_ALL=de_DE.UTF-8\n")
    machine.write("/etc/environment", "LANG=de_DE.UTF-8\nLANGUAGE=de\nLC_ALL=de_DE.UTF-8\n")
    hang_up()
    scan = scan_now(system)
    assert (scan.state, scan.reason) == ("fresh", "")
    assert PendingUpdate.objects.filter(system=system, is_security=True).exists()
    assert apply_now(system, "lab-plain").verdict == "verified"


def test_a_source_that_fails_to_refresh_makes_the_scan_stale(machine):
    system = set_up(machine)
    machine.write("/etc/apt/sources.list.d/gone.list", "deb http://mirror.lab/gone bookworm main\n")
    scan = scan_now(system)
    assert scan.state == "stale"
    assert "could not be refreshed" in scan.reason
    assert health(system).level == "unknown"


def test_a_key_that_is_taken_away_is_authentication_failed(machine):
    system = set_up(machine)
    machine.run("rm /home/retainer/.ssh/authorized_keys")
    hang_up()
    assert scan_now(system).error_code == "auth_failed"
    assert test_now(system).connection == "auth_failed"


def test_a_read_only_system_is_read_without_sudo_and_can_not_be_changed(machine):
    from maintenance.errors import CanNotChange

    system = set_up(machine, access="read_only")
    assert machine.run("ls /etc/sudoers.d /usr/local/sbin").split().count("retainer") == 0
    scan = scan_now(system)
    # nothing refreshed the lists of a new host: pending updates can't be known
    assert scan.state in {"stale", "fresh"}
    assert scan.services_to_restart is None
    with pytest.raises(CanNotChange):
        runs.start_run(system=system, actor=people.TESTER, now=people.now())


def test_the_set_up_script_can_be_run_again(machine):
    system = set_up(machine)
    before = machine.run("cat /home/retainer/.ssh/authorized_keys /etc/sudoers.d/retainer; sha256sum /usr/local/sbin/retainer-host")
    machine.run("cat >/root/again.sh && sh /root/again.sh", stdin=onboarding.setup_script(system))
    after = machine.run("cat /home/retainer/.ssh/authorized_keys /etc/sudoers.d/retainer; sha256sum /usr/local/sbin/retainer-host")
    assert before == after
    # the key opens that one program and nothing else
    refused = machine.run("su -s /bin/sh retainer -c 'sudo -n /bin/true' 2>&1; true")
    assert "password is required" in refused or "not allowed" in refused


def test_the_onboard_command_takes_the_same_steps_from_a_terminal(machine, capsys):
    def onboard(*words):
        call_command("onboard", *words)
        return capsys.readouterr().out

    onboard("add", "Terminal Ltd", "shop", machine.address, "--environment", "production")
    own = machine.run("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
    assert own in onboard("keys", "Terminal Ltd", "shop")
    with pytest.raises(CommandError, match="no key with this fingerprint"):
        onboard("confirm", "Terminal Ltd", "shop", "SHA256:wrong")
    with pytest.raises(CommandError, match="not proven"):
        onboard("test", "Terminal Ltd", "shop")
    onboard("confirm", "Terminal Ltd", "shop", own)
    machine.run("cat >/root/setup.sh && sh /root/setup.sh", stdin=onboard("script", "Terminal Ltd", "shop"))
    assert "FAILED" not in onboard("test", "Terminal Ltd", "shop")
    assert System.objects.get(name="shop").connection == "ok"
