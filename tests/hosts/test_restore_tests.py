"""Restore tests with the real tool on real hosts: a good repository is proven, and each way to be bad has its own verdict."""

import threading
from base64 import b64encode
from datetime import timedelta

import pytest
from django.db import connections

from backups.choices import Purpose
from backups.models import RestoreTest
from backups.services import jobs, restore_tests
from portal.accounts.scope import acting_for_all
from portal.audit.models import AuditEvent, HostScript
from tests import people
from tests.hosts.conftest import set_up
from tests.lab.machine import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

KEY = "the-key-of-this-repository"
RESTIC = "restic -q --no-cache --repo /srv/backup --password-file /root/key"
DATA = """
mkdir -p /srv/data/deep '/srv/data/odd name' && cd /srv/data
for n in 1 2 3 4 5 6 7 8 9; do head -c 70000 /dev/urandom >file$n; done
: >empty; echo 'ümläut' >'odd name/näme with blanks'; head -c 3000000 /dev/urandom >deep/large; echo tmp >skip.tmp
mkdir -p /srv/more && echo more >/srv/more/one
"""


@pytest.fixture
def job(machine):
    """A host with data, backed up a minute after it was written, and the job that says so."""
    system = set_up(machine)
    machine.run(DATA)
    # find's view of "before the snapshot" leaves out a minute; what is tested is older than that
    machine.write("/root/key", KEY + "\n", mode="600")
    machine.run(f"{RESTIC} init && {backup()}")
    return jobs.add(
        system=system, actor=people.TESTER, now=people.now(),
        wish=jobs.Wish(
            name="data", tool="restic", repository="/srv/backup", sources=["/srv/data", "/srv/more"], excludes=["*.tmp"], key=KEY
        ),
    )  # fmt: skip


def backup(*sources: str, when: timedelta = timedelta()) -> str:
    at = (people.now() - when + timedelta(minutes=2)).strftime("%Y-%m-%d %H:%M:%S")
    return f"TZ=UTC {RESTIC} backup --time '{at}' --exclude '*.tmp' {' '.join(sources or ('/srv/data', '/srv/more'))}"


def prove(job, **options) -> RestoreTest:
    test = restore_tests.request(job=job, actor=people.TESTER, now=people.now(), **options)
    restore_tests.execute(test_id=test.pk, now=people.now())
    test.refresh_from_db()
    job.refresh_from_db()
    assert not test.is_open, test.trouble
    return test


def nothing_left(machine) -> None:
    assert (
        machine.run("ls -A /var/lib/retainer/scratch /run/retainer-secrets /run/retainer-db* 2>/dev/null | grep -v : | grep . || true")
        == ""
    )


def test_a_good_repository_is_proven_with_its_evidence(job, machine):
    test = prove(job)
    assert (test.verdict, test.cause) == ("pass", ""), (test.findings, test.log[-3000:])
    assert job.proof == test
    assert test.restored_files == 13
    assert test.recovery_s is not None
    facts = dict(test.facts)
    assert facts["sample"].split()[0] == "13"
    assert facts["read"] == "1/3 sound"
    assert "restic 0." in facts["tool_version"]
    assert restore_tests.seal_of(test, {}) == test.seal
    assert KEY not in str(test.specification) + test.log + str(test.facts) + str(test.commands)
    assert KEY not in str(list(AuditEvent.objects.values())) + str(list(HostScript.objects.values()))
    nothing_left(machine)
    assert dict(prove(job).facts)["read"] == "2/3 sound", "the next part of all data"
    # one of any that are kept, at random: the age is the newest one's all the same, and it proves nothing of that
    machine.run(backup(when=timedelta(days=40)))
    before = job.proof
    test = prove(job, purpose=Purpose.OLD)
    assert (test.specification["snapshot"], test.verdict, job.proof) == (["random"], "pass", before), test.findings
    assert dict(test.facts)["snapshots_total"] == "2"


def damage(words: str):
    pack = "$(find /srv/backup/data -type f -size +60k | sort | head -n 1)"
    return {
        "a flipped byte": (f"printf '\\377\\000\\377' | dd of={pack} bs=1 seek=30000 conv=notrunc", "corruption", "damaged or missing"),
        "a missing pack": (f"rm {pack}", "corruption", "damaged or missing"),
        "no repository": ("mv /srv/backup /srv/elsewhere", "repository", "no repository where"),
        "a snapshot that lacks a source": (backup("/srv/data", when=timedelta(minutes=-1)), "coverage", "/srv/more is not in the snapshot"),
        "a changed file that looks untouched": (
            "touch -r /srv/data/file1 /root/t && printf X | dd of=/srv/data/file1 bs=1 conv=notrunc && touch -r /root/t /srv/data/file1",
            "mismatch", "/srv/data/file1",
        ),
    }[words]  # fmt: skip


