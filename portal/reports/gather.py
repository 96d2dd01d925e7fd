"""The figures of a client's month, each with what proves it: plain values that a page, a PDF and a test can be made from.

What nobody measured is None, and is told as not known; it is never counted as fine.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from backups.choices import PROVING
from backups.models import BackupJob, RestoreTest
from clients.choices import Environment
from clients.models import Client, System
from clients.support.models import Statement, Ticket
from clients.support.services import hours, promises
from maintenance.choices import RunState, ScanState, Verdict
from maintenance.models import AcceptedRisk, PendingUpdate, Scan, UpdateRun
from maintenance.queries.end_of_life import of_systems
from maintenance.services import maintenance_windows, promise
from monitoring.choices import EntryKind, Kind
from monitoring.models import Check, Incident, IncidentEntry, SecurityEvent
from monitoring.queries.status import availability
from portal.clock.business import time_between

Facts = dict[str, Any]
SOON = timedelta(days=180)


def facts_of(client: Client, first: date, *, now: datetime) -> Facts:
    """All figures of the month that begins on this day in the client's zone, as far as it is over.

    Args:
        now: nothing later counts; of a month that is over, what is current (certificates, what comes next) is as of then.
    """
    start, end = promise.month_of(client, first)
    until = min(end, now)
    systems = list(System.objects.filter(client=client).select_related("client").order_by("environment", "name", "pk"))
    production = [system for system in systems if system.environment == Environment.PRODUCTION]
    return {
        "client": client.name, "month": first.isoformat(), "zone": client.time_zone, "until": until.isoformat(),
        "systems": [{"id": system.pk, "name": system.name, "kind": system.environment, "runs": system.os_name} for system in systems],
        "updates": _updates(client, first, start, until, now), "restores": _restores(client, start, until),
        "uptime": _uptime(production, first, until), "incidents": _incidents(client, start, until),
        "certificates": _certificates(client, now), "security": _security(client, start, until),
        "tickets": _tickets(client, start, until), "hours": _hours(client, first), "next": _next(client, systems, now),
        "risks": _risks(client, start, until),
    }  # fmt: skip


def so_far(client: Client, first: date, *, now: datetime) -> Facts:
    """What a client's first page says of the month: few figures, because it renews itself every half minute."""
    start, end = promise.month_of(client, first)
    until = min(end, now)
    return {
        "updates": _updates(client, first, start, until, now), "restores": _restores(client, start, until),
        "incidents": _incidents(client, start, until), "hours": _hours(client, first),
    }  # fmt: skip


def _updates(client: Client, first: date, start: datetime, until: datetime, now: datetime) -> Facts:
    runs = UpdateRun.objects.filter(client=client, state=RunState.FINISHED, finished_at__gte=start, finished_at__lt=until)
    rows = list(runs.select_related("system").prefetch_related("packages").order_by("finished_at", "pk"))
    kept = promise.compliance(client, first, now=min(now, until))
    applied = PendingUpdate.objects.filter(client=client, effective_at__gte=start, effective_at__lt=until)
    return {
        "share": str(kept.share) if kept.share is not None else None,
        "met": len(kept.met),
        "missed": len(kept.missed),
        "unread": _unread(client, until),
        "accepted": len(kept.accepted),
        "applied": applied.count(),
        "security": applied.filter(is_security=True).count(),
        "late": [
            {"system": row.system.name, "package": row.package, "due": row.due_at.isoformat(), "why": _why_late(row)}
            for row in kept.missed[:30]
        ],
        "runs": [
            {
                "id": run.pk,
                "system": run.system.name,
                "at": run.finished_at.isoformat(),
                "packages": len(run.packages.all()),
                "verified": run.verdict == Verdict.VERIFIED,
                "verdict": run.verdict,
            }
            for run in rows
            if run.finished_at is not None
        ],
    }


