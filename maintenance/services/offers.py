"""Keeping inventory and pending updates in step with what a scan read."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from clients.models import System
from maintenance.choices import Ended
from maintenance.models import InstalledPackage, PendingUpdate
from maintenance.parsers.values import Installed, Upgrade
from maintenance.services import bulk


def sync_inventory(*, system: System, packages: Sequence[Installed]) -> None:
    """Make the system's package rows equal to what was read; unchanged rows are not touched."""
    known = {(row.name, row.architecture): row for row in InstalledPackage.objects.filter(system=system)}
    fresh: list[InstalledPackage] = []
    for package in packages:
        row = known.pop((package.name, package.architecture), None)
        if row is not None and (row.version, row.status) == (package.version, package.status):
            continue
        fresh.append(
            InstalledPackage(
                client_id=system.client_id,
                system=system,
                name=package.name,
                architecture=package.architecture,
                version=package.version,
                source=package.source,
                source_version=package.source_version,
                status=package.status,
            )  # fmt: skip
        )
    InstalledPackage.objects.filter(pk__in=[row.pk for row in known.values()]).delete()
    InstalledPackage.objects.bulk_create(
        fresh, update_conflicts=True, unique_fields=["system", "name", "architecture"],
        update_fields=["version", "source", "source_version", "status"], batch_size=1000,
    )  # fmt: skip


def sync_updates(
    *, system: System, upgrades: Sequence[Upgrade], packages: Sequence[Installed], new_sources: Mapping[str, str], now: datetime
) -> None:
    """Open, keep and end pending updates so that the open ones are those that were read.

    Locks the system's open updates. A candidate that moved ends the old row and opens a new one without its decision: what
    was decided was another version. The time it has waited, and so its due time, is carried over.
    """
    sources = {(p.name, p.architecture): p.source for p in packages} | {(p.name, "all"): p.source for p in packages}
    open_rows = {
        (row.package, row.architecture): row for row in PendingUpdate.objects.select_for_update().filter(system=system, gone_at=None)
    }
    installed = {(p.name, p.architecture): p.version for p in packages if p.whole}
    fresh: list[PendingUpdate] = []
    gone: list[PendingUpdate] = []
    superseded: set[int] = set()
    for upgrade in upgrades:
        row = open_rows.pop((upgrade.name, upgrade.architecture), None)
        if row is not None and row.candidate_version == upgrade.candidate:
            _refresh(row, upgrade)
            continue
        if row is not None:
            gone.append(row)
            superseded.add(row.pk)
        # what came before and is installed by now was another update; this one begins with itself
        carried = row if row is not None and installed.get((row.package, row.architecture)) != row.candidate_version else None
        since = carried.pending_since if carried is not None else now
        security = upgrade.is_security or (carried is not None and bool(carried.is_security))
        fresh.append(
            PendingUpdate(
                client_id=system.client_id,
                system=system,
                package=upgrade.name,
                architecture=upgrade.architecture,
                source=sources.get((upgrade.name, upgrade.architecture)) or new_sources.get(upgrade.name) or upgrade.name,
                installed_version=upgrade.installed,
                candidate_version=upgrade.candidate,
                origin=upgrade.origin[:300],
                is_security=True if security else upgrade.is_security,
                obstacle=upgrade.obstacle,
                first_seen_at=now,
                pending_since=since,
                due_at=due_at(system, is_security=True if security else upgrade.is_security, since=since),
            )  # fmt: skip
        )
    gone += open_rows.values()
    for row in gone:
        row.gone_at = now
        row.ended = _end_of(row, installed, superseded=row.pk in superseded)
        row.installed_at = now if row.ended == Ended.INSTALLED else None
    bulk.write(gone, ["gone_at", "ended", "installed_at"])
    PendingUpdate.objects.bulk_create(fresh, batch_size=1000)


def _end_of(row: PendingUpdate, installed: Mapping[tuple[str, str], str], *, superseded: bool) -> Ended:
    """What became of an update that is no longer offered, by what is installed now."""
    version = installed.get((row.package, row.architecture))
    if version is None:
        return Ended.REMOVED
    # a newer one than ours came: ours is in it, and the promise is met by whichever became effective
    if version != row.installed_version and not superseded:
        return Ended.INSTALLED
    if version == row.candidate_version:
        return Ended.INSTALLED
    return Ended.SUPERSEDED if superseded else Ended.WITHDRAWN


def due_at(system: System, *, is_security: bool | None, since: datetime) -> datetime:
    """When an update has to be applied: the client's window; one that may be a security fix counts as one."""
    client = system.client
    days = client.routine_window_days if is_security is False else client.security_window_days
    return since + timedelta(days=days)


def _refresh(row: PendingUpdate, upgrade: Upgrade) -> None:
    """What may change while the candidate stays: obstacle, origin, the installed version."""
    values = (upgrade.obstacle, upgrade.origin[:300], upgrade.installed)
    if values != (row.obstacle, row.origin, row.installed_version):
        PendingUpdate.objects.filter(pk=row.pk).update(obstacle=values[0], origin=values[1], installed_version=values[2])
