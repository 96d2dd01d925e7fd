"""Documents of systems: what was collected, masked, kept as a version where something changed, and the difference of each month."""

import difflib
import hashlib
import json
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from clients.models import Client, System
from handover.models import MonthDifference, Prose, SystemDocument
from handover.parsers.document import AREAS, HostDocument
from handover.parsers.secrets import mask_known, mask_text
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.vault import services as vault

Facts = dict[str, Any]
# Rows that people write, in which a secret may stand.
WRITTEN = {"sudo", "cron", "source", "rule", "fstab", "container", "site", "service", "network"}
_COUNTED = re.compile(r"counter packets \d+ bytes \d+")


def known_secrets(client_id: int) -> list[str]:
    """Every value of a client's vault that is text, for masking and looking; never for a page."""
    return [value.decode() for _, _, value in vault.values_of_client(client_id) if _is_text(value)]


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def facts_of(seen: HostDocument, *, known: Sequence[str], neighbours: Sequence[str]) -> tuple[Facts, int]:
    """A document's facts with secrets masked, and how many were.

    Args:
        known: secrets that are masked wherever they stand.
        neighbours: addresses of the client's other systems; connections to anybody else are of this moment, and left out.
    """
    masked, rows = 0, {}
    for area in AREAS:
        lines = []
        for word, *words in seen.rows[area]:
            if word == "peer" and words[0].strip("[]") not in neighbours:
                continue
            if word in WRITTEN:
                hidden = [mask_text(_COUNTED.sub("counter", one), known=known, guess=False) for one in words]
            else:
                hidden = [mask_known(one, known=known) for one in words]
            masked += sum(one.count for one in hidden)
            lines.append([word, *(one.text for one in hidden)])
        rows[area] = lines
    files = []
    for file in seen.files:
        text, default = mask_text(file.text, known=known), mask_text(file.default, known=known)
        masked += text.count
        files.append({"path": file.path, "why": file.why, "text": text.text, "default": default.text})
    return {"rows": rows, "files": files, "unread": [area for area in AREAS if area not in seen.read]}, masked


@transaction.atomic
def keep(*, system: System, facts: Facts, masked: int, actor: Actor, now: datetime) -> SystemDocument:
    """Keep a document as a new version, or confirm the last one where nothing is different. Locks the system's row."""
    System.objects.select_for_update(no_key=True).get(pk=system.pk)
    sha256 = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    last = SystemDocument.objects.filter(system=system).order_by("-number").first()
    if last is not None and last.sha256 == sha256:
        SystemDocument.objects.filter(pk=last.pk).update(confirmed_at=now)
        last.confirmed_at = now
        return last
    document = SystemDocument.objects.create(
        client_id=system.client_id, system=system, number=(last.number if last else 0) + 1, facts=facts, sha256=sha256, masked=masked,
        collected_at=now, confirmed_at=now,
    )  # fmt: skip
    audit.record(
        action="handover.document",
        actor=actor,
        subject=system,
        client_id=system.client_id,
        now=now,
        version=document.number,
        masked=masked,
    )
    return document


def newest(system_id: int) -> SystemDocument | None:
    """The newest version of a system's document."""
    return SystemDocument.objects.filter(system_id=system_id).order_by("-number").first()


def difference(before: Facts | None, after: Facts) -> list[dict[str, Any]]:
    """What is different, area by area; of configuration files line by line."""
    changes: list[dict[str, Any]] = []
    if before is None:
        return changes
    for area in AREAS:
        if area in before["unread"] or area in after["unread"]:
            continue  # what was not read is not gone
        old = {tuple(row) for row in before["rows"].get(area, [])}
        new = {tuple(row) for row in after["rows"].get(area, [])}
        if old != new:
            changes.append({"area": area, "gone": sorted(map(list, old - new)), "new": sorted(map(list, new - old))})
    if "configuration" in before["unread"] or "configuration" in after["unread"]:
        return changes
    files = {one["path"]: one["text"] for one in before["files"]}
    now = {one["path"]: one["text"] for one in after["files"]}
    for path in sorted(files.keys() | now.keys()):
        if files.get(path) != now.get(path):
            changes.append({"area": "configuration", "path": path, "lines": lines_between(files.get(path, ""), now.get(path, ""))})
    return changes


def lines_between(before: str, after: str) -> list[str]:
    """A unified difference without its head, at most 400 lines."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
    return lines[:400]


def month_changes(system: System, month: date) -> list[dict[str, Any]]:
    """What became different on a system in a month of its client's calendar, by the versions that there are."""
    zone = ZoneInfo(system.client.time_zone)
    start, end = _month(month, zone)
    rows = SystemDocument.objects.filter(system=system).order_by("-number")
    after = rows.filter(collected_at__lt=end).first()
    before = rows.filter(collected_at__lt=start).first()
    if after is None or before is None or after.pk == before.pk:
        return []
    return difference(before.facts, after.facts)


def keep_months(*, now: datetime) -> int:
    """Keep the difference of last month for each system whose client's month is over; returns how many. Run twice it keeps one."""
    kept = 0
    for client in Client.objects.filter(ended_at=None).order_by("pk"):
        last = _before(now.astimezone(ZoneInfo(client.time_zone)).date())
        for system in (
            System.objects.filter(client=client).exclude(month_differences__month=last).select_related("client").order_by("pk")
        ):
            start, end = _month(last, ZoneInfo(client.time_zone))
            if not SystemDocument.objects.filter(system=system, collected_at__lt=end).exists():
                continue
            rows = MonthDifference.objects.bulk_create(
                [MonthDifference(client=client, system=system, month=start.date(), changes=month_changes(system, last), made_at=now)],
                ignore_conflicts=True,
            )
            kept += len(rows)
    return kept


def _month(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    first = day.replace(day=1)
    following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return datetime(first.year, first.month, 1, tzinfo=zone), datetime(following.year, following.month, 1, tzinfo=zone)


def _before(day: date) -> date:
    first = day.replace(day=1)
    return first.replace(year=first.year - (first.month == 1), month=12 if first.month == 1 else first.month - 1)


@transaction.atomic
def write_prose(*, client: Client, system: System | None, body: str, actor: Actor, now: datetime) -> Prose:
    """A new version of what operators write beside a document.

    Raises:
        PortalError: too long, or a system of another client.
    """
    actor.require(Permission.OPERATE)
    if len(body) > 100_000:
        raise PortalError("At most 100,000 characters.")
    if system is not None and system.client_id != client.pk:
        raise PortalError("There is no such system.")
    Client.objects.select_for_update(no_key=True).get(pk=client.pk)
    last = Prose.objects.filter(client=client, system=system).order_by("-number").values_list("number", flat=True).first() or 0
    row = Prose.objects.create(
        client=client, system=system, number=last + 1, body=body.replace("\r\n", "\n"), created_at=now, actor_label=actor.label
    )
    audit.record(action="handover.prose", actor=actor, subject=system or client, client_id=client.pk, now=now, version=row.number)
    return row


def prose_of(client_id: int, system_id: int | None) -> str:
    """What operators wrote, newest version; empty where they wrote nothing."""
    rows = (
        Prose.objects.filter(client_id=client_id, system__isnull=True)
        if system_id is None
        else Prose.objects.filter(system_id=system_id)
    )
    row = rows.order_by("-number").first()
    return row.body if row else ""