def _unread(client: Client, until: datetime) -> list[str]:
    """Production systems of which nobody read lately what is pending: none of it being late says nothing of them."""
    production = System.objects.filter(client=client, environment=Environment.PRODUCTION)
    since = until - timedelta(hours=2 * settings.SCAN_INTERVAL_H)
    read = Scan.objects.filter(client=client, state=ScanState.FRESH, finished_at__gt=since, finished_at__lte=until).values("system")
    return list(production.exclude(pk__in=read).order_by("name", "pk").values_list("name", flat=True))


def _why_late(row: PendingUpdate) -> str:
    breach = row.breaches.first()
    return breach.reason if breach else ""


def _restores(client: Client, start: datetime, until: datetime) -> Facts:
    tests = RestoreTest.objects.filter(client=client, finished_at__gte=start, finished_at__lt=until).select_related("job__system")
    jobs = list(BackupJob.objects.filter(client=client, ended_at=None).select_related("system").order_by("system__name", "name", "pk"))
    proven = RestoreTest.objects.filter(client=client, verdict__in=PROVING, finished_at__lt=until)
    last: dict[int, RestoreTest] = {}
    for test in proven.order_by("finished_at", "pk"):
        last[test.job_id] = test
    return {
        "tests": [
            {"id": test.pk, "system": test.job.system.name, "job": test.job.name, "at": test.finished_at.isoformat(),
             "passed": test.verdict in PROVING, "files": test.restored_files, "bytes": test.restored_bytes,
             "seconds": str(test.recovery_s) if test.recovery_s is not None else None}
            for test in tests.order_by("finished_at", "pk") if test.finished_at is not None
        ],
        "jobs": [_proof(job, last.get(job.pk)) for job in jobs],
    }  # fmt: skip


def _proof(job: BackupJob, test: RestoreTest | None) -> Facts:
    proven = test.finished_at.isoformat() if test is not None and test.finished_at is not None else None
    return {"id": job.pk, "system": job.system.name, "job": job.name, "proven": proven, "test": test.pk if test else None}


def _uptime(systems: Sequence[System], first: date, until: datetime) -> list[Facts]:
    days = max(1, (until.date() - first).days + (1 if until.time() != datetime.min.time() else 0))
    return [
        {
            "id": line.system.pk, "system": line.system.name, "percent": line.percent_words if line.percent is not None else None,
            "down_s": int(line.down_s), "unknown_days": line.unknown_days, "bars": [bar.level for bar in line.bars],
        }
        for line in availability(systems, now=until, since=first, days=days)
    ]  # fmt: skip


