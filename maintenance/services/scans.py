"""Scanning a system: one round trip, read strictly, kept with its evidence.

What could not be read is unknown. A refresh that failed, or an index that is old, makes the scan stale; a section that is
missing or unreadable makes it failed. Neither is ever shown as up to date.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from clients.choices import Access, Connection
from clients.errors import NotReady
from clients.models import System
from clients.services.access import note_connection, open_shell
from maintenance import probes
from maintenance.choices import OPEN_RUN_STATES, Obstacle, ScanState
from maintenance.errors import ClientEnded
from maintenance.models import Scan, UpdateRun
from maintenance.parsers import apt, host, others
from maintenance.parsers.sections import Section, split_sections
from maintenance.parsers.values import Installed, UnexpectedOutput, Upgrade
from maintenance.services import changelogs, effects, matching, offers, snapshots, triage_lines, triage_rules
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import constraint_name
from portal.queue import nudge
from portal.ssh.connection import sudo_refused
from portal.ssh.detached import HELPER_VERSION
from portal.ssh.errors import SSHError
from portal.ssh.target import CommandResult

# A refresh on a slow line, on top of the reading itself.
SCAN_TIMEOUT_S = 300


@dataclass(slots=True)
class Reading:
    """What a scan read. Fields left at None were not readable."""

    os: host.OsRelease | None = None
    kernel: host.Kernel | None = None
    manager: str = ""
    packages: tuple[Installed, ...] | None = None
    upgrades: tuple[Upgrade, ...] | None = None
    new_sources: dict[str, str] = field(default_factory=dict)
    refreshed_at: datetime | None = None
    reboot_required: bool | None = None
    reboot_reason: str = ""
    reboot_packages: tuple[str, ...] = ()
    services_to_restart: tuple[str, ...] | None = None
    root_facts: host.RootFacts | None = None
    sourceless: tuple[str, ...] | None = None
    problems: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def request(*, system: System, actor: Actor, now: datetime) -> Scan:
    """Queue a scan; where one is open already, that one is returned."""
    actor.require(Permission.OPERATE)
    try:
        with transaction.atomic():
            scan = Scan.objects.create(client_id=system.client_id, system=system, queued_at=now)
            audit.record(action="scan.request", actor=actor, subject=system, client_id=system.client_id, now=now)
            nudge("maintenance.scan_system", client_id=scan.client_id, scan_id=scan.pk)
            return scan
    except IntegrityError as error:
        if constraint_name(error) == "client_not_ended":
            raise ClientEnded("This client's retainer ended: their systems are not read any more.") from error
        return Scan.objects.get(system=system, state=ScanState.QUEUED)


def request_due(*, now: datetime) -> int:
    """Queue the systems whose last scan is older than the interval, and nudge open scans whose worker was lost.

    Only systems that were reached once: an onboarding that is under way is not a failure.
    """
    interval = timedelta(hours=settings.SCAN_INTERVAL_H)
    recent = Scan.objects.filter(Q(queued_at__gt=now - interval) | Q(state=ScanState.QUEUED)).values("system_id")
    # a system in the middle of a change reads as neither before nor after; the run asks for a scan when it ends
    changing = UpdateRun.objects.filter(state__in=OPEN_RUN_STATES).values("system_id")
    due = (
        System.objects.filter(client__ended_at=None)
        .exclude(connection=Connection.UNKNOWN)
        .exclude(pk__in=recent)
        .exclude(pk__in=changing)
        .order_by("pk")[:200]
    )
    for system in due:
        request(system=system, actor=Actor.portal("scan schedule"), now=now)
    lost = Q(claimed_until__lt=now) | Q(claimed_until=None, queued_at__lt=now - timedelta(seconds=30))
    for scan in Scan.objects.filter(lost, state=ScanState.QUEUED).order_by("queued_at", "pk")[:200]:
        nudge("maintenance.scan_system", client_id=scan.client_id, scan_id=scan.pk)
    return len(due)


def execute(*, scan_id: int, now: datetime) -> None:
    """Worker: take the scan, read the host, keep what it said. Run twice, the second finds nothing to take."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    lease = now + timedelta(seconds=SCAN_TIMEOUT_S + 30)
    if not Scan.objects.filter(free, pk=scan_id, state=ScanState.QUEUED).update(claimed_until=lease):
        return
    scan = Scan.objects.select_related("system__client").get(pk=scan_id)
    manage = scan.system.access == Access.MANAGE
    try:
        with open_shell(scan.system, actor=Actor.portal("scan"), purpose=f"scan {scan.pk}") as shell:
            result = shell.run(probes.script("scan", manage=manage), timeout_s=SCAN_TIMEOUT_S)
            about_snapshots = snapshots.clear(shell, scan.system, now=datetime.now(UTC)) if manage else []
    except (SSHError, NotReady) as error:
        _finish_failed(scan, code=getattr(error, "code", "not_ready"), reason=str(error))
        return
    sections = split_sections(stdout=result.stdout, stderr=result.stderr, mark=result.mark)
    reading = read(sections, manage=manage, now=datetime.now(UTC))
    reading.problems.extend(about_snapshots)
    refused = [name for name, section in sections.items() if sudo_refused(section.stderr)]
    _finish(scan, reading, evidence=_evidence(sections, result), sudo_was_refused=bool(refused))
    triage_lines.refresh()
    changelogs.ask(System.objects.get(pk=scan.system_id), now=datetime.now(UTC))


