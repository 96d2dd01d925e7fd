"""Parsers on what a real host printed, and on what is cut off or mangled: never cleaner than the truth."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maintenance.parsers import apt, host, others, units
from maintenance.parsers.sections import Section, split_sections
from maintenance.parsers.values import UnexpectedOutput
from maintenance.services import scans
from portal.ssh import detached
from tests import people

DEBIAN = Path(__file__).resolve().parents[1] / "captures" / "debian-12"


def capture(name: str) -> str:
    return (DEBIAN / name).read_text()


def all_upgrades(**changed: str):
    texts = {
        "upgradable": capture("apt-list-upgradable.txt"), "plan": capture("apt-get-s-upgrade.txt"),
        "full_plan": capture("apt-get-s-dist-upgrade.txt"), "holds": capture("apt-mark-showhold.txt"),
    }  # fmt: skip
    return {upgrade.name: upgrade for upgrade in apt.upgrades(**(texts | changed))}


def test_every_upgradable_package_is_there_with_its_reason():
    found = all_upgrades()
    listed = {line.split("/")[0] for line in capture("apt-list-upgradable.txt").splitlines()[1:]}
    assert set(found) == listed | {"lab-new"}
    assert found["lab-plain"].obstacle == "held"
    assert found["lab-needs"].obstacle == ""
    assert (found["lab-new"].installed, found["lab-new"].candidate) == ("", "1.1")
    assert found["openssl"].is_security is True
    assert found["lab-needs"].is_security is False
    # without new packages the same update is kept back, and said to be
    assert all_upgrades(plan=capture("apt-get-s-upgrade-without-new.txt"))["lab-needs"].obstacle == "kept_back"


def test_phased_updates_are_their_own_reason():
    # Ubuntu's wording; no Ubuntu host can be had here, the list itself is Debian's
    plan = "The following upgrades have been deferred due to phasing:\n  openssl\n"
    found = all_upgrades(plan=plan + "0 upgraded.\n", full_plan=plan)
    assert found["openssl"].obstacle == "phased"


def test_inventory_reads_every_line_and_marks_what_is_not_whole():
    packages = apt.parse_inventory(capture("dpkg-query.txt"))
    assert len(packages) == len(capture("dpkg-query.txt").splitlines())
    assert all(package.whole for package in packages)
    half = apt.parse_inventory("iF \tlab-fails\t1.1\tall\tlab-fails\t1.1\nrc \tgone\t1\tall\tgone\t1\nhi \tkept\t1\tall\tkept\t1\n")
    assert [(package.name, package.whole) for package in half] == [("lab-fails", False), ("kept", True)]


def test_a_failed_source_is_a_complaint_though_the_rest_was_hit():
    complaints = apt.parse_refresh_problems(capture("apt-get-update-one-source-gone.txt"))
    assert any("gone" in line for line in complaints)
    assert apt.parse_refresh_problems("Hit:1 http://mirror.lab bookworm InRelease\nReading package lists...\n") == ()


def test_units_and_root_facts():
    found = units.parse_units(capture("systemctl-show.txt"))
    assert (found["ssh.service"].active, found["ssh.service"].sub, found["ssh.service"].enabled) == ("active", "running", "enabled")
    facts = host.parse_root_facts(capture("retainer-host-facts.txt"))
    assert "nginx.service" in facts.stale_services
    assert "tcp 0.0.0.0:22 sshd" in facts.listening
    assert host.parse_os_release(capture("os-release.txt")).os_id == "debian"


@pytest.mark.parametrize(
    ("running", "installed", "newer"),
    [
        ("6.1.0-9-amd64", "6.1.0-9-amd64\n6.1.0-10-amd64", True),
        ("6.1.0-10-amd64", "6.1.0-9-amd64\n6.1.0-10-amd64", False),
        ("6.1.0-10-cloud-amd64", "6.1.0-12-amd64\n6.1.0-10-cloud-amd64", False),
        ("6.1.0-10-amd64", "", False),
    ],
)
def test_a_newer_kernel_counts_by_number_and_flavour(running, installed, newer):
    assert host.newer_kernel(running=running, installed=installed) is newer


PARSERS = [
    (apt.parse_inventory, "dpkg-query.txt"), (apt.parse_upgradable, "apt-list-upgradable.txt"),
    (apt.parse_plan, "apt-get-s-upgrade.txt"), (apt.parse_showhold, "apt-mark-showhold.txt"),
    (units.parse_units, "systemctl-show.txt"), (host.parse_root_facts, "retainer-host-facts.txt"),
    (host.parse_os_release, "os-release.txt"),
]  # fmt: skip


@pytest.mark.parametrize(("parser", "name"), PARSERS)
@given(data=st.data())
def test_mangled_text_raises_nothing_but_unexpected_output(parser, name, data):
    text = capture(name)
    start, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 40))
    mangled = text[:start] + data.draw(st.text(max_size=20)) + text[start + length :]
    with contextlib.suppress(UnexpectedOutput):
        parser(mangled)


@given(cut=st.integers(0, 4000))
def test_a_plan_cut_anywhere_never_shows_less_without_saying_so(cut):
    """The list names what is pending: a shorter plan may call a package kept back, never make it vanish."""
    plan = capture("apt-get-s-upgrade.txt")
    try:
        found = all_upgrades(plan=plan[:cut])
    except UnexpectedOutput:
        return
    listed = {line.split("/")[0] for line in capture("apt-list-upgradable.txt").splitlines()[1:]}
    assert listed <= set(found)


def test_sections_that_did_not_end_are_left_out():
    out = "\n@m begin one\nhello\n@m end 0\n\n@m begin two\nhalf"
    sections = split_sections(stdout=out, stderr="\n@m begin one\noops\n@m end 0\n", mark="m")
    assert list(sections) == ["one"]
    assert (sections["one"].stdout, sections["one"].stderr) == ("hello", "oops")
    # what a command prints can't pass for a frame: it does not know the mark
    assert split_sections(stdout="\n@x begin fake\n@x end 0\n", stderr="", mark="m") == {}


OTHERS = DEBIAN.parent


def dnf(check: str, *, advisories: str | None):
    rows = [line.split("\t") for line in (OTHERS / "dnf-4.14" / "rpm-qa.txt").read_text().splitlines()]
    installed = {f"{row[0]}.{row[2]}": row[1] for row in rows}
    return others.dnf_upgrades(check_update=check, exit_status=100, advisories=advisories, installed=installed)


def test_dnf_as_captured():
    """Printed by dnf 4.14 over an RPM repository of two packages; see captures/README.md."""
    check = (OTHERS / "dnf-4.14" / "check-update.txt").read_text()
    found = dnf(check, advisories=(OTHERS / "dnf-4.14" / "updateinfo-list.txt").read_text())
    assert [(u.name, u.installed, u.candidate, u.is_security) for u in found] == [
        ("lab-openssl", "0:1.0-1.lab", "1.1-1.lab", True), ("lab-vim", "0:1.0-1.lab", "1.1-1.lab", False),
    ]  # fmt: skip
    # no metadata is not "no security update"
    assert [u.is_security for u in dnf(check, advisories="")] == [None, None]
    assert [u.is_security for u in dnf(check, advisories=None)] == [None, None]


def test_a_dnf_repository_that_is_gone_exits_zero_so_such_a_scan_is_never_fresh():
    """dnf 4.14 said nothing and exited 0 where its only repository had gone: zero updates there proves nothing."""
    gone = (OTHERS / "dnf-4.14" / "check-update-repository-gone.txt").read_text()
    assert others.dnf_upgrades(check_update=gone, exit_status=0, advisories="", installed={}) == ()
    names = ("os-release", "kernel", "kernels", "container", "reboot-file", "disk", "inodes", "inventory", "advisories")
    sections = {name: Section(0, "", "") for name in names} | {
        "manager": Section(0, "dnf\n", ""), "upgradable": Section(0, gone, ""),
        "os-release": Section(0, "ID=rocky\n", ""), "kernel": Section(0, "5.14.0-1.el9\nx86_64\nboot\n12.5\n", ""),
    }  # fmt: skip
    reading = scans.read(sections, manage=False, now=people.now())
    assert (reading.failed, reading.upgrades) == ([], ())
    assert reading.stale == ["The dnf lists are not refreshed by the portal."]


def test_zypper_as_captured():
    """Printed by zypper 1.14 over the same repository."""
    found = others.zypper_upgrades(list_updates=(OTHERS / "zypper-1.14" / "list-updates.xml").read_text(), exit_status=0)
    assert [(u.name, u.installed, u.candidate, u.is_security) for u in found] == [
        ("lab-openssl", "1.0-1.lab", "1.1-1.lab", None), ("lab-vim", "1.0-1.lab", "1.1-1.lab", None),
    ]  # fmt: skip


def test_apk_sample():
    """Text written after apk's manual: no apk could be had here, so this shows only that much."""
    apk = "musl-1.2.4-r3 x86_64 {musl} (MIT) [upgradable from: musl-1.2.4-r2]\n"
    assert others.apk_upgrades(upgradable=apk)[0].installed == "1.2.4-r2"


