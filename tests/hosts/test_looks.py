"""Looks at backups on a real host: what is found there, how old it is, what drifted, and what no backup covers."""

import json

import pytest

from backups import queries
from backups.models import BackupFinding, BackupSurvey, Baseline, FoundBackup, Reading
from backups.services import findings, jobs, looks
from portal.audit.models import AuditEvent, HostScript
from tests import people
from tests.hosts.conftest import set_up
from tests.hosts.test_restore_tests import prove
from tests.lab.machine import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

KEY = "the-key-of-this-repository"
RESTIC = "restic -q --no-cache --repo /srv/backup --password-file /root/key"
HOST = f"""
mkdir -p /srv/data /srv/wiki && head -c 70000 /dev/urandom >/srv/data/one && echo page >/srv/wiki/page
find /srv/data -exec touch -d '1 hour ago' {{}} +
printf '%s\\n' {KEY} >/root/key && chmod 600 /root/key && {RESTIC} init && {RESTIC} backup /srv/data
cat >/usr/local/bin/nightly <<'X'
#!/bin/sh
export RESTIC_PASSWORD='hunter2-in-a-script'
restic --repo /srv/backup backup /srv/data --exclude '*.tmp'
X
chmod +x /usr/local/bin/nightly
cat >/etc/systemd/system/nightly.service <<'X'
[Service]
ExecStart=/usr/local/bin/nightly
X
printf '[Timer]\\nOnCalendar=02:30\\n[Install]\\nWantedBy=timers.target\\n' >/etc/systemd/system/nightly.timer
systemctl daemon-reload && systemctl enable -q --now nightly.timer
cat >/etc/cron.d/wiki <<'X'
PASSWORD=hunter2-in-cron
10 3 * * * root tar -czf /var/backups/wiki-$(date +\\%F).tar.gz -C / srv/wiki && curl https://me:hunter2-in-a-url@ping.invalid/
X
pg_createcluster 15 main --start >/dev/null && cd /tmp && runuser -u postgres -- createdb shop
"""


def look(system) -> BackupSurvey:
    BackupSurvey.objects.filter(system=system).update(tried_at=None)
    looks.look(system_id=system.pk, now=people.now())
    survey = BackupSurvey.objects.get(system=system)
    assert survey.problem == ""
    return survey


def drift(job) -> dict[str, str]:
    return dict(BackupFinding.objects.filter(job=job, state="open").values_list("subject", "level"))