def read(sections: dict[str, Section], *, manage: bool, now: datetime) -> Reading:
    """Turn the probe's sections into a Reading; what is missing or unreadable is named in it, never guessed."""
    reading = Reading()
    reader = _Reader(sections, reading)
    reading.os = reader.parse("os-release", host.parse_os_release)
    reading.kernel = reader.parse("kernel", host.parse_kernel)
    reading.manager = reader.text("manager").strip()
    _read_disks(reader, reading)
    if reading.manager == "apt":
        _read_apt(reader, reading, manage=manage, now=now)
    elif reading.manager in {"dnf", "zypper", "apk"}:
        _read_others(reader, reading)
    else:
        reading.failed.append("No known package manager (apt, dnf, zypper, apk) on this host.")
    _read_reboot(reader, reading)
    if manage:
        _read_root_facts(reader, reading)
    else:
        reading.problems.append("Read-only access: services to restart and package locks were not read.")
    return reading


class _Reader:
    """Takes sections and notes what fails, so that the functions below read top to bottom."""

    def __init__(self, sections: dict[str, Section], reading: Reading) -> None:
        self.sections = sections
        self._reading = reading

    def text(self, name: str, *, allowed: tuple[int, ...] = (0,)) -> str:
        """A section's stdout; empty, with the failure noted, where it is missing or ended badly."""
        section = self.sections.get(name)
        if section is None:
            self._reading.failed.append(f"“{name}” was not answered.")
            return ""
        if section.exit_status not in allowed:
            tail = section.stderr.strip()[-200:] or section.stdout.strip()[-200:]
            self._reading.failed.append(f"“{name}” ended with exit status {section.exit_status}: {tail}")
            return ""
        return section.stdout

    def parse(self, name: str, parser):  # type: ignore[no-untyped-def]  # generic over the parser's result
        """A section's parsed value; None, with the failure noted, where it can't be read."""
        failures = len(self._reading.failed)
        text = self.text(name)
        if len(self._reading.failed) > failures:
            return None
        try:
            return parser(text)
        except UnexpectedOutput as error:
            self._reading.failed.append(f"“{name}” can't be read: {error}")
            return None


def _read_apt(reader: _Reader, reading: Reading, *, manage: bool, now: datetime) -> None:
    reading.packages = reader.parse("inventory", apt.parse_inventory)
    if reading.packages is not None:
        if not reading.packages:
            reading.failed.append("dpkg lists no package at all.")
        broken = [f"{p.name} ({p.status})" for p in reading.packages if not p.whole]
        if broken:
            reading.problems.append("Not wholly installed: " + ", ".join(broken[:20]))
    audit_text = reader.text("audit")
    if audit_text.strip():
        reading.problems.append("dpkg --audit: " + " ".join(audit_text.split())[:400])
    reading.new_sources = apt.parse_new_sources(reader.text("new-packages"))
    texts = {name: reader.text(name) for name in ("upgradable", "plan", "full-plan", "holds")}
    if all(name in reader.sections and reader.sections[name].exit_status == 0 for name in texts):
        try:
            reading.upgrades = apt.upgrades(
                upgradable=texts["upgradable"], plan=texts["plan"], full_plan=texts["full-plan"], holds=texts["holds"]
            )
        except UnexpectedOutput as error:
            reading.failed.append(f"The pending updates can't be read: {error}")
    _read_policy(reader, reading)
    _read_freshness(reader, reading, manage=manage, now=now)


def _read_policy(reader: _Reader, reading: Reading) -> None:
    """What pins keep away is pending all the same; what no source offers will never be updated."""
    policy: dict[str, apt.Offer] | None = reader.parse("policy", apt.parse_policy)
    if policy is None or reading.upgrades is None:
        return
    reading.sourceless = apt.sourceless(policy)
    listed = {(upgrade.name, upgrade.architecture) for upgrade in reading.upgrades}
    installed = {package.name: package for package in reading.packages or ()}
    kept_away = []
    for name, (version, newest) in apt.pinned(policy).items():
        package = installed.get(name.partition(":")[0])
        if package is not None and (package.name, package.architecture) not in listed:
            kept_away.append(Upgrade(package.name, package.architecture, version, newest, "", None, Obstacle.PINNED.value))
    reading.upgrades = (*reading.upgrades, *kept_away)
    if reading.sourceless:
        names = ", ".join(reading.sourceless[:8]) + ("…" if len(reading.sourceless) > 8 else "")
        reading.problems.append(f"No source offers these, so nobody updates them: {names}")


