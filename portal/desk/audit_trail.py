"""Reads of the audit trail for its page and its export."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet

from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit.models import AuditEvent, HostScript

EXPORT_LIMIT = 100_000
COLUMNS = ("at", "client", "who", "from", "what", "to what", "before", "after", "details", "position", "hash")


@dataclass(frozen=True, slots=True)
class Filter:
    """What somebody looks for: client, a part of who or what, days."""

    client_id: int | None = None
    search: str = ""
    action: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def of(cls, values: Any) -> "Filter":
        """From an address's query; what can't be read is left out."""
        client = values.get("client", "")
        return cls(
            client_id=int(client) if client.isdecimal() and len(client) < 18 else None,
            search=values.get("q", "")[:200],
            action=values.get("action", "")[:64],
            since=_date(values.get("since", "")),
            until=_date(values.get("until", "")),
        )


def events(actor: Actor, wanted: Filter) -> QuerySet[AuditEvent]:
    """What the actor may read, newest first."""
    rows = AuditEvent.objects.visible_to(actor, Permission.READ_AUDIT).select_related("client")
    if wanted.client_id is not None:
        rows = rows.filter(client_id=wanted.client_id)
    if wanted.action:
        rows = rows.filter(action__startswith=wanted.action)
    if wanted.search:
        rows = rows.filter(actor_label__icontains=wanted.search) | rows.filter(subject_label__icontains=wanted.search)
    if wanted.since:
        rows = rows.filter(at__date__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(at__date__lt=wanted.until + timedelta(days=1))
    return rows.order_by("-at", "-pk")


def export(rows: QuerySet[AuditEvent]) -> list[tuple[Any, ...]]:
    """The rows for a spreadsheet, with a heading."""
    lines: list[tuple[Any, ...]] = [COLUMNS]
    for event in rows[:EXPORT_LIMIT]:
        lines.append(  # a comprehension of eleven columns reads worse
            (
                event.at.isoformat(),
                event.client or "",
                event.actor_label,
                event.address,
                event.action,
                event.subject_label,
                event.before or "",
                event.after or "",
                event.details or "",
                event.position,
                event.hash,
            )  # fmt: skip
        )
    return lines


def scripts(page: list[AuditEvent]) -> dict[str, str]:
    """The texts of the scripts that a page of events names, by their hash."""
    named = {
        entry["command"].removeprefix("script ")
        for event in page
        for entry in event.details.get("commands", [])
        if str(entry.get("command", "")).startswith("script ")
    }
    return dict(HostScript.objects.filter(pk__in=named).values_list("sha256", "text"))


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
