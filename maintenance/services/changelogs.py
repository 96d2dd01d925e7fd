"""Reading the changelogs of pending versions: once for each client, on a system that has the update pending."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from univers.versions import DebianVersion, InvalidVersion

from clients.choices import Connection
from clients.errors import NotReady
from clients.models import System
from clients.services.access import open_shell
from maintenance import probes
from maintenance.models import PendingUpdate, UpdateChangelog
from maintenance.parsers.changelog import Entry, parse_changelog
from maintenance.parsers.sections import Section, split_sections
from maintenance.parsers.values import UnexpectedOutput
from maintenance.services import matching, triage_lines
from portal.accounts.actor import Actor
from portal.queue import nudge
from portal.ssh.errors import SSHError

AT_ONCE = 12
TIMEOUT_S = 600
TRY_AGAIN = timedelta(days=1)
_WORD = re.compile(r"[a-z0-9][a-z0-9+.-]+=[0-9A-Za-z][0-9A-Za-z.+~:-]*")


def missing(system: System, *, now: datetime) -> list[PendingUpdate]:
    """One pending update for each version whose changelog is not read yet, or could not be read and is due for another try."""
    read = UpdateChangelog.objects.filter(
        Q(trouble="") | Q(read_at__gt=now - TRY_AGAIN), client_id=OuterRef("client_id"), source=OuterRef("source"),
        candidate_version=OuterRef("candidate_version"),
    )  # fmt: skip
    rows = PendingUpdate.objects.filter(~Exists(read), system=system, gone_at=None)
    found: dict[tuple[str, str], PendingUpdate] = {}
    for row in rows.order_by("source", "candidate_version", "package", "pk"):
        key = (row.source, row.candidate_version)
        # the package that is named like its source carries the file most surely
        if key not in found or row.package == row.source:
            found[key] = row
    return list(found.values())


def ask(system: System, *, now: datetime) -> bool:
    """Have a worker read what is missing; False where nothing is, or where it is switched off."""
    if not settings.READ_CHANGELOGS or system.package_manager != "apt" or not missing(system, now=now):
        return False
    nudge("maintenance.read_changelogs", client_id=system.client_id, system_id=system.pk)
    return True


def read(*, system_id: int, now: datetime) -> int:
    """Worker: read some of the missing changelogs, and give the updates their release and due times. Returns how many were read.

    One reader for a client at a time: its systems mostly have the same updates pending. Run twice it reads nothing twice; killed
    midway it kept nothing, and the next scan asks again.
    """
    system = System.objects.select_related("client").get(pk=system_id)
    turn = f"changelogs:{system.client_id}"
    if not cache.add(turn, system_id, timeout=TIMEOUT_S):
        return 0
    try:
        kept = _read(system, now=now)
    finally:
        cache.delete(turn)
    if kept is not None:
        # what is left, in another sitting, so that no connection is held for long; then what only other systems have
        others = System.objects.filter(client_id=system.client_id, connection=Connection.OK).exclude(pk=system_id).order_by("pk")
        next(filter(partial(ask, now=now), [system, *others]), None)
    return kept or 0


def _read(system: System, *, now: datetime) -> int | None:
    """One sitting; None where there was none: nothing to read, or the host could not be asked."""
    wanted = [row for row in missing(system, now=now) if _WORD.fullmatch(f"{row.package}={row.candidate_version}")][:AT_ONCE]
    if not wanted:
        return None
    words = " ".join(f"{row.package}={row.candidate_version}" for row in wanted)
    try:
        with open_shell(system, actor=Actor.portal("changelogs"), purpose="changelogs of pending updates") as shell:
            result = shell.run(f"WANTED='{words}'\n{probes.script('changelog', manage=False)}", timeout_s=TIMEOUT_S)
    except (SSHError, NotReady):
        return None  # noted on the system; the next scan asks again
    sections = split_sections(stdout=result.stdout, stderr=result.stderr, mark=result.mark)
    return _keep(system, wanted, sections, now=now)


@transaction.atomic
def _keep(system: System, wanted: Sequence[PendingUpdate], sections: dict[str, Section], *, now: datetime) -> int:
    rows = []
    for update in wanted:
        section = sections.get(f"{update.package}={update.candidate_version}")
        text, released_at, trouble = _judge(update, section, now=now)
        rows.append(
            UpdateChangelog(
                client_id=system.client_id, source=update.source, candidate_version=update.candidate_version, text=text,
                released_at=released_at, read_at=now, trouble=trouble,
            )
        )  # fmt: skip
    UpdateChangelog.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["client", "source", "candidate_version"],
        update_fields=["text", "released_at", "read_at", "trouble"],
    )  # fmt: skip
    dated = Q(pk__in=[])
    for row in rows:
        if row.released_at is not None:
            dated |= Q(source=row.source, candidate_version=row.candidate_version)
    matching.match_some(PendingUpdate.objects.filter(dated, client_id=system.client_id, gone_at=None))
    triage_lines.refresh()
    return sum(not row.trouble for row in rows)


def _judge(update: PendingUpdate, section: Section | None, *, now: datetime) -> tuple[str, datetime | None, str]:
    """Text, release and trouble. A release in the future is a packager's wrong clock: not believed."""
    if section is None:
        return "", None, "The host did not answer for it."
    if section.exit_status != 0:
        return "", None, " ".join(section.stderr.split())[-400:] or f"Exit status {section.exit_status}."
    text = section.stdout.replace("\x00", "")
    try:
        entries = parse_changelog(text)
    except UnexpectedOutput as error:
        return "", None, f"It can't be read: {error}"[:500]
    at = entry_of(entries, update.candidate_version)
    return text, at.at if at is not None and at.at is not None and at.at <= now else None, ""


def entry_of(entries: Sequence[Entry], version: str) -> Entry | None:
    """The entry of a package's version. A binary rebuild (`+b1`) is its source's version; a scheme of its own has none."""
    plain = re.sub(r"\+b\d+$", "", version)
    return next((entry for entry in entries if entry.version == plain), None)


def what_is_new(update: PendingUpdate) -> tuple[str, str]:
    """What the update's versions say of themselves since the installed one, and why nothing can be said."""
    row = UpdateChangelog.objects.filter(
        client_id=update.client_id, source=update.source, candidate_version=update.candidate_version
    ).first()
    if row is None:
        return "", "Its changelog has not been read yet."
    if row.trouble:
        return "", row.trouble
    entries = parse_changelog(row.text)
    shown = [entry for entry in entries if _is_newer(entry.version, update.installed_version)] or entries[:1]
    return "\n\n".join(
        f"{one.source} {one.version}{f', {one.at:%Y-%m-%d}' if one.at else ''}\n{one.text}" for one in shown
    ), ""  # fmt: skip


def _is_newer(version: str, installed: str) -> bool:
    if not installed:
        return False
    try:
        return bool(DebianVersion(version) > DebianVersion(installed))
    except InvalidVersion:
        return False
