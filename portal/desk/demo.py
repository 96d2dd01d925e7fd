"""`manage.py demo_data`: a sample client to look at where no host can be had. Made through the services, the same each time.

Its systems have names that no resolver knows and were never connected, and the portal says so of them. What they would have
pending is written as a scan writes it, and matched with sample feeds that carry “demo” in their names.
"""

import json
import tempfile
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from django.db import transaction

from backups.services import jobs
from clients.models import Client, System
from clients.services import registry
from maintenance.models import AdvisoryFeed, PendingUpdate, TriageRule, UpgradePlan
from maintenance.parsers.values import Installed, Upgrade
from maintenance.services import (
    checks,
    decisions,
    feeds,
    maintenance_windows,
    matching,
    offers,
    promise,
    triage_lines,
    triage_rules,
    upgrades,
    windows,
)
from portal.accounts.actor import Actor
from portal.desk import demo_handover, demo_monitoring, demo_support
from portal.errors import PortalError

CLIENT = "Demo Bakery"
# `make demo` puts real hosts into this one.
OTHER_SAMPLE = "Sample Client"
ACTOR = Actor.portal("demo data")

# Name, environment, roles, Debian release.
SYSTEMS = (
    ("shop-staging", "staging", ["web", "database"], "12"),
    ("shop-1", "production", ["web"], "12"),
    ("shop-2", "production", ["web"], "12"),
    ("database", "production", ["database"], "12"),
    ("mail", "production", ["mail"], "12"),
    ("old-intranet", "production", ["web"], "11"),
)


class Update(NamedTuple):
    """What is pending on every system with a role; empty: on all."""

    source: str
    packages: tuple[str, ...]
    installed: str
    candidate: str
    security: bool
    role: str
    days: int


UPDATES = (
    Update("openssl", ("openssl", "libssl3"), "3.0.15-1~deb12u1", "3.0.17-1~deb12u3", security=True, role="", days=3),
    Update("nginx", ("nginx", "nginx-common"), "1.22.1-9", "1.22.1-9+deb12u3", security=True, role="web", days=2),
    Update("postgresql-15", ("postgresql-15", "libpq5"), "15.8-0+deb12u1", "15.14-0+deb12u1", security=True, role="database", days=9),
    Update("exim4", ("exim4-daemon-light", "exim4-base"), "4.96-15+deb12u5", "4.96-15+deb12u7", security=True, role="mail", days=6),
    Update("tzdata", ("tzdata",), "2024a-0+deb12u1", "2025b-0+deb12u2", security=False, role="", days=12),
    Update("sudo", ("sudo",), "1.9.13p3-1+deb12u1", "1.9.13p3-1+deb12u2", security=True, role="", days=1),
    Update("vim", ("vim-tiny", "vim-common"), "2:9.0.1378-2", "2:9.0.1378-2+deb12u2", security=True, role="", days=20),
    Update("base-files", ("base-files",), "12.4+deb12u7", "12.4+deb12u12", security=False, role="", days=30),
)
# CVE (a number that is plainly made up), source, fixed version, urgency, what.
ISSUES = (
    ("CVE-2026-9990001", "openssl", "3.0.17-1~deb12u3", "high", "Sample: a handshake that never ends."),
    ("CVE-2026-9990002", "nginx", "1.22.1-9+deb12u3", "high", "Sample: a header that is read twice."),
    ("CVE-2026-9990003", "postgresql-15", "15.12-0+deb12u2", "medium", "Sample: a function that runs as somebody else."),
    ("CVE-2026-9990004", "exim4", "4.96-15+deb12u7", "low", "Sample: a queue name that is too long."),
    ("CVE-2026-9990005", "sudo", "1.9.13p3-1+deb12u2", "high", "Sample: a host name in a rule."),
    ("CVE-2026-9990006", "vim", "2:9.0.1378-2+deb12u2", "low", "Sample: a file that is not closed."),
)
EXPLOITED = "CVE-2026-9990002"
LISTENS = {"nginx": "nginx on 0.0.0.0:443", "exim4": "exim4 on 0.0.0.0:25"}


@transaction.atomic
def fill(*, now: datetime) -> Client:
    """Make the sample client, or find that it is there.

    Raises:
        PortalError: there are clients of yours; sample data does not mix with theirs.
    """
    theirs = Client.objects.exclude(name__in=[CLIENT, OTHER_SAMPLE])
    if theirs.exists():
        raise PortalError("There are clients in this portal: sample data does not mix with theirs.", hint="Use a portal of its own.")
    found = Client.objects.filter(name=CLIENT).first()
    if found is not None:
        return found
    client = registry.add_client(name=CLIENT, time_zone="Europe/Berlin", actor=ACTOR, now=now)
    systems = _systems(client, now=now)
    _promises(client, now=now)
    _feeds(now=now)
    for system in systems:
        _pending(system, now=now)
    matching.match_all(client_id=client.pk)
    triage_lines.refresh()
    _decide(client, now=now)
    promise.note_breaches(now=now)
    _backups(systems, now=now)
    demo_monitoring.fill(client=client, systems=systems, actor=ACTOR, now=now)
    demo_support.fill(client=client, systems=systems, actor=ACTOR, now=now)
    demo_handover.fill(client=client, systems=systems, actor=ACTOR, now=now)
    return client