def _read_freshness(reader: _Reader, reading: Reading, *, manage: bool, now: datetime) -> None:
    """Stale: the refresh failed or complained, we may not refresh, or the index is old."""
    if manage:
        refresh = reader.sections.get("refresh")
        if refresh is None:
            reading.stale.append("The package lists were not refreshed: no answer.")
            return
        complaints = apt.parse_refresh_problems(refresh.stdout + "\n" + refresh.stderr)
        if refresh.exit_status == 0 and not complaints:
            reading.refreshed_at = now
            return
        if sudo_refused(refresh.stderr):
            reading.stale.append("The package lists were not refreshed: sudo refused.")
        else:
            reading.stale.append(
                f"The package lists could not be refreshed (exit status {refresh.exit_status}): "
                + ("; ".join(complaints)[:600] or refresh.stderr.strip()[-300:])
            )
            reading.problems.extend(complaints[:10])
    lines = reader.text("lists-age").split()
    try:
        changed = datetime.fromtimestamp(float(lines[1]), UTC)
        age = timedelta(seconds=float(lines[0]) - float(lines[1]))  # both by the host's own clock
    except (IndexError, ValueError, OverflowError):
        reading.stale.append("The age of the package lists is unknown.")
        return
    reading.refreshed_at = changed
    if age > timedelta(hours=settings.INDEX_MAX_AGE_H):
        reading.stale.append(f"The package lists are {age.days} days and {age.seconds // 3600} hours old.")


def _read_others(reader: _Reader, reading: Reading) -> None:
    """Distributions that we only read; their lists are not refreshed by us, so such a scan is stale at best."""
    reading.stale.append(f"The {reading.manager} lists are not refreshed by the portal.")
    section = reader.sections.get("upgradable")
    if section is None:
        reading.failed.append("“upgradable” was not answered.")
        return
    try:
        if reading.manager == "dnf":
            advisories = reader.sections.get("advisories")
            known = advisories.stdout if advisories and advisories.exit_status == 0 else None
            inventory = [line.split("\t") for line in reader.text("inventory").splitlines()]
            installed = {f"{row[0]}.{row[2]}": row[1] for row in inventory if len(row) == 4}
            reading.upgrades = others.dnf_upgrades(
                check_update=section.stdout, exit_status=section.exit_status, advisories=known, installed=installed
            )
        elif reading.manager == "zypper":
            reading.upgrades = others.zypper_upgrades(list_updates=section.stdout, exit_status=section.exit_status)
        elif section.exit_status == 0:
            reading.upgrades = others.apk_upgrades(upgradable=section.stdout)
        else:
            reading.failed.append(f"apk ended with exit status {section.exit_status}.")
    except UnexpectedOutput as error:
        reading.failed.append(f"The pending updates can't be read: {error}")


def _read_reboot(reader: _Reader, reading: Reading) -> None:
    """A reboot is due where the host says so or a newer kernel lies in /boot; a container has no kernel of its own."""
    if "reboot-file" not in reader.sections or reading.kernel is None:
        return
    lines = reader.text("reboot-file").split()
    container = reader.text("container", allowed=(0, 1)).strip() not in {"none", ""}
    newer = not container and host.newer_kernel(running=reading.kernel.release, installed=reader.text("kernels"))
    reading.reboot_required = bool(lines) or newer
    reading.reboot_packages = tuple(lines[1:])
    reasons = (["asked for by " + ", ".join(lines[1:][:5])] if lines[1:] else ["asked for"]) if lines else []
    reading.reboot_reason = "; ".join([*reasons, *(["a newer kernel is installed"] if newer else [])])[:300]


def _read_root_facts(reader: _Reader, reading: Reading) -> None:
    facts: host.RootFacts | None = reader.parse("facts", host.parse_root_facts)
    if facts is None:
        return
    reading.services_to_restart = facts.stale_services
    reading.root_facts = facts
    if facts.version < HELPER_VERSION:
        reading.problems.append(
            f"retainer-host is version {facts.version} there, and this portal knows {HELPER_VERSION}: run the set-up script again."
        )
    reading.problems.extend(f"{engine} does not answer: what its containers run is not known" for engine in facts.silent_engines)
    reading.problems.extend(
        f"The container {one.name} runs an older image of {one.image} than the one that lies on the host"
        for one in facts.containers
        if one.is_outdated
    )
    reading.problems.extend(f"{lock} is held by {holder}" for lock, holder in sorted(facts.locks.items()))


