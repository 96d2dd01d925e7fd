"""Recording what runs on a system before and after a change."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings
from django.db.models import Q

from clients.models import ServiceCheck, System
from clients.services.networks import allowed_networks
from maintenance import probes
from maintenance.choices import CheckKind
from maintenance.models import VerificationCheck
from maintenance.parsers import apt, host
from maintenance.parsers.sections import Section, split_sections
from maintenance.parsers.units import parse_units
from maintenance.parsers.values import UnexpectedOutput
from monitoring.services import moment
from portal import outbound
from portal.ssh.errors import TimedOut
from portal.ssh.pool import Shell

SETTLE = timedelta(seconds=settings.SETTLE_S)


def take(*, system: System, shell: Shell) -> dict[str, Any]:
    """Facts of this moment as JSON values: units, listening sockets, versions, HTTP answers, and `gaps`, what was not read.

    Raises:
        SSHError: the host could not be asked.
    """
    result = shell.run(probes.script("state", manage=True), timeout_s=120)
    sections = split_sections(stdout=result.stdout, stderr=result.stderr, mark=result.mark)
    facts = read(sections)
    allowed = allowed_networks([system.client_id])[system.client_id]
    facts["answers"] = {}
    for check in system.service_checks.order_by("pk"):
        try:
            facts["answers"][check.url] = _answer(check, allowed)
        except outbound.Refused as error:
            # not asked is not known: such a run is not verified
            facts["gaps"].append(f"{check.url} was not asked: {error}")
    # what monitoring looks at, asked in this moment: its own last look may be from before the change
    facts["watched"], unasked = moment.take(system=system, shell=shell)
    facts["gaps"] += unasked
    facts["checks"] = {}
    for own in checks_of(system):
        try:
            facts["checks"][own.name] = _asked(own, system, shell, allowed)
        except outbound.Refused as error:
            facts["gaps"].append(f"The check “{own.name}” was not asked: {error}")
    return facts


def checks_of(system: System) -> list[VerificationCheck]:
    """The checks that operators defined for a system or one of its roles."""
    rows = VerificationCheck.objects.filter(client_id=system.client_id, ended_at=None)
    return list(rows.filter(Q(system=system) | Q(role__in=system.roles)).order_by("pk"))


def read(sections: dict[str, Section]) -> dict[str, Any]:
    """The probe's sections as facts; what can't be read becomes None and a line in `gaps`."""
    gaps: list[str] = []

    def parsed(name: str, parser: Any) -> Any:
        section = sections.get(name)
        if section is None or section.exit_status != 0:
            gaps.append(f"{name}: {'no answer' if section is None else f'exit status {section.exit_status}'}")
            return None
        try:
            return parser(section.stdout)
        except UnexpectedOutput as error:
            gaps.append(f"{name}: {error}")
            return None

    units = parsed("units", parse_units)
    root_facts: host.RootFacts | None = parsed("facts", host.parse_root_facts)
    packages = parsed("packages", apt.parse_inventory)
    boot = parsed("boot", str.strip)
    architecture = parsed("architecture", str.strip)
    reboot = parsed("reboot-file", str.strip)
    kernel = parsed("kernel", str.strip)
    return {
        "boot_id": boot,
        "architecture": architecture,
        "units": None if units is None else {name: asdict(unit) for name, unit in units.items()},
        "listening": None if root_facts is None else list(root_facts.listening),
        "stale_services": None if root_facts is None else list(root_facts.stale_services),
        "errors": None if root_facts is None else root_facts.errors,
        "load": None if root_facts is None else root_facts.load,
        "kernel": kernel,
        "packages": None if packages is None else {f"{p.name}:{p.architecture}": p.version for p in packages if p.whole},
        "reboot_required": None if reboot is None else reboot == "required",
        "gaps": gaps,
    }


def note_flapping(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The second look, with the units named that systemd restarted between the two."""
    earlier = first.get("units") or {}
    second["flapping"] = sorted(
        name for name, unit in (second.get("units") or {}).items() if name in earlier and unit["restarts"] > earlier[name]["restarts"]
    )
    return second


def _asked(check: VerificationCheck, system: System, shell: Shell, allowed: list[outbound.Network]) -> dict[str, Any]:
    """What a check of an operator's answers now. A command runs as the login user, with its own timeout."""
    question = check.question.replace("{address}", system.address)
    if check.kind == CheckKind.HTTP:
        try:
            answer = outbound.get(question, allowed=allowed)
        except httpx.HTTPError as error:
            return {"ok": False, "message": f"no answer ({type(error).__name__})"}
        status, text = answer.status_code, answer.text
    else:
        try:
            result = shell.run(question, timeout_s=check.timeout_s)
        except TimedOut:
            return {"ok": False, "message": f"no answer within {check.timeout_s} s"}
        status, text = result.exit_status, result.stdout
    word = "status" if check.kind == CheckKind.HTTP else "exit status"
    if status != check.expected:
        return {"ok": False, "message": f"{word} {status}, expected {check.expected}"}
    if check.contains and check.contains not in text:
        return {"ok": False, "message": f"{word} {status}, but the answer lacks “{check.contains}”"}
    return {"ok": True, "message": f"{word} {status}"}


def _answer(check: ServiceCheck, allowed: list[outbound.Network]) -> dict[str, Any]:
    """What the address answers now; redirects are not followed, they are an answer of their own."""
    try:
        answer = outbound.get(check.url, allowed=allowed)
    except httpx.HTTPError as error:
        return {"ok": False, "message": f"no answer ({type(error).__name__})"}
    ok = answer.status_code == check.expected_status
    return {"ok": ok, "message": f"status {answer.status_code}" + ("" if ok else f", expected {check.expected_status}")}