@pytest.mark.parametrize("status", [1, 2, 99, 255])
def test_dnf_that_fails_is_never_zero_updates(status):
    with pytest.raises(UnexpectedOutput):
        others.dnf_upgrades(check_update="", exit_status=status, advisories=None, installed={})


def test_zypper_that_skipped_a_repository_is_never_zero_updates():
    with pytest.raises(UnexpectedOutput):
        others.zypper_upgrades(list_updates="<stream/>", exit_status=106)


def test_a_pin_that_keeps_a_newer_version_away_is_seen_and_a_plain_upgrade_is_none():
    offers = apt.parse_policy(capture("apt-cache-policy-pinned.txt"))
    assert apt.pinned(offers) == {"lab-plain": ("1.0", "1.1")}
    assert apt.sourceless(offers) == ()
    assert offers["nginx-light"].candidate == "1.22.1-9+deb12u11"


def test_what_no_source_offers_any_more_is_seen():
    offers = apt.parse_policy(capture("apt-cache-policy-vanished.txt"))
    assert apt.sourceless(offers) == ("lab-plain",)
    assert apt.pinned(offers) == {}


@pytest.mark.parametrize("line", ["garbage", "  Candidat: 1", " *** 1.0", "        /var/lib/dpkg/status"])
def test_a_policy_that_is_none_is_not_guessed_at(line):
    with pytest.raises(UnexpectedOutput):
        apt.parse_policy(f"bash:\n  Installed: 1\n{' ' if line == 'garbage' else ''}{line}\n")


def test_a_hosts_plan_is_read_and_a_cut_one_refused():
    answer = detached.parse_plan_answer(
        "exit=0\nfetched=0\nkeep=vim\t1.0\tkept\nkeep=nano\t2\tmissing\nconffile=vim\t/etc/vimrc\nplan:\nInst …"
    )
    assert (answer.exit_status, answer.fetched, answer.kept) == (0, True, {"vim": True, "nano": False})
    assert answer.conflicts == (("vim", "/etc/vimrc"),)
    for broken in ("", "exit=0\n", "fetched=0\nplan:\n", "exit=x\nplan:\n", "exit=0\nwhat=1\nplan:\n", "exit=0\nkeep=vim\nplan:\n"):
        with pytest.raises(detached.UnexpectedStatus):
            detached.parse_plan_answer(broken)
