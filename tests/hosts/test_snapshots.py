"""Snapshots of a root file system on real hosts: taken before a change, gone back to, removed; and what stands in their way.

btrfs is the real thing. The lab's kernel has no device mapper and no ZFS: for LVM and ZFS only the words that the host's tools
are given are shown, by stand-ins for these tools on a real host.
"""

import pytest

from maintenance.models import UpdateRun
from maintenance.services import execution, runs, snapshots
from maintenance.services.execution import log_text
from portal.errors import PortalError
from tests import people
from tests.hosts.conftest import another_machine, set_up
from tests.hosts.steps import apply_now, scan_now, start

pytestmark = [pytest.mark.lab, pytest.mark.django_db(transaction=True)]

SUBVOLUMES = "mkdir -p /run/look && mount -t btrfs -o subvolid=5 /dev/loop* /run/look && ls /run/look/@retainer; umount /run/look"


@pytest.fixture
def btrfs_machine(lab):
    with another_machine(disk="btrfs") as host:
        yield host


def wish(system, words: str, *, days: int = 7) -> None:
    snapshots.set_policy(system=system, wish=words, keep_days=days, actor=people.TESTER, now=people.now())


def carry(run: UpdateRun) -> UpdateRun:
    execution.execute(run_id=run.pk, now=people.now())
    run.refresh_from_db()
    return run


def carry_through_reboot(run: UpdateRun, machine) -> UpdateRun:
    """The host goes away and comes back; a worker would come again by the sweep."""
    for _ in range(20):
        carry(run)
        if not run.is_open:
            return run
        machine.wait_for_ssh()
        UpdateRun.objects.filter(pk=run.pk).update(claimed_until=None)
    raise AssertionError(f"{run.state}: {run.trouble}")


def test_a_change_begins_with_a_snapshot_and_the_host_goes_back_to_it(btrfs_machine):
    machine = btrfs_machine
    system = set_up(machine, packages=("lab-needs", "lab-web"))
    wish(system, "must")
    run = apply_now(system, "lab-needs", "lab-web", "lab-new")
    assert (run.verdict, run.snapshot, run.snapshot_kind) == ("verified", "must", "btrfs"), run.findings
    commands = [row.command.split()[0:2] for row in run.commands.order_by("position")]
    assert commands == [["apt-get", "-s"], ["btrfs", "subvolume"], ["apt-get", "-y"]], "between the plan and the change"
    assert [kept.pk for kept in snapshots.kept(system)] == [run.pk]
    machine.write("/etc/written-since", "by somebody")
    booted = machine.boot_id()
    # the portal's key was exchanged since: the way in must not go back with the rest
    machine.run("echo '# since' >>~retainer/.ssh/authorized_keys")
    with pytest.raises(PortalError, match="type the system's name"):
        runs.start_snapshot_rollback(run=run, confirmed="yes", actor=people.TESTER, now=people.now())
    back = runs.start_snapshot_rollback(run=run, confirmed=machine.name, actor=people.TESTER, now=people.now())
    carry_through_reboot(back, machine)
    assert back.verdict == "verified", back.findings
    assert machine.boot_id() != booted
    assert machine.run("dpkg-query -W -f='${Package} ${Version}\n' lab-web lab-needs lab-new 2>/dev/null; true").split("\n")[:2] == [
        "lab-needs 1.0", "lab-web 1.0",
    ]  # fmt: skip
    assert machine.run("dpkg-query -W lab-new 2>&1; test -e /etc/written-since; echo $?").strip().endswith("1")
    assert "# since" in machine.run("cat ~retainer/.ssh/authorized_keys")
    assert "systemctl reboot" in log_text(back)[0]
    # both records outlived the way back, and what was there until then is kept beside it
    assert sorted(machine.run(SUBVOLUMES).split()) == sorted([str(run.uuid), str(back.uuid)])
    assert [kept.pk for kept in snapshots.kept(system)] == [back.pk, run.pk]
    assert scan_now(system).state == "fresh"
    again = runs.start_snapshot_rollback(run=back, confirmed=machine.name, actor=people.TESTER, now=people.now())
    assert carry_through_reboot(again, machine).verdict == "verified", again.findings
    assert machine.run("cat /etc/written-since") == "by somebody"
    assert machine.run("dpkg-query -W -f='${Version}' lab-web") == "1.1"


