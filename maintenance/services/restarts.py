"""Who needs a restart or a reboot, after what: installed is not yet effective. Pure but for the queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast

from clients.models import Client, System
from maintenance.choices import RunKind, ScanState
from maintenance.models import Scan

# Restarting these takes sessions, the network or the machine with it: they are made new by a reboot (needrestart has the
# same list in its configuration, override_rc).
_BY_REBOOT = {
    "dbus.service", "dbus-broker.service", "systemd-logind.service", "networking.service", "NetworkManager.service",
    "wpa_supplicant.service", "systemd-networkd.service", "gdm.service", "gdm3.service", "lightdm.service", "sddm.service",
}  # fmt: skip
_BY_REBOOT_PREFIX = ("user@", "getty@", "serial-getty@", "console-getty")


@dataclass(frozen=True, slots=True)
class Need:
    """What has to be done so that what is installed becomes effective. `kind` empty: nothing, as far as we can help it.

    Args:
        units: to restart.
        left: programs that belong to no unit; somebody has to look.
    """

    kind: str
    units: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def need_of(*, stale: Sequence[str] | None, reboot_required: bool | None) -> Need:
    """What a host needs.

    Args:
        stale: units, or names of programs without one, that still run what was replaced; None is not known.
    """
    names = stale or ()
    by_reboot = [name for name in names if name in _BY_REBOOT or name.startswith(_BY_REBOOT_PREFIX)]
    left = tuple(name for name in names if not name.endswith(".service"))
    if reboot_required or by_reboot:
        return Need(RunKind.REBOOT, (), left)
    units = tuple(name for name in names if name.endswith(".service"))
    return Need(RunKind.RESTART if units else "", units, left)


def need_after(facts: dict[str, Any]) -> Need:
    """What a host needs after a change, from the evidence that was taken then."""
    return need_of(stale=facts.get("stale_services"), reboot_required=facts.get("reboot_required"))


def of_last_scan(system: System) -> Need | None:
    """What a system needs by its last scan; None where that is not known: never scanned, or the last scan failed or did not read it."""
    scan = Scan.objects.filter(system=system).exclude(state=ScanState.QUEUED).order_by("-finished_at").first()
    if scan is None or scan.state == ScanState.FAILED or scan.services_to_restart is None or scan.reboot_required is None:
        return None
    return need_of(stale=scan.services_to_restart, reboot_required=scan.reboot_required)


def pending(system: System) -> Need | None:
    """What a system needs by its last scan that read it, None where nothing or where that is not known."""
    scan = Scan.objects.filter(system=system).exclude(state__in=[ScanState.QUEUED, ScanState.FAILED]).order_by("-finished_at").first()
    if scan is None:
        return None
    need = need_of(stale=scan.services_to_restart, reboot_required=scan.reboot_required)
    return need if need.kind else None


def pending_systems(client: Client) -> QuerySet[System, Any]:
    """Systems of a client that need a restart or a reboot by their last scan, as ids."""
    last = Scan.objects.filter(system=OuterRef("pk")).exclude(state__in=[ScanState.QUEUED, ScanState.FAILED]).order_by("-finished_at")
    rows = System.objects.filter(client=client).annotate(last_scan=Subquery(last.values("pk")[:1]))
    # the list as JSON text: any entry that is a service
    listed = Scan.objects.annotate(listed=Cast("services_to_restart", TextField()))
    due = listed.filter(Q(reboot_required=True) | Q(listed__contains='.service"'))
    return rows.filter(last_scan__in=due.values("pk")).values("pk")
