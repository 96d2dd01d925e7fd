"""Questions from outside: set up by operators, asked when they are due, side by side, recorded together."""

import ipaddress
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from clients.errors import NotReady
from clients.models import ServiceCheck, System
from clients.services import access
from clients.services.networks import allowed_networks
from monitoring.choices import PROBED, Kind, Level
from monitoring.models import Check, Probe
from monitoring.services import checks
from monitoring.services.claims import claim
from monitoring.services.probing import command, dns, domain, mail, network, reputation
from monitoring.services.probing.question import Question, Unanswered
from monitoring.services.recording import Look, record
from monitoring.services.rules import Observation, Own
from monitoring.services.terms import terms_of
from portal import outbound
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError
from portal.ssh.target import Target

logger = logging.getLogger(__name__)

SIDE_BY_SIDE = 32
# Longer than the slowest question takes.
HELD = timedelta(minutes=3)
SOON = timedelta(seconds=15)
LONGEST_SCRIPT = 8000
RECORDS = ["A", "AAAA", "CNAME", "MX", "NS", "TXT", "CAA", "SRV", "PTR"]
ASKED: dict[Kind, Callable[[Question], list[Observation]]] = {
    Kind.PAGE: network.ask_page, Kind.TCP: network.ask_tcp, Kind.PING: network.ask_ping, Kind.TLS: network.ask_tls,
    Kind.DNS: dns.ask_record, Kind.DNSSEC: dns.ask_dnssec, Kind.REVERSE_DNS: dns.ask_reverse, Kind.DOMAIN: domain.ask_domain,
    Kind.SMTP: mail.ask_smtp, Kind.SUBMISSION: mail.ask_smtp, Kind.IMAP: mail.ask_imap,
    Kind.BLOCKLIST: reputation.ask_blocklists, Kind.SPF: reputation.ask_spf, Kind.DKIM: reputation.ask_dkim,
    Kind.DMARC: reputation.ask_dmarc, Kind.MTA_STS: reputation.ask_mta_sts, Kind.TLS_RPT: reputation.ask_tls_rpt,
    Kind.COMMAND: command.ask_command,
}  # fmt: skip
_PORTS = {Kind.TCP, Kind.TLS, Kind.SMTP, Kind.SUBMISSION, Kind.IMAP}
_ADDRESSES = {Kind.BLOCKLIST, Kind.REVERSE_DNS}


@transaction.atomic
def add(
    *, system: System, kind: str, target: str, options: Mapping[str, Any] | None = None, interval_s: int | None = None,
    actor: Actor, now: datetime,
) -> Probe:  # fmt: skip
    """Ask something of a system from now on.

    Args:
        target: host:port of ports and mail servers; a URL of a page; an IP address of blocklists and reverse DNS; `selector domain` of
            DKIM; a name of a command; else a name or domain.
        options: `status`, `text`, `leads_to` of a page; `record` and `values` of DNS; `addresses` of SPF; `script` of a command.
        interval_s: seconds; None for that of its kind.

    Raises:
        PortalError: a target that does not fit its kind, or one that is asked already.
    """
    actor.require(Permission.OPERATE)
    if kind not in PROBED:
        raise PortalError("Choose what to ask.")
    target, wanted = target.strip(), dict(options or {})
    _fit(Kind(kind), target, wanted)
    if Probe.objects.filter(system=system, kind=kind, target=target, ended_at=None).exists():
        raise PortalError("This is asked already.", hint="End it first to ask it in another way.")
    probe = Probe.objects.create(
        client_id=system.client_id, system=system, kind=kind, target=target, options=wanted,
        interval_s=interval_s or PROBED[Kind(kind)], due_at=now, created_at=now, actor_label=actor.label,
    )  # fmt: skip
    # what was ended with an earlier probe of the same is looked at again
    for check in Check.objects.filter(system=system, kind=kind, subject=target[:200], ended_at__isnull=False):
        checks.again(check=check, actor=actor, now=now)
    audit.record(
        action="probe.add", actor=actor, subject=probe, client_id=probe.client_id, now=now, kind=kind, target=target, options=wanted
    )
    return probe


def add_mail_domain(
    *, system: System, domain_name: str, addresses: Sequence[str], selectors: Sequence[str], actor: Actor, now: datetime
) -> list[Probe]:
    """Everything by which mail of a domain may fail to arrive: its records, and each sending address.

    Raises:
        PortalError: as `add`; what is asked already is left as it is.
    """
    wanted: list[tuple[Kind, str, dict[str, Any]]] = [
        (Kind.SPF, domain_name, {"addresses": list(addresses)}),
        *((Kind.DKIM, f"{selector} {domain_name}", {}) for selector in selectors),
        *((kind, domain_name, {}) for kind in (Kind.DMARC, Kind.MTA_STS, Kind.TLS_RPT, Kind.DOMAIN)),
        *((kind, address, {}) for address in addresses for kind in (Kind.BLOCKLIST, Kind.REVERSE_DNS)),
    ]
    there = set(Probe.objects.filter(system=system, ended_at=None).values_list("kind", "target"))
    with transaction.atomic():
        return [
            add(system=system, kind=kind, target=target, options=options, actor=actor, now=now)
            for kind, target, options in wanted
            if (kind, target) not in there
        ]


