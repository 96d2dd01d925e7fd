"""A client's inventory as plain values: what a package holds as JSON, and what another Retainer reads back in.

Everything in it names things by their names, nothing by a number of ours. `inventory.schema.json` is its schema.
"""

from typing import Any

import yaml

from backups.models import BackupJob
from clients.choices import KeyState
from clients.models import Client, Contact, ServiceCheck, System
from handover.models import Runbook
from handover.services import documents
from maintenance.models import MaintenanceWindow
from monitoring.models import Heartbeat, Probe

FORMAT, VERSION = "retainer-inventory", 1


def inventory_of(client: Client) -> dict[str, Any]:
    """All of it, in an order that is the same each time."""
    systems = System.objects.filter(client=client).select_related("staging_twin").order_by("name", "pk")
    return {
        "format": FORMAT,
        "version": VERSION,
        "client": {
            "name": client.name,
            "time_zone": client.time_zone,
            "language": client.language,
            "prose": documents.prose_of(client.pk, None),
            "security_window_days": client.security_window_days,
            "routine_window_days": client.routine_window_days,
        },
        "contacts": [
            {"name": one.name, "email": one.email, "phone": one.phone, "duty": one.duty}
            for one in Contact.objects.filter(client=client).order_by("name", "email", "pk")
        ],
        "systems": [_system(one) for one in systems],
        "runbooks": [
            {
                "system": one.system.name,
                "name": one.slug,
                "title": one.title,
                "text": one.text,
                "values": one.values,
                "shipped": one.shipped,
            }
            for one in Runbook.objects.filter(client=client, ended_at=None).select_related("system").order_by("system__name", "slug")
        ],
        "backups": [
            _backup(one)
            for one in BackupJob.objects.filter(client=client, ended_at=None)
            .select_related("system", "restore_on")
            .order_by("system__name", "name", "pk")
        ],
        "windows": [
            _window(one)
            for one in MaintenanceWindow.objects.filter(client=client, ended_at=None).select_related("system").order_by("name", "pk")
        ],
        "checks": [*_checks(client)],
    }


def _system(system: System) -> dict[str, Any]:
    document = documents.newest(system.pk)
    return {
        "name": system.name,
        "address": system.address,
        "port": system.port,
        "login": system.login,
        "environment": system.environment,
        "access": system.access,
        "roles": sorted(system.roles),
        "staging_twin": system.staging_twin.name if system.staging_twin else None,
        "notes": system.notes,
        "prose": documents.prose_of(system.client_id, system.pk),
        "os": {
            "id": system.os_id,
            "version": system.os_version,
            "name": system.os_name,
            "kernel": system.kernel,
            "architecture": system.architecture,
            "package_manager": system.package_manager,
        },
        "host_keys": [
            {"type": key.key_type, "key": key.key, "fingerprint": key.fingerprint}
            for key in system.host_keys.exclude(state=KeyState.RETIRED).order_by("fingerprint")
        ],
        "service_checks": [
            {"url": one.url, "expected_status": one.expected_status}
            for one in ServiceCheck.objects.filter(system=system).order_by("url")
        ],
        "document": document.facts if document else None,
    }


def _backup(job: BackupJob) -> dict[str, Any]:
    return {
        "system": job.system.name,
        "name": job.name,
        "tool": job.tool,
        "repository": job.repository,
        # its key stands with the credentials, in the form that the client chose
        "needs_key": job.credential_id is not None or job.storage_credential_id is not None,
        "sources": job.sources,
        "excludes": job.excludes,
        "databases": job.databases,
        "queries": job.queries,
        "archive_root": job.archive_root,
        "canaries": job.canaries,
        "restore_on": job.restore_on.name if job.restore_on else None,
        "parts": [part.name for part in job.parts.order_by("name", "pk")],
        "application": job.application,
        "apart_min": job.apart_min,
        "test_every_days": job.test_every_days,
        "read_parts": job.read_parts,
        "recovery_point_h": job.recovery_point_h,
        "recovery_time_min": job.recovery_time_min,
        "keep_days": job.keep_days,
    }


def _window(window: MaintenanceWindow) -> dict[str, Any]:
    return {
        "name": window.name,
        "system": window.system.name if window.system else None,
        "every": window.every,
        "weekdays": window.weekdays,
        "day": window.day,
        "ordinal": window.ordinal,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
    }


def _checks(client: Client) -> list[dict[str, Any]]:
    probes = (
        Probe.objects.filter(client=client, ended_at=None).select_related("system").order_by("system__name", "kind", "target", "pk")
    )
    beats = Heartbeat.objects.filter(client=client, ended_at=None).select_related("system").order_by("system__name", "name", "pk")
    return [
        *(
            {"system": one.system.name, "kind": one.kind, "target": one.target, "options": one.options, "every_s": one.interval_s}
            for one in probes
        ),
        *({"system": one.system.name, "kind": "heartbeat", "target": one.name, "every_s": one.period_s} for one in beats),
    ]


def ansible_of(inventory: dict[str, Any]) -> str:
    """The systems as an Ansible inventory (YAML): groups by what they are for and by what runs on them; no secret is in it."""
    hosts = {
        one["name"]: {"ansible_host": one["address"], "ansible_port": one["port"], "os": one["os"]["name"]}
        for one in inventory["systems"]
    }
    children: dict[str, dict[str, Any]] = {}
    for one in inventory["systems"]:
        for group in (one["environment"], *(f"role_{role}" for role in one["roles"])):
            children.setdefault(group, {"hosts": {}})["hosts"][one["name"]] = None
    text: str = yaml.safe_dump({"all": {"hosts": hosts, "children": children}}, sort_keys=True, allow_unicode=True)
    return f"# Sign in as an account of your own (ansible_user): the portal's is gone after the handover.\n{text}"