@pytest.mark.parametrize(
    "words",
    ["a flipped byte", "a missing pack", "no repository", "a snapshot that lacks a source", "a changed file that looks untouched"],
)
def test_what_is_bad_fails_with_its_cause_and_proves_nothing(job, machine, words):
    script, cause, sentence = damage(words)
    machine.run(f"export LC_ALL=C; {script}")
    test = prove(job)
    assert (test.verdict, test.cause) == ("fail", cause), (test.findings, test.log[-3000:])
    assert any(sentence in finding for finding in test.findings), test.findings
    assert job.proof is None
    nothing_left(machine)


def test_a_wrong_key_and_old_snapshots_and_none(job, machine):
    wrong = jobs.add(
        system=job.system, actor=people.TESTER, now=people.now(),
        wish=jobs.Wish(name="wrong", tool="restic", repository="/srv/backup", sources=["/srv/data"], key="not the key"),
    )  # fmt: skip
    test = prove(wrong)
    assert (test.verdict, test.cause) == ("fail", "key"), (test.findings, test.log[-2000:])
    # the schedule stopped four days ago
    machine.run(f'{RESTIC} forget --prune $({RESTIC} snapshots --json | grep -o \'"id":"[0-9a-f]*"\' | cut -d \'"\' -f 4)')
    machine.run(backup(when=timedelta(days=4)))
    test = prove(job)
    assert (test.verdict, test.cause) == ("fail", "stale"), (test.findings, test.log[-2000:])
    assert test.findings == ["The newest snapshot is 4 days old; promised are 26 hours."]
    machine.run(f'{RESTIC} forget --prune $({RESTIC} snapshots --json | grep -o \'"id":"[0-9a-f]*"\' | cut -d \'"\' -f 4)')
    test = prove(job)
    assert (test.verdict, test.cause, test.findings) == ("fail", "coverage", ["There is no snapshot in the repository."])
    nothing_left(machine)


def test_a_stale_lock_is_a_note_and_does_not_hinder(job, machine):
    machine.run(
        f"{RESTIC} backup --stdin </dev/zero >/dev/null 2>&1 & p=$!; "
        'until [ -n "$(ls /srv/backup/locks)" ] || ! kill -0 $p; do sleep 0.1; done; kill -9 $p'
    )
    test = prove(job)
    assert test.verdict == "notes", (test.findings, test.log[-3000:])
    assert "lock lies in the repository" in test.findings[0]
    assert machine.run("ls /srv/backup/locks | wc -l").strip() == "1", "a test never unlocks"


def test_what_hinders_a_test_is_inconclusive(job, machine):
    machine.run("mkdir -p /var/lib/retainer/scratch && mount -t tmpfs -o size=3m none /var/lib/retainer/scratch")
    test = prove(job)
    assert (test.verdict, test.cause) == ("inconclusive", "scratch"), (test.findings, test.log[-2000:])
    assert "bytes are needed" in test.findings[1]
    machine.run("umount /var/lib/retainer/scratch && touch /var/lib/retainer/scratch/somebodys")
    test = prove(job)
    assert (test.cause, test.findings[1]) == ("scratch", "/var/lib/retainer/scratch is not empty.")
    machine.run("rm /var/lib/retainer/scratch/somebodys")
    # a tool that calls everything good proves nothing
    machine.write(
        "/usr/local/bin/restic",
        "#!/bin/sh\n/usr/bin/restic \"$@\"; code=$?\ncase \"$*\" in *to-flipped*) exit 0 ;; esac\nexit $code\n", mode="755",
    )  # fmt: skip
    test = prove(job)
    assert (test.verdict, test.cause) == ("inconclusive", "verifier"), (test.findings, test.log[-2000:])
    assert "flipped-byte 0" in test.findings[1]
    machine.run("rm /usr/local/bin/restic && mv /usr/bin/restic /usr/bin/restic-gone")
    test = prove(job)
    assert (test.verdict, test.cause) == ("inconclusive", "tool"), test.findings
    assert job.proof is None
    nothing_left(machine)


SLOW = """#!/bin/sh
case "$*" in *"--target /"*) : >/run/restoring; while [ ! -e /run/go-on ]; do sleep 0.1; done ;; esac
exec /usr/bin/restic "$@"
"""