def _read_disks(reader: _Reader, reading: Reading) -> None:
    for name, what in (("disk", "space"), ("inodes", "inodes")):
        for line in reader.text(name).splitlines():
            words = line.split()
            if len(words) != 3 or not (words[1].isdecimal() and words[2].isdecimal()):
                continue  # df prints "-" for file systems without inodes
            total, free = int(words[1]), int(words[2])
            if total and (free == 0 or (name == "disk" and free < 50 * 1024)):
                reading.problems.append(f"No {what} left on {words[0]}: updates can't be applied.")


def _evidence(sections: dict[str, Section], result: CommandResult) -> dict[str, object]:
    return {
        "exit_status": result.exit_status,
        "duration_s": round(result.duration_s, 2),
        "sections": {
            name: {"exit_status": section.exit_status, "stderr": section.stderr.strip()[-1000:]} for name, section in sections.items()
        },
    }


def _finish_failed(scan: Scan, *, code: str, reason: str) -> None:
    """The host could not be read at all: what was known stays, marked as old by this failed scan."""
    Scan.objects.filter(pk=scan.pk, state=ScanState.QUEUED).update(
        state=ScanState.FAILED, finished_at=datetime.now(UTC), reason=reason[:2000], error_code=code
    )


@transaction.atomic
def _finish(scan: Scan, reading: Reading, *, evidence: dict[str, object], sudo_was_refused: bool) -> None:
    now = datetime.now(UTC)
    if sudo_was_refused:
        note_connection(scan.system, Connection.SUDO_REFUSED, "sudo refused during the scan.")
        reading.failed.insert(0, "sudo refused: what only root can read is unknown.")
    else:
        note_connection(scan.system, Connection.OK, "")
    state = ScanState.FAILED if reading.failed else ScanState.STALE if reading.stale else ScanState.FRESH
    finished = Scan.objects.filter(pk=scan.pk, state=ScanState.QUEUED).update(
        state=state, finished_at=now, reason=" ".join([*reading.failed, *reading.stale])[:4000], evidence=evidence,
        error_code="sudo_refused" if sudo_was_refused else "unreadable" if reading.failed else "",
        index_refreshed_at=reading.refreshed_at, reboot_required=reading.reboot_required,
        reboot_reason=reading.reboot_reason, problems=reading.problems,
        running_kernel=reading.kernel.release if reading.kernel else "",
        uptime_s=reading.kernel.uptime_s if reading.kernel else None,
        services_to_restart=None if reading.services_to_restart is None else list(reading.services_to_restart),
        sourceless=None if reading.sourceless is None else list(reading.sourceless),
        packages_total=None if reading.packages is None else len(reading.packages),
        applications=None if reading.root_facts is None else [list(one) for one in reading.root_facts.applications],
    )  # fmt: skip
    if not finished:
        return  # another worker was faster
    _keep_facts(scan.system, reading, now=now)
    if reading.packages:
        offers.sync_inventory(system=scan.system, packages=reading.packages)
    if reading.upgrades is not None:
        offers.sync_updates(
            system=scan.system,
            upgrades=reading.upgrades,
            packages=reading.packages or (),
            new_sources=reading.new_sources,
            now=now,
        )
        _keep_effects(scan.system, reading, now=now)
        # the facts of this scan are kept by now: they say which release's advisories count
        matching.match_system(System.objects.get(pk=scan.system_id))
        triage_rules.decide_by_rules(now=now, updates=Q(system_id=scan.system_id))


def _keep_effects(system: System, reading: Reading, *, now: datetime) -> None:
    facts = reading.root_facts
    running = effects.Running(
        stale_packages=None if facts is None else facts.stale_packages, stale_units=facts.stale_services if facts else (),
        reboot_required=reading.reboot_required, reboot_packages=reading.reboot_packages,
        containers=facts.containers if facts else (), silent_engines=facts.silent_engines if facts else (),
    )  # fmt: skip
    effects.note(system, running, now=now)
    effects.note_exposure(system, facts, reading.packages or ())


def _keep_facts(system: System, reading: Reading, *, now: datetime) -> None:
    facts: dict[str, object] = {"package_manager": reading.manager, "facts_at": now}
    if reading.os:
        facts |= {"os_id": reading.os.os_id[:32], "os_version": reading.os.version[:32], "os_name": reading.os.name[:200]}
    if reading.kernel:
        facts |= {"kernel": reading.kernel.release[:100], "architecture": reading.kernel.architecture[:32]}
    System.objects.filter(pk=system.pk).update(**facts)
