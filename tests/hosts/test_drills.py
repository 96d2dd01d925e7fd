"""A drill on a real host: what is made there, what is found, what is left."""

from datetime import timedelta

import pytest

from monitoring import queries
from monitoring.models import Check, Inventory, Watch
from monitoring.services import alerts, channels, drills, inventories, sending, watching
from portal.audit.models import AuditEvent
from tests import people
from tests.hosts.conftest import set_up
from tests.lab.machine import wait_for
from tests.security.smtp import SmallSmtp

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def system(machine):
    system = set_up(machine)
    machine.run("systemctl reset-failed")
    return system


def look(system, times: int = 2) -> None:
    for _ in range(times):
        watching.begin_where_missing(now=people.now())
        inventories.begin_where_missing(now=people.now())
        Watch.objects.filter(system=system).update(due_at=people.now(), claimed_until=None)
        Inventory.objects.filter(system=system).update(due_at=people.now(), claimed_until=None, verified_at=people.now())
        watching.look_at_due(now=people.now())
        inventories.take_due(now=people.now())


def test_conditions_are_made_real_told_and_taken_back(system, machine):
    channels.add(name="duty", address="duty@example.org", actor=people.TESTER, now=people.now())
    people.make_check(system, kind="cert-file", subject="/etc/x.pem")  # the host has no certificate of its own
    look(system)
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    drills.advance(now=people.now())
    assert "retainer-drill.service" in machine.run("systemctl --failed --plain --no-legend")
    assert "100%" in machine.run("df /run/retainer-drill/disk")
    assert "retainer-drill-end" in machine.run("systemctl list-timers --all --no-legend")
    look(system)
    alerts.announce(now=people.now())
    sending.send_due(now=people.now())
    drills.advance(now=people.now())
    proofs = {proof.kind: proof for proof in drill.proofs.all()}
    assert not [proof.kind for proof in proofs.values() if proof.opened_at is None]
    assert {kind for kind, proof in proofs.items() if proof.real} == {"units", "disk", "cert-file", "sign-ins", "errors"}
    assert {proof.outcome for proof in proofs.values()} == {"proven"}, {
        kind: (proof.words, str(proof.made_at), str(proof.opened_at)) for kind, proof in proofs.items()
    }
    assert all(0 < proof.seconds < 120 for proof in proofs.values())
    # of the real ones nothing is red on any page
    assert not [
        str(line.check)
        for line in queries.checks_of(system, now=people.now())
        if line.check.kind in {"units", "disk", "errors"} and line.level != "up"
    ]
    assert "retainer-drill" not in machine.run("systemctl --failed --plain --no-legend; df -a; ls /run")
    look(system)
    drills.advance(now=people.now() + timedelta(seconds=5))
    drill.refresh_from_db()
    assert (drill.finished_at is not None, drill.trouble) == (True, "")
    assert not Check.objects.filter(drill=True, ended_at=None).exists()
    (event,) = AuditEvent.objects.filter(action="host.commands", details__purpose=drills.PURPOSE)[:1]
    assert event.client_id == system.client_id


def test_a_drill_with_real_workers_measures_the_whole_way(system, machine, workers, monkeypatch):
    channels.add(name="duty", address="duty@example.org", actor=people.TESTER, now=people.now())
    with SmallSmtp() as server:
        workers.stop()
        for name, value in {
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(server.port),
            "EMAIL_TLS": "false",
            "PORTAL_DRILLS": "false",
        }.items():
            monkeypatch.setenv(name, value)
        workers.start("default", "looks", "hosts")
        wait_for(
            "the first looks",
            lambda: Inventory.objects.filter(last_at__isnull=False).exists() and Watch.objects.filter(last_at__isnull=False).exists(),
            seconds=90,
        )
        Watch.objects.update(interval_s=10, due_at=people.now())
        Inventory.objects.update(interval_s=60, due_at=people.now(), verified_at=people.now())
        wait_for("checks", lambda: Check.objects.filter(kind="units", level="up").exists(), seconds=60)
        drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
        wait_for("the message", lambda: "caused on purpose" in server.heard, seconds=200)
        wait_for("the proof", lambda: not drill.proofs.filter(outcome="waiting").exists(), seconds=60)
        assert set(drill.proofs.values_list("outcome", flat=True)) == {"proven"}
        assert drill.proofs.get(kind="units").seconds < 240
        wait_for("in order again", lambda: type(drill).objects.get(pk=drill.pk).finished_at is not None, seconds=240)


def test_a_dead_worker_is_found(system, machine):
    """Made on the host, and nobody looks any more."""
    channels.add(name="duty", address="duty@example.org", actor=people.TESTER, now=people.now())
    look(system)
    drill = drills.begin(system=system, actor=people.TESTER, now=people.now())
    drills.advance(now=people.now())
    drills.advance(now=drill.until)
    words = dict(drill.proofs.filter(real=True).values_list("kind", "words"))
    assert all("is the worker that looks running" in said for said in words.values())
    assert "retainer-drill" not in machine.run("systemctl --failed --plain --no-legend; ls /run"), "and it is taken back all the same"


def test_what_a_drill_made_goes_away_without_the_portal(system, machine):
    machine.run(
        "sed -i 's/--on-active=1200/--on-active=1/' /usr/local/sbin/retainer-watch; retainer-host drill units || /usr/local/sbin/retainer-host drill units"
    )
    wait_for("calm", lambda: "retainer-drill" not in machine.run("systemctl --failed --plain --no-legend; ls /run"), seconds=120)