def _incidents(client: Client, start: datetime, until: datetime) -> list[Facts]:
    rows = Incident.objects.filter(client=client, opened_at__gte=start, opened_at__lt=until).order_by("opened_at", "pk")
    ends = {
        entry.incident_id: entry.words
        for entry in IncidentEntry.objects.filter(incident__in=rows, kind=EntryKind.RESOLVED).order_by("at", "pk")
    }
    return [
        {
            "id": row.pk, "title": row.title, "at": row.opened_at.isoformat(), "cause": ends.get(row.pk, ""),
            "minutes": int(((row.resolved_at or until) - row.opened_at).total_seconds() // 60), "over": row.resolved_at is not None,
            "same_day": row.answered_at is not None and row.answered_at <= row.answer_due_at,
        }
        for row in rows
    ]  # fmt: skip


def _certificates(client: Client, now: datetime) -> list[Facts]:
    rows = Check.objects.filter(client=client, kind__in=[Kind.CERTIFICATE, Kind.CERT_FILE], ended_at=None, drill=False)
    return [
        {
            "id": row.pk,
            "system": row.system.name,
            "what": row.subject,
            "known": row.stale_at > now,
            "level": row.level,
            "words": row.words,
            "ends": (row.last_at + timedelta(days=row.value)).date().isoformat() if row.value is not None and row.last_at else None,
        }
        for row in rows.select_related("system").order_by("value", "pk")
    ]


def _security(client: Client, start: datetime, until: datetime) -> Facts:
    rows = (
        SecurityEvent.objects.filter(client=client, seen_at__gte=start, seen_at__lt=until)
        .select_related("system")
        .order_by("seen_at", "pk")
    )
    return {
        "found": len(rows), "open": sum(row.is_open for row in rows),
        "events": [
            {"system": row.system.name, "what": str(row), "at": row.seen_at.isoformat(), "open": row.is_open, "why": row.accepted_why}
            for row in rows[:40]
        ],
    }  # fmt: skip


def _tickets(client: Client, start: datetime, until: datetime) -> Facts:
    raised = list(
        Ticket.objects.filter(client=client, created_at__gte=start, created_at__lt=until)
        .exclude(state="merged")
        .select_related("calendar", "client")
        .order_by("created_at", "pk")
    )
    waits = [
        time_between(ticket.created_at, ticket.responded_at, promises.calendar_of(ticket)).total_seconds() / 3600
        for ticket in raised
        if ticket.responded_at is not None
    ]
    kept = [ticket for ticket in raised if ticket.responded_at is not None and ticket.responded_at <= ticket.response_due_at]
    due = [ticket for ticket in raised if ticket.responded_at is not None or ticket.response_due_at <= until]
    rated = [ticket.helped for ticket in raised if ticket.helped is not None]
    return {
        "raised": len(raised), "in_time": len(kept), "due": len(due),
        "resolved": Ticket.objects.filter(client=client, resolved_at__gte=start, resolved_at__lt=until).count(),
        "answer_h": f"{median(waits):.1f}" if waits else None, "helped": sum(rated), "rated": len(rated),
        "list": [{"id": ticket.pk, "subject": ticket.subject, "state": ticket.state} for ticket in raised[:40]],
    }  # fmt: skip


def _hours(client: Client, first: date) -> Facts:
    closed = Statement.objects.filter(client=client, month=first).first()
    if closed is not None:
        return {
            "statement": closed.pk, "included": str(closed.included_h), "carried": str(closed.carried_h), "spent": str(closed.spent_h),
            "over": str(closed.over_h), "amount": str(closed.amount), "currency": closed.currency,
        }  # fmt: skip
    found = hours.account(client=client, month=first)
    return {
        "statement": None,
        "included": str(found.included),
        "carried": str(found.carried_h),
        "spent": str(found.spent),
        "over": str(found.over),
        "amount": str(found.amount),
        "currency": found.plan.currency if found.plan else "",
        "agreed": found.plan is not None,
    }


def _next(client: Client, systems: Sequence[System], now: datetime) -> Facts:
    pending = PendingUpdate.objects.filter(client=client, gone_at=None, system__environment=Environment.PRODUCTION)
    zone = ZoneInfo(client.time_zone)
    ends = sorted(
        ((life.ends_on, life.system.name, life.product, life.version) for life in of_systems(systems) if life.ends_on is not None),
        key=lambda one: (one[0], one[1], one[2]),
    )
    return {
        "windows": [
            {"name": window.name, "at": span.start.isoformat(), "until": span.end.isoformat()}
            for window, span in maintenance_windows.upcoming(client, now=now, count=4)
        ],
        "pending": pending.count(), "pending_security": pending.filter(is_security=True).count(),
        "ends": [
            {"system": name, "product": product, "version": version, "on": day.isoformat()}
            for day, name, product, version in ends if day <= (now.astimezone(zone).date() + SOON)
        ][:20],
    }  # fmt: skip


def _risks(client: Client, start: datetime, until: datetime) -> list[Facts]:
    rows = AcceptedRisk.objects.filter(client=client, accepted=True, answered_at__lt=until).filter(Q(until__gte=start))
    return [
        {
            "id": row.pk,
            "what": f"{row.update.package} {row.update.candidate_version}",
            "system": row.update.system.name,
            "why": row.reason,
            "until": row.until.isoformat(),
            "by": row.answered_label,
        }
        for row in rows.select_related("update__system").order_by("until", "pk")
    ]