def test_a_snapshot_past_its_days_is_removed_by_a_scan_and_no_other_is(btrfs_machine):
    machine = btrfs_machine
    system = set_up(machine, packages=("lab-plain", "lab-web"))
    wish(system, "may", days=3)
    old = apply_now(system, "lab-plain")
    young = apply_now(system, "lab-web")
    assert (old.snapshot_kind, young.snapshot_kind) == ("btrfs", "btrfs")
    machine.run(f"cd /var/lib/retainer/snapshots && awk '{{$3 -= 4 * 86400; print}}' {old.uuid} >/run/x && cat /run/x >{old.uuid}")
    assert scan_now(system).problems == []
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.has_snapshot, young.has_snapshot) == (False, True)
    assert machine.run(SUBVOLUMES).split() == [str(young.uuid)]
    with pytest.raises(PortalError, match="no snapshot of this run"):
        runs.start_snapshot_rollback(run=old, confirmed=machine.name, actor=people.TESTER, now=people.now())
    # somebody removed the other one by hand: noticed, and never offered
    machine.run(SUBVOLUMES.replace("ls /run/look/@retainer", f"btrfs subvolume delete /run/look/@retainer/{young.uuid}"))
    assert scan_now(system).problems == [f"The snapshot of run {young.pk} was lost before its days were over."]
    young.refresh_from_db()
    assert not young.has_snapshot


def test_a_snapshot_that_must_be_and_fails_stops_before_anything_changes(btrfs_machine):
    machine = btrfs_machine
    system = set_up(machine, packages=("lab-plain",))
    wish(system, "may")
    machine.write("/usr/local/sbin/btrfs", "#!/bin/sh\n[ \"$2\" != snapshot ] || { echo 'no space left' >&2; exit 1; }\n", mode="755")
    run = apply_now(system, "lab-plain")
    assert (run.verdict, run.exit_status, run.snapshot_kind) == ("failed", 80, "")
    assert "could not be taken. Nothing was changed." in run.findings[0]
    assert "no space left" in log_text(run)[0]
    assert machine.run("dpkg-query -W -f='${Version}' lab-plain") == "1.0"
    assert machine.run("ls /var/lib/retainer/snapshots") == "", "what was not taken leaves no record"


def test_what_lies_elsewhere_is_said_before(btrfs_machine):
    machine = btrfs_machine
    system = set_up(machine, packages=("lab-plain",))
    wish(system, "must")
    machine.run("btrfs -q subvolume create /srv/data && touch /srv/data/file")
    run = apply_now(system, "lab-plain")
    assert run.findings[0] == "The snapshot that must come first can't be taken: /srv/data is a subvolume of its own below /."
    assert (run.verdict, run.start_sent_at) == ("failed", None)


def test_a_host_without_snapshots(machine):
    system = set_up(machine, packages=("lab-plain", "lab-web"))
    wish(system, "may")
    run = apply_now(system, "lab-plain")
    assert (run.verdict, run.snapshot_kind) == ("verified", ""), run.findings
    assert "No snapshot before: / lies on overlay without LVM" in log_text(run)[0]
    wish(system, "must")
    run = apply_now(system, "lab-web")
    assert (run.verdict, run.start_sent_at) == ("failed", None)
    # a helper from before there were snapshots would leave them out in silence: it is not even asked to begin
    helper = "/usr/local/sbin/retainer-host"
    machine.run(f"sed -i 's/^snapshots) /no-such-word) /; s/^VERSION=.*/VERSION=4/' {helper}")
    wish(system, "may")
    run = start(system, "lab-web")
    assert carry(run).verdict == "failed"
    assert "unknown word" in run.findings[0]
    assert any("version 4 there" in problem for problem in scan_now(system).problems)


LVS = """#!/bin/sh
case "$*" in
*lv_snapshot_invalid*) [ -e /run/lv ] && echo "  " ;;
*) echo "  vg root {size} {free} {pool}" ;;
esac
"""


LVM_AND_ZFS = [
    (
        "ext4", {"lvs": LVS.format(size=1000, free=150, pool=""), "lvcreate": "touch /run/lv"}, "lvm",
        "lvcreate -y -s -n retainer-{run} -L 150b vg/root",
    ),
    (
        "xfs", {"lvs": LVS.format(size=1000, free=0, pool="thin"), "lvcreate": "touch /run/lv"}, "lvm",
        "lvcreate -y -s -kn -n retainer-{run} vg/root",
    ),
    ("zfs", {"zfs": "true"}, "zfs", "zfs snapshot /dev/source@retainer-{run}"),
    ("ext4", {"lvs": LVS.format(size=1000, free=50, pool="")}, "the volume group vg has less than a tenth", ""),
]  # fmt: skip


def test_the_words_that_lvm_and_zfs_are_given(machine):
    packages = ["lab-plain", "lab-web", "lab-conffile", "lab-reboot"]
    system = set_up(machine, packages=tuple(packages))
    wish(system, "may")
    for kind, stand_ins, said, command in LVM_AND_ZFS:
        machine.write("/usr/local/sbin/findmnt", f'#!/bin/sh\n[ "$2" = TARGET ] && echo / || echo /dev/source {kind} /\n', mode="755")
        for name, text in stand_ins.items():
            machine.write(f"/usr/local/sbin/{name}", text if text.startswith("#!") else f"#!/bin/sh\n{text}\n", mode="755")
        run = apply_now(system, packages.pop())
        assert run.verdict == "verified", run.findings
        taken = [row.command for row in run.commands.order_by("position")][1:-1]
        assert taken == ([command.format(run=run.uuid)] if command else [])
        assert run.snapshot_kind == said if command else said in log_text(run)[0]
