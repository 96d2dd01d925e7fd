"""Restores on a real host, for the day they are needed: looked at first, never over live data without a copy of it."""

import threading

import pytest

from backups.models import Restore
from backups.services import jobs, restores
from portal.errors import PortalError
from tests import people
from tests.hosts.conftest import set_up
from tests.hosts.test_restore_tests import carry, nothing_left

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

KEY = "the-key-of-this-repository"
RESTIC = "restic -q --no-cache --repo /srv/backup --password-file /root/key"
HOST = f"""
mkdir -p /srv/data/deep '/srv/data/odd name' && cd /srv/data && echo one >one && echo two >two && echo three >'odd name/thrée' && ln -s one link
echo deep >deep/file && chown 33:33 deep deep/file && chmod 750 deep
printf '%s\\n' {KEY} >/root/key && {RESTIC} init && {RESTIC} backup /srv/data
mkdir -p /etc/retainer && echo /srv/backup >/etc/retainer/restores.allowed
"""


def ended(restore: Restore) -> Restore:
    restores.execute(restore_id=restore.pk, now=people.now())
    restore.refresh_from_db()
    assert not restore.is_open, restore.trouble
    return restore


@pytest.fixture
def job(machine):
    system = set_up(machine)
    machine.run(HOST)
    wish = jobs.Wish(name="data", tool="restic", repository="/srv/backup", sources=["/srv/data"], key=KEY)
    return jobs.add(system=system, wish=wish, actor=people.TESTER, now=people.now())


def look(job, **values) -> Restore:
    return ended(restores.look(job=job, actor=people.TESTER, now=people.now(), **values))


def carry_out(plan, **values) -> Restore:
    return ended(restores.carry_out(plan=plan, reason="lost", actor=people.TESTER, now=people.now(), **values))


def test_what_was_lost_comes_back_in_its_place_and_what_it_replaces_is_kept(job, machine):
    machine.run("cd /srv/data && rm -rf deep && echo changed >two && echo newer >later && chmod 700 /srv && touch -d '2020-01-01' /srv")
    plan = look(job)
    assert plan.outcome == "done", (plan.findings, plan.log[-3000:])
    assert (plan.new_files, plan.replaced_files, plan.same_files) == (1, 1, 3)
    assert "Replaced: /srv/data/two." in plan.findings
    assert machine.run("cat /srv/data/two; ls /srv/data").split() == ["changed", "later", "link", "odd", "name", "one", "two"], (
        "nothing changed"
    )
    with pytest.raises(PortalError, match="Type its name"):
        restores.carry_out(plan=plan, reason="lost", confirmation="yes", actor=people.TESTER, now=people.now())
    # what is backed up in between is not what was looked at
    machine.run(f"{RESTIC} backup /srv/data")
    done = carry_out(plan, confirmation=job.system.name)
    assert done.outcome == "done", (done.findings, done.log[-3000:])
    assert (done.snapshot_id, done.kept_at) == (plan.snapshot_id, f"/var/lib/retainer/replaced/{done.uuid}.tar")
    assert machine.run("cd /srv/data; cat two deep/file 'odd name/thrée'; readlink link").split() == ["two", "deep", "three", "one"]
    assert machine.run("cd /srv/data; stat -c '%u %a' deep deep/file").split() == ["33", "750", "33", "644"]
    assert machine.run("cat /srv/data/later; stat -c '%a' /srv").split() == ["newer", "700"], "what was not in it stays as it is"
    assert machine.run(f"tar -xOf {done.kept_at}; stat -c %a {done.kept_at}").split() == ["changed", "600"]
    nothing_left(machine)
    with pytest.raises(PortalError, match="older than a day"):
        restores.carry_out(
            plan=plan, reason="x", confirmation=job.system.name, actor=people.TESTER, now=people.now() + restores.PLAN_HOLDS * 2
        )


TAR = """#!/bin/sh
/usr/bin/tar "$@"
code=$?
case "$*" in *--preserve-permissions*)
    place=$(find /var/lib/retainer/scratch -name cat -perm -4000)
    [ -n "$place" ] && echo "$place" >/root/found
    setpriv --reuid=65534 --regid=65534 --clear-groups test -e "$place" && touch /root/reached ;;
esac
exit $code
"""


def test_only_what_the_administrator_allows_is_put_anywhere(job, machine):
    """Whoever holds the portal's key gets no file of theirs anywhere as root."""
    machine.run("echo /srv/another >/etc/retainer/restores.allowed; rm /srv/data/two")
    plan = look(job)
    assert "writes the line “/srv/backup” into /etc/retainer/restores.allowed." in plan.findings[-1]
    for done in (carry_out(plan, confirmation=job.system.name), carry_out(look(job, target="/srv/restored"))):
        assert (done.outcome, done.cause) == ("failed", "host"), done.findings
        assert "did not allow" in done.findings[0]
    machine.run("test ! -e /srv/data/two && test ! -e /srv/restored")
    # an archive that opens its folder and brings a program that runs as root: nobody but root gets to it while it lies there
    machine.run(
        "mkdir /root/evil && cp /bin/cat /root/evil/cat && chmod 4755 /root/evil/cat && chmod 755 /root/evil && tar -cf /srv/evil.tar -C /root/evil ."
    )
    machine.write("/usr/local/bin/tar", TAR, mode="755")
    evil = jobs.add(
        system=job.system, actor=people.TESTER, now=people.now(),
        wish=jobs.Wish(name="evil", tool="tar", repository="/srv/evil.tar", sources=["/cat"]),
    )  # fmt: skip
    look(evil)
    assert "/rt-" in machine.run("cat /root/found")
    machine.run("test ! -e /root/reached")
    nothing_left(machine)