def _systems(client: Client, *, now: datetime) -> list[System]:
    made: list[System] = []
    for name, environment, roles, release in SYSTEMS:
        twin = made[0] if environment == "production" and roles != ["mail"] and release == "12" else None
        system = registry.add_system(
            client=client, name=name, address=f"{name}.bakery.invalid", environment=environment, roles=roles,
            staging_twin=twin, actor=ACTOR, now=now,
        )  # fmt: skip
        System.objects.filter(pk=system.pk).update(
            os_id="debian", os_version=release, os_name=f"Debian GNU/Linux {release}", package_manager="apt", architecture="amd64",
            created_at=now - timedelta(days=90),
        )  # fmt: skip
        system.refresh_from_db()
        made.append(system)
    return made


def _backups(systems: list[System], *, now: datetime) -> None:
    """Taken on and never proven: these hosts can't be reached, and the portal says so rather than call them backed up."""
    for system in systems:
        if system.environment == "production":
            jobs.add(
                system=system, actor=ACTOR, now=now,
                wish=jobs.Wish(
                    name="files", tool="restic", repository=f"sftp:backup@vault.bakery.invalid:/{system.name}",
                    sources=["/etc", "/srv"], key="a sample key of no repository",
                ),
            )  # fmt: skip


def _promises(client: Client, *, now: datetime) -> None:
    hours = {"exploited_h": 24, "critical_h": 48, "high_h": 96, "medium_h": 168, "low_h": 720, "soak_h": 24, "region": "DE-BY"}
    windows.set_policy(client=client, hours=hours, actor=ACTOR, now=now)
    maintenance_windows.add(
        client=client, name="Tuesday night", every="week", weekdays=[1], start=time(22), end=time(2), actor=ACTOR, now=now
    )
    maintenance_windows.add(
        client=client,
        name="First Sunday",
        every="month_weekday",
        weekdays=[6],
        ordinal=1,
        start=time(2),
        end=time(5),
        actor=ACTOR,
        now=now,
    )
    checks.add(
        client=client, name="The shop answers", kind="http", question="https://{address}/", expected=200, contains="Bakery", role="web",
        actor=ACTOR, now=now,
    )  # fmt: skip
    if not UpgradePlan.objects.filter(name="PostgreSQL 15 to 17").exists():
        upgrades.add_plan(name="PostgreSQL 15 to 17", text=upgrades.shipped()["postgresql"], actor=ACTOR, now=now)


def _feeds(*, now: datetime) -> None:
    if AdvisoryFeed.objects.filter(name="debian-demo").exists():
        return
    tracker: dict[str, dict[str, object]] = {}
    for cve, source, fixed, urgency, what in ISSUES:
        releases = {
            "bookworm": {"status": "resolved", "repositories": {"bookworm-security": fixed}, "fixed_version": fixed, "urgency": urgency}
        }
        tracker.setdefault(source, {})[cve] = {"description": what, "scope": "remote", "releases": releases}
    seen = [{"cveID": EXPLOITED, "dateAdded": (now - timedelta(days=1)).date().isoformat(), "knownRansomwareCampaignUse": "Unknown"}]
    catalogue = {"catalogVersion": "demo", "count": len(seen), "vulnerabilities": seen}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("debian-demo.json", tracker), ("kev-demo.json", catalogue)):
            path = Path(folder) / name
            path.write_text(json.dumps(content), encoding="utf-8")
            feeds.import_file(path=path, actor=ACTOR, now=now)


def _pending(system: System, *, now: datetime) -> None:
    """As the scans of the last weeks would have written it: each update on the day on which it was first seen."""
    wanted = [row for row in UPDATES if system.os_version == "12" and (not row.role or row.role in system.roles)]
    packages = [_installed(name, row.installed, row.source) for row in wanted for name in row.packages]
    if system.os_version == "11":
        packages.append(_installed("postgresql-13", "13.16-0+deb11u1", "postgresql-13"))
    offers.sync_inventory(system=system, packages=packages)
    for day in sorted({row.days for row in wanted}, reverse=True):
        seen = [_upgrade(name, row) for row in wanted if row.days >= day for name in row.packages]
        offers.sync_updates(system=system, upgrades=seen, packages=packages, new_sources={}, now=now - timedelta(days=day))
    for source, where in LISTENS.items():
        PendingUpdate.objects.filter(system=system, source=source).update(exposure=where)


def _installed(name: str, version: str, source: str) -> Installed:
    return Installed(name, version, "amd64", source, version, whole=True, status="ii")


def _upgrade(name: str, row: Update) -> Upgrade:
    origin = "Debian-Security:12/bookworm-security" if row.security else "Debian:12/bookworm"
    return Upgrade(name, "amd64", row.installed, row.candidate, origin, is_security=row.security, obstacle="")


def _decide(client: Client, *, now: datetime) -> None:
    if not TriageRule.objects.filter(name="Routine updates of Debian").exists():
        # a lead puts rules in force; sample data has no lead, so this one stands by itself
        rule = triage_rules.draft(
            name="Routine updates of Debian", condition={"security": False, "source": ["tzdata"]}, kind="apply",
            reason="time zones change on their own schedule", client=client, actor=ACTOR, now=now,
        )  # fmt: skip
        rule.save()
        triage_rules.decide_by_rules(now=now, rules=[rule])
    key = decisions.UpdateKey("vim", "2:9.0.1378-2+deb12u2")
    decisions.decide(
        keys=[key], kind="defer", reason="nobody edits on these hosts; with the next round", defer_until=now + timedelta(days=14),
        client_id=client.pk, actor=ACTOR, now=now,
    )  # fmt: skip