@transaction.atomic
def end(*, probe: Probe, reason: str, actor: Actor, now: datetime) -> None:
    """Ask it no more; its checks end with it.

    Raises:
        PortalError: no reason.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say why nobody needs to know any more.")
    if not Probe.objects.filter(pk=probe.pk, ended_at=None).update(ended_at=now):
        return
    rows = Check.objects.filter(system_id=probe.system_id, kind=probe.kind, ended_at=None)
    mine = (
        rows.filter(subject__startswith=f"{probe.target} in ")
        if probe.kind == Kind.BLOCKLIST
        else rows.filter(subject=probe.target[:200])
    )
    for check in mine:
        checks.end(check=check, reason=reason, actor=actor, now=now)
    audit.record(action="probe.end", actor=actor, subject=probe, client_id=probe.client_id, now=now, reason=reason.strip())


def _fit(kind: Kind, target: str, options: dict[str, Any]) -> None:  # one line a kind
    """Raises PortalError where the target is not of its kind."""
    if not target or len(target) > 200:
        raise PortalError("Say what to ask, in 200 characters at most.")
    if kind in _PORTS and not _is_port(target):
        raise PortalError("Write host:port, such as mail.example.org:587.")
    if kind == Kind.PAGE and (urlsplit(target).scheme not in {"http", "https"} or not urlsplit(target).hostname):
        raise PortalError("Write an address that begins with http:// or https://.")
    if kind in _ADDRESSES:
        _is_address(target)
    for address in options.get("addresses", []):
        _is_address(address)
    if kind == Kind.DNS and options.get("record", "A") not in RECORDS:
        raise PortalError(f"Choose one of these records: {', '.join(RECORDS)}.")
    if kind == Kind.DKIM:
        selector, blank, _ = target.partition(" ")
        if not blank:
            raise PortalError("Write the selector, a blank and the domain.")
        options["selector"] = selector
    if kind == Kind.COMMAND and not 0 < len(str(options.get("script", "")).strip()) <= LONGEST_SCRIPT:
        raise PortalError("Write the command that is to be run.")


def _is_port(target: str) -> bool:
    host, sign, port = target.rpartition(":")
    return bool(sign and host) and port.isdigit() and 0 < int(port) < 65_536


def _is_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise PortalError(f"{text} is not an IP address.") from error


def begin_tls_where_missing(*, now: datetime) -> None:
    """Ask every address that must answer over TLS which protocols it takes, without being asked to."""
    rows = ServiceCheck.objects.filter(url__startswith="https:", system__client__ended_at=None).select_related("system")
    wanted = {(row.system_id, _tls_target(row.url)): row for row in rows}
    # one that somebody ended stays ended
    there = set(Probe.objects.filter(kind=Kind.TLS).values_list("system_id", "target"))
    Probe.objects.bulk_create(
        [
            Probe(
                client_id=row.client_id, system_id=system_id, kind=Kind.TLS, target=target, interval_s=PROBED[Kind.TLS], due_at=now,
                created_at=now, actor_label="monitoring",
            )
            for (system_id, target), row in wanted.items()
            if target and (system_id, target) not in there
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def _tls_target(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or 443}"[:200] if host else ""


def ask_due(*, now: datetime) -> int:
    """Ask what is due, the longest overdue first, 32 at most and side by side; returns how many."""
    probes = _claim(now)
    if not probes:
        return 0
    questions = _questions(probes, now)
    with ThreadPoolExecutor(len(probes)) as pool:
        answers = list(pool.map(ask, questions))
    _record(probes, answers)
    return len(probes)


def ask(question: Question) -> list[Observation]:
    """Ask one thing now. Whatever goes wrong is an answer that says so."""
    try:
        return ASKED[question.kind](question)
    except outbound.Refused as error:
        return [question.said(Level.UNKNOWN, f"Not asked: {error}")]
    except Unanswered as error:
        return [question.said(Level.UNKNOWN, str(error))]
    except OSError as error:
        return [question.said(Level.CRITICAL, f"No answer: {error or type(error).__name__}")]
    except Exception as error:  # a fault of ours with one question must not keep the others from being asked
        logger.exception("probe.failed", extra={"kind": question.kind})
        return [question.said(Level.UNKNOWN, f"{type(error).__name__} in the portal")]


def _claim(now: datetime) -> list[Probe]:
    rows = Probe.objects.filter(ended_at=None, system__client__ended_at=None).select_related("system")
    return claim(rows, now=now, held=HELD, most=SIDE_BY_SIDE)


def _questions(probes: Sequence[Probe], now: datetime) -> list[Question]:
    allowed = allowed_networks({probe.client_id for probe in probes})
    own: dict[int, Own] = {pk: terms.own for pk, terms in terms_of({probe.system_id for probe in probes}, kinds=[]).items()}
    commanded = [probe.system for probe in probes if probe.kind == Kind.COMMAND]
    shells: dict[int, Target | NotReady] = access.targets_of(commanded) if commanded else {}
    return [
        Question(
            Kind(probe.kind),
            probe.target,
            probe.options,
            allowed[probe.client_id],
            own[probe.system_id],
            now,
            shells.get(probe.system_id),
        )
        for probe in probes
    ]


@transaction.atomic
def _record(probes: Sequence[Probe], answers: Sequence[list[Observation]]) -> None:
    """Of one system several probes may have been asked: they are recorded one after the other, each with its own interval."""
    at = timezone.now()
    for probe, observations in zip(probes, answers, strict=True):
        failing = record([Look(probe.client_id, probe.system_id, probe.interval_s, at, observations)])
        soon = {"due_at": min(probe.due_at, at + SOON)} if failing and probe.interval_s > SOON.total_seconds() else {}
        Probe.objects.filter(pk=probe.pk).update(claimed_until=None, last_at=at, **soon)
