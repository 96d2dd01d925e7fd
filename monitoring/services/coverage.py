"""Coverage: what runs on a system, held against what is checked there.

A thing without a check is a gap, until somebody has it checked or says why it needs none. What is of a system's roles is checked
without being asked.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from clients.choices import SystemRole
from clients.models import System
from clients.services import registry
from monitoring.choices import Kind, ThingKind
from monitoring.models import Check, Inventory, Thing
from monitoring.parsers.inventory import DRILL_CERTIFICATE
from monitoring.parsers.inventory import Inventory as Seen
from monitoring.queries.coverage import AUTOMATIC, checked_of, covered_by
from monitoring.services import checks, probes
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

# The machine's own housekeeping: where it matters, something else fails as well.
_HOUSEKEEPING = re.compile(
    r"(systemd-|dbus|getty@|serial-getty@|console-getty|user@|user-runtime|polkit|udisks|rsyslog|packagekit|accounts-daemon|retainer-).*"
)
# Checked without being asked, by role and on every system.
_EVERYWHERE = re.compile(r"(sshd?|crond?|chronyd?|ntpsec|fail2ban|docker|podman|containerd|unattended-upgrades)\.service")
_OF_ROLE = {
    SystemRole.WEB: re.compile(r"(nginx|apache2|httpd|caddy|haproxy|traefik|php[0-9.]*-fpm|gunicorn.*|uwsgi.*)\.service"),
    SystemRole.MAIL: re.compile(r"(postfix(@.*)?|dovecot|exim4|rspamd|opendkim|opendmarc|amavis.*|clamav-daemon|spamd?)\.service"),
    SystemRole.DATABASE: re.compile(r"(postgresql@.*|mariadb|mysqld?|redis(-server)?(@.*)?|valkey.*|mongod|memcached)\.service"),
    SystemRole.FILES: re.compile(
        r"(nginx|apache2|php[0-9.]*-fpm|redis(-server)?|smbd|nfs-server|mariadb|postgresql@.*|collabora.*)\.service"
    ),
}
LONGEST = 200


def things_in(seen: Seen) -> dict[ThingKind, set[str]]:
    """What a look as root found that could be checked, by kind; only kinds that were read whole."""
    found: dict[ThingKind, set[str]] = {}
    if "services" in seen.read:
        found[ThingKind.SERVICE] = {unit for unit in seen.services if not _HOUSEKEEPING.fullmatch(unit)}
    if "ports" in seen.read:
        found[ThingKind.PORT] = {name for name in map(_open_port, seen.facts.get("ports", {})) if name}
    if "sites" in seen.read:
        found[ThingKind.SITE] = set(seen.sites)
    if "containers" in seen.read and all(state == "read" for state in seen.engines.values()):
        # one that is not meant to run by itself was a task
        found[ThingKind.CONTAINER] = {one.name for one in seen.containers if one.state == "running" or one.policy not in {"no", ""}}
    if "databases" in seen.read:
        found[ThingKind.DATABASE] = set(seen.databases)
    if "certificates" in seen.read:
        found[ThingKind.CERTIFICATE] = set(seen.certificates) - {DRILL_CERTIFICATE}
    if "mounts" in seen.read:
        found[ThingKind.MOUNT] = set(seen.mounts)
    return {kind: {name[:LONGEST] for name in names} for kind, names in found.items()}


def _open_port(thing: str) -> str:
    """`tcp 0.0.0.0:443` as `tcp 443`; empty for what only the host itself reaches, and for UDP, of which no answer says nothing."""
    protocol, _, address = thing.partition(" ")
    host, _, port = address.rpartition(":")
    local = host.strip("[]").startswith(("127.", "::1", "::ffff:127."))
    return "" if local or protocol != "tcp" else f"tcp {port}"


def note_things(*, inventory: Inventory, seen: Seen, now: datetime) -> None:
    """Keep what runs on a system, begin the checks that its roles ask for, and count. Sets `things` and `covered`, which the caller
    saves; to be called inside a transaction with the row locked."""
    rows = {(row.kind, row.name): row for row in Thing.objects.filter(system_id=inventory.system_id)}
    found = things_in(seen)
    there = {(str(kind), name) for kind, names in found.items() for name in names}
    Thing.objects.bulk_create(
        [
            Thing(client_id=inventory.client_id, system_id=inventory.system_id, kind=kind, name=name, first_at=now)
            for kind, name in sorted(there - rows.keys())
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    back = [row.pk for key, row in rows.items() if row.gone_at is not None and key in there]
    gone = [row.pk for key, row in rows.items() if row.gone_at is None and row.kind in found and key not in there]
    Thing.objects.filter(pk__in=back).update(gone_at=None)
    Thing.objects.filter(pk__in=gone).update(gone_at=now)
    system = inventory.system
    _begin_of_roles(system, found.get(ThingKind.SERVICE, set()), now=now)
    count(inventory, now=now)


def count(inventory: Inventory, *, now: datetime) -> None:
    """Set how many things there are that need a check, and how many have one."""
    checked = checked_of([inventory.system])[inventory.system_id]
    rows = Thing.objects.filter(system_id=inventory.system_id, gone_at=None, excused_at=None).values_list("kind", "name")
    covered = [bool(covered_by(kind, name, checked)) for kind, name in rows]
    inventory.things, inventory.covered = len(covered), sum(covered)


def _begin_of_roles(system: System, services: set[str], *, now: datetime) -> None:
    patterns = [_EVERYWHERE, *(_OF_ROLE[SystemRole(role)] for role in system.roles if SystemRole(role) in _OF_ROLE)]
    _begin_checks(system, Kind.SERVICE, [unit for unit in sorted(services) if any(one.fullmatch(unit) for one in patterns)], now=now)


def _begin_checks(system: System, kind: Kind, subjects: Sequence[str], *, now: datetime) -> None:
    """Unknown until the first look; one that somebody ended stays so."""
    Check.objects.bulk_create(
        [Check(client_id=system.client_id, system=system, kind=kind, subject=subject, since=now, stale_at=now) for subject in subjects],
        ignore_conflicts=True,
    )


def cover(*, thing: Thing, actor: Actor, now: datetime) -> None:
    """Have a thing checked from now on, in the way that fits it.

    Raises:
        PortalError: nothing of it can be checked from here, or it is gone.
    """
    actor.require(Permission.OPERATE)
    if thing.gone_at is not None:
        raise PortalError("It is not there any more.", hint="Say why that is fine.")
    system = thing.system
    with transaction.atomic():
        if thing.kind in {ThingKind.SERVICE, ThingKind.MOUNT, *AUTOMATIC}:
            kind = {ThingKind.SERVICE: Kind.SERVICE, ThingKind.MOUNT: Kind.MOUNT, **AUTOMATIC}[ThingKind(thing.kind)]
            _begin_checks(system, kind, [thing.name], now=now)
            checks.begin_anew(Check.objects.filter(system=system, kind=kind, subject=thing.name), now=now)
        elif thing.kind == ThingKind.SITE:
            secure = Thing.objects.filter(system=system, kind=ThingKind.PORT, name="tcp 443", gone_at=None).exists()
            registry.add_service_check(system=system, url=f"{'https' if secure else 'http'}://{thing.name}/", actor=actor, now=now)
        else:
            target = f"{system.address}:{int(thing.name.split()[1])}"
            probes.add(system=system, kind=Kind.TCP, target=target, actor=actor, now=now)
        audit.record(action="thing.cover", actor=actor, subject=thing, client_id=thing.client_id, now=now, thing=str(thing))
    _recount(system, now=now)


def excuse(*, thing: Thing, reason: str, actor: Actor, now: datetime) -> None:
    """Say why a thing needs no check, or why it may be gone.

    Raises:
        PortalError: no reason.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why: the reason is kept.")
    with transaction.atomic():
        Thing.objects.filter(pk=thing.pk).update(excused_at=now, excused_by=actor.label, excused_why=reason.strip()[:500])
        audit.record(
            action="thing.excuse",
            actor=actor,
            subject=thing,
            client_id=thing.client_id,
            now=now,
            thing=str(thing),
            reason=reason.strip(),
        )
    _recount(thing.system, now=now)


def _recount(system: System, *, now: datetime) -> None:
    with transaction.atomic():
        inventory = Inventory.objects.select_for_update().get(system=system)
        count(inventory, now=now)
        inventory.save(update_fields=["things", "covered"])