def test_one_path_comes_back_into_a_folder_of_its_own(job, machine):
    plan = look(job, paths=["/srv/data/deep"], target="/srv/restored")
    assert (plan.outcome, plan.new_files) == ("done", 1), plan.findings
    done = carry_out(plan)
    assert done.outcome == "done", (done.findings, done.log[-3000:])
    assert machine.run("cd /srv/restored; find . -type f").split() == ["./srv/data/deep/file"]
    # it is not empty any more, so that nothing is mixed
    again = carry_out(look(job, paths=["/srv/data/deep"], target="/srv/restored"))
    assert (again.outcome, again.cause) == ("failed", "scratch")
    assert "/srv/restored is not empty." in again.findings
    inside = carry_out(look(job, target="/srv/data/back"))
    assert "lies inside the source" in inside.findings[1]
    nothing = look(job, paths=["/srv/data/never"])
    assert (nothing.outcome, nothing.cause) == ("failed", "coverage")
    with pytest.raises(PortalError, match="none of the sources"):
        restores.look(job=job, paths=["/etc"], actor=people.TESTER, now=people.now())
    nothing_left(machine)


def test_a_rehearsal_is_timed_and_changes_nothing(job, machine):
    before = machine.run("find /srv /var/lib/retainer/replaced 2>/dev/null | sort | sha256sum; true")
    done = ended(restores.rehearse(job=job, actor=people.TESTER, now=people.now()))
    assert done.outcome == "done", (done.findings, done.log[-3000:])
    assert "5 files lie there as they came back" in done.findings[0]
    assert {name for name, *_ in [value.split() for key, value in done.facts if key == "phase"]} >= {
        "snapshots",
        "size",
        "restore",
        "place",
    }
    assert machine.run("find /srv /var/lib/retainer/replaced 2>/dev/null | sort | sha256sum; true") == before
    assert KEY not in str(done.facts) + done.log + str(done.specification)
    nothing_left(machine)
    machine.run(
        "printf X | dd of=$(find /srv/backup/data -type f -size +1k | sort | head -n 1) bs=1 seek=20 conv=notrunc status=none; true"
    )
    machine.run("for f in $(find /srv/backup/data -type f); do printf XXXX | dd of=$f bs=1 seek=20 conv=notrunc status=none; done")
    broken = ended(restores.rehearse(job=job, actor=people.TESTER, now=people.now()))
    assert broken.outcome == "failed", broken.findings
    assert broken.findings[-1] == "Nothing was changed."


def test_a_dump_is_laid_beside_and_never_loaded_over_what_lives(machine):
    system = set_up(machine)
    machine.run(
        "pg_createcluster 15 main --start >/dev/null; cd /tmp; runuser -u postgres -- createdb shop; mkdir -p /var/backups; "
        "runuser -u postgres -- psql -q shop -c 'CREATE TABLE t AS SELECT 1 AS n'; runuser -u postgres -- pg_dump -Fc shop >/var/backups/shop-1.dump; "
        "mkdir -p /etc/retainer; echo '/var/backups/shop-*.dump' >/etc/retainer/restores.allowed"
    )
    wish = jobs.Wish(name="shop", tool="pg_dump", repository="/var/backups/shop-*.dump", databases=["shop"])
    job = jobs.add(system=system, wish=wish, actor=people.TESTER, now=people.now())
    with pytest.raises(PortalError, match="never loaded over"):
        restores.carry_out(plan=look(job), reason="x", confirmation=system.name, actor=people.TESTER, now=people.now())
    done = carry_out(look(job, target="/srv/back"))
    assert done.outcome == "done", (done.findings, done.log[-3000:])
    assert machine.run("cmp /srv/back/shop.dump /var/backups/shop-1.dump && stat -c '%a %U' /srv/back/shop.dump").split() == [
        "600",
        "root",
    ]
    nothing_left(machine)


def test_a_host_that_reboots_in_the_middle_says_what_it_left(job, machine):
    machine.write(
        "/usr/local/bin/restic",
        '#!/bin/sh\ncase "$*" in *"--target /"*) : >/run/restoring; while [ ! -e /run/go-on ]; do sleep 0.1; done ;; esac\nexec /usr/bin/restic "$@"\n',
        mode="755",
    )
    restore = restores.look(job=job, actor=people.TESTER, now=people.now())
    worker = threading.Thread(target=carry, args=(restores.execute,), kwargs={"restore_id": restore.pk})
    worker.start()
    machine.run("until [ -e /run/restoring ]; do sleep 0.1; done")
    machine.reboot()
    worker.join(60)
    Restore.objects.filter(pk=restore.pk, finished_at=None).update(claimed_until=None)
    restores.execute(restore_id=restore.pk, now=people.now())
    restore.refresh_from_db()
    assert (restore.outcome, restore.cause) == ("inconclusive", "host"), restore.findings
    nothing_left(machine)
    before = Restore.objects.values().get(pk=restore.pk)
    restores.execute(restore_id=restore.pk, now=people.now())
    assert Restore.objects.values().get(pk=restore.pk) == before, "carried again it changes nothing"
