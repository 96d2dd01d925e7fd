"""What monitoring would say of a system in this very moment: for whoever changes it and must know what that did."""

from typing import Any

from django.utils import timezone

from clients.models import System
from clients.services.networks import allowed_networks
from monitoring.choices import Kind, Level
from monitoring.models import Probe
from monitoring.parsers.sweep import UnreadableSample, parse_sample
from monitoring.probes import SWEEP
from monitoring.services import probes
from monitoring.services.probing.question import Question
from monitoring.services.rules import Observation, observe
from monitoring.services.terms import terms_of
from portal.ssh.pool import Shell

# What a change may break, and what says so at once.
TELLING = {Kind.DISK, Kind.INODES, Kind.MEMORY, Kind.SWAP, Kind.SERVICE, Kind.CLOCK}
ASKED = {Kind.PAGE, Kind.TCP, Kind.SMTP, Kind.SUBMISSION, Kind.IMAP, Kind.DNS}
TIMEOUT_S = 30


def take(*, system: System, shell: Shell) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Whether each check is in order now ({"ok", "message"} by its name; a warning is), and what could not be asked, as sentences.

    Raises:
        SSHError: as `Shell.run`.
    """
    terms = terms_of([system.pk], kinds=[Kind.SERVICE])[system.pk]
    asked_at = timezone.now()
    result = shell.run(SWEEP, timeout_s=TIMEOUT_S)
    gaps: list[str] = []
    seen: list[Observation] = []
    try:
        sample = parse_sample(result.stdout)
        seen = observe(
            sample, counters={}, own=terms.own, asked_at=asked_at, answered_at=timezone.now(),
            services=[subject for _, subject in terms.wanted],
        )  # fmt: skip
    except UnreadableSample as error:
        gaps.append(f"What monitoring reads could not be read: {error}")
    allowed = allowed_networks([system.client_id])[system.client_id]
    for probe in Probe.objects.filter(system=system, ended_at=None, kind__in=ASKED).order_by("pk"):
        seen += probes.ask(Question(Kind(probe.kind), probe.target, probe.options, allowed, terms.own, timezone.now()))
    found = {}
    for one in seen:
        name = f"{one.kind.label} {one.subject}".strip()
        if one.kind not in TELLING | ASKED:
            continue
        if one.level == Level.UNKNOWN:
            gaps.append(f"{name}: {one.words}")
        else:
            found[name] = {"ok": one.level != Level.CRITICAL, "message": one.words}
    return found, gaps