def test_a_system_is_looked_at(machine):
    system = set_up(machine)
    machine.run(HOST)
    wish = jobs.Wish(name="data", tool="restic", repository="/srv/backup", sources=["/srv/data"], key=KEY)
    job = jobs.add(system=system, wish=wish, actor=people.TESTER, now=people.now())
    survey = look(system)
    reading = Reading.objects.get(job=job)
    assert (reading.level, reading.snapshots, reading.files, reading.size_b) == ("ok", 1, 3, 70000), reading.findings
    assert reading.traits["identity"]
    assert reading.traits["paths"] == ["/srv/data"]
    # proven by nothing yet, and a reading proves nothing
    assert queries.job_line(job, now=people.now()).level == "unknown"
    assert prove(job).verdict == "pass"
    job.refresh_from_db()
    assert queries.job_line(job, now=people.now()).level == "ok"

    # what the host makes and nobody watches is proposed as the host's own files describe it
    found = FoundBackup.objects.get()
    assert (found.tool, found.repository, found.sources) == ("tar", "/var/backups/wiki-*.tar.gz", ["/srv/wiki"])
    gaps = set(BackupFinding.objects.filter(kind="uncovered").values_list("subject", flat=True))
    assert {"database shop", "folder /etc", "folder /srv/wiki", "webroot /var/www/html"} <= gaps
    assert not {"folder /srv/data", "folder /srv/backup"} & gaps

    # no password left the host, and none is anywhere here
    kept = json.dumps([*BackupSurvey.objects.values("entries"), *Baseline.objects.values("content")])
    kept += str([*AuditEvent.objects.values(), *HostScript.objects.values(), *BackupFinding.objects.values()])
    assert "restic --repo /srv/backup" in kept
    assert "hunter2" not in kept
    assert KEY not in kept
    assert {entry["kind"] for entry in survey.entries} == {"cron", "timer", "script"}

    # looked at again, nothing is new
    look(system)
    assert drift(job) == {}
    assert Baseline.objects.count() == 1

    # somebody turns the timer off, takes a source out, adds an exclude; a second key can open it now
    machine.run(
        "systemctl disable -q --now nightly.timer; sed -i 's!/srv/data!/srv/wiki!; s/hunter2-in-a-script/hunter2-another/' /usr/local/bin/nightly"
    )
    machine.run(f"{RESTIC} backup /srv/wiki --exclude '*.bak'; echo more >/root/more; {RESTIC} key add --new-password-file /root/more")
    look(system)
    assert drift(job) == {
        "state of timer nightly.timer": "bad", "text of script /usr/local/bin/nightly": "warn", "paths in the snapshot": "bad",
        "excludes of the snapshot": "warn", "keys that open it": "bad",
    }  # fmt: skip
    reading = job.readings.order_by("-at").first()
    assert (reading.level, reading.findings) == ("bad", ["/srv/data is not in the newest snapshot."])
    line = queries.job_line(job, now=people.now())
    assert (line.level, line.words) == ("bad", "/srv/data is not in the newest snapshot.")

    # repaired is gone by itself; the rest is accepted with a reason, and exactly what was seen
    machine.run("systemctl enable -q --now nightly.timer")
    look(system)
    assert "state of timer nightly.timer" not in drift(job)
    findings.accept(job=job, reason="the wiki moved here", actor=people.TESTER, now=people.now())
    look(system)
    assert drift(job) == {}
    assert [row.reason for row in Baseline.objects.order_by("pk")] == [findings.FIRST, "the wiki moved here"]

    # an excuse stands; a place that is gone takes its excuse along
    gap = BackupFinding.objects.get(subject="folder /srv/wiki")
    findings.excuse(finding=gap, reason="a copy of what is elsewhere", actor=people.TESTER, now=people.now())
    look(system)
    gap.refresh_from_db()
    assert gap.state == "excused"
    machine.run("rm -rf /srv/wiki /etc/cron.d/wiki")
    look(system)
    gap.refresh_from_db()
    assert (gap.state, FoundBackup.objects.get().gone_at is not None) == ("gone", True)

    # what can't be read is unknown or bad, and never the last good reading
    machine.run("mv /srv/backup /srv/elsewhere")
    look(system)
    reading = job.readings.order_by("-at").first()
    assert (reading.level, reading.cause) == ("bad", "repository"), reading.findings
    machine.run("mv /srv/elsewhere /srv/backup; mv /usr/bin/restic /usr/bin/restic-gone")
    look(system)
    reading = job.readings.order_by("-at").first()
    assert (reading.level, reading.cause) == ("unknown", "tool"), reading.findings


def test_looks_come_by_themselves_and_a_dead_one_is_taken_up(machine, workers):
    system = set_up(machine)
    # as a worker left it that died in the middle, long ago
    BackupSurvey.objects.create(client_id=system.client_id, system=system, claimed_until=people.now() - looks.HELD)
    assert looks.request_due(now=people.now()) == 1
    wait_for("the look", lambda: BackupSurvey.objects.filter(system=system, looked_at__isnull=False, claim=None).exists(), seconds=90)
    assert looks.request_due(now=people.now()) == 0
    before = BackupSurvey.objects.values().get(system=system)
    looks.look(system_id=system.pk, now=people.now())
    assert BackupSurvey.objects.values().get(system=system) == before, "not due, so nothing happens"