@pytest.fixture
def halfway(job, machine):
    """A test that is in the middle of restoring, carried by nobody any more."""
    machine.write("/usr/local/bin/restic", SLOW, mode="755")
    test = restore_tests.request(job=job, actor=people.TESTER, now=people.now())
    worker = threading.Thread(target=_carry, args=(test,))
    worker.start()
    machine.run("until [ -e /run/restoring ]; do sleep 0.1; done")
    yield test, worker
    worker.join(60)


def carry(execute, **ids) -> None:
    """As a worker does, on a thread of its own."""
    try:
        with acting_for_all():
            execute(now=people.now(), **ids)
    finally:
        connections.close_all()


def _carry(test) -> None:
    carry(restore_tests.execute, test_id=test.pk)


def test_no_secret_shows_while_it_runs(halfway, machine):
    test, worker = halfway
    assert KEY not in machine.run("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; true")
    assert machine.run(f"stat -c '%a %U' /run/retainer-secrets/{test.uuid}.d/1.key").strip() == "600 root"
    machine.run("touch /run/go-on")
    worker.join(60)
    test.refresh_from_db()
    assert test.verdict == "pass", test.findings
    nothing_left(machine)


def test_a_host_that_reboots_and_a_test_that_is_killed_leave_nothing(halfway, machine):
    test, worker = halfway
    machine.reboot()
    worker.join(60)
    # where the first worker was not quick enough to find the host again, another one goes on
    RestoreTest.objects.filter(pk=test.pk, finished_at=None).update(claimed_until=None)
    restore_tests.execute(test_id=test.pk, now=people.now())
    test.refresh_from_db()
    assert (test.verdict, test.cause) == ("inconclusive", "host"), test.findings
    nothing_left(machine)
    # and killed with all its processes, from without
    again = restore_tests.request(job=test.job, actor=people.TESTER, now=people.now())
    other = threading.Thread(target=_carry, args=(again,))
    other.start()
    machine.run("until [ -e /run/restoring ]; do sleep 0.1; done; systemctl kill -s KILL 'retainer-run-*'")
    other.join(60)
    again.refresh_from_db()
    assert (again.verdict, again.cause) == ("inconclusive", "host"), again.findings
    nothing_left(machine)


def test_a_worker_killed_in_the_middle_is_followed_by_another(job, machine, workers):
    machine.write("/usr/local/bin/restic", SLOW, mode="755")
    test = restore_tests.request(job=job, actor=people.TESTER, now=people.now())
    machine.run("until [ -e /run/restoring ]; do sleep 0.1; done")
    workers.kill("hosts")
    workers.start("hosts")
    machine.run("touch /run/go-on")

    def ended() -> bool:
        test.refresh_from_db()
        return not test.is_open

    wait_for("the verdict", ended, seconds=120)
    assert test.verdict == "pass", test.findings
    assert len([command for _, command in test.commands if " restore " in command]) == 1, "restored once"
    nothing_left(machine)
    # carried again it changes nothing
    before = RestoreTest.objects.values().get(pk=test.pk)
    restore_tests.execute(test_id=test.pk, now=people.now())
    assert RestoreTest.objects.values().get(pk=test.pk) == before


def test_the_host_runs_nothing_that_a_specification_names(job, machine):
    """Whoever holds the portal's key gets no command as root by way of a test."""
    machine.write("/usr/local/bin/evil", "#!/bin/sh\ntouch /root/evil\n", mode="755")
    quote = "/var/lib/x'; touch /root/evil; '"
    for number, (changed, value) in enumerate({"1.tool": "evil", "scratch": quote, "limit_s": "--help", "1.source": "-delete"}.items()):
        specification = {
            "parts": "1", "1.tool": "restic", "1.repository": "/srv/backup", "1.source": "/srv/data", "scratch": "/var/lib/retainer/scratch",
            "snapshot": "newest", "sample": "5", "seed": "1", "spare_b": "1", "limit_s": "60", changed: value,
        }  # fmt: skip
        run = f"00000000-0000-0000-0000-00000000000{number}"
        lines = "".join(f"{name}={text}\n" for name, text in specification.items())
        machine.run(
            f"/usr/local/sbin/retainer-host start {run} restore-test", stdin=f"{lines}\n1.key={b64encode(KEY.encode()).decode()}\n"
        )
        machine.run(f"until [ -f /var/lib/retainer/runs/{run}/exit ]; do sleep 0.1; done")
        ended = machine.run(f"cat /var/lib/retainer/runs/{run}/exit").strip()
        told = machine.run(f"cat /var/lib/retainer/runs/{run}/facts; tail -n 20 /var/lib/retainer/runs/{run}/log")
        assert ended in ({"40"} if changed == "1.tool" else {"43"} if changed != "scratch" else {"0"}), (changed, ended, told)
    machine.run("test ! -e /root/evil")
    nothing_left(machine)
