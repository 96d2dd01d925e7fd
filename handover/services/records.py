"""What a package tells of contracts, of what was done, and of its credentials: Markdown."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from django.conf import settings

from clients.models import Client, System
from clients.support.models import Plan, Statement
from handover.services import writing
from handover.services.credentials import File
from maintenance.models import UpdateRun
from maintenance.queries.end_of_life import of_systems
from monitoring.choices import EntryKind, Kind
from monitoring.models import Check, Incident, IncidentEntry
from portal.vault.models import Credential, CredentialKind

MOST_RUNS = 5000
_HOW_TO_OPEN = """## How to open them

- `credentials.kdbx`: KeePassXC, *Open database*; or `keepassxc-cli ls credentials.kdbx`.
- `bitwarden.json`: Bitwarden, *Tools*, *Import data*, *Bitwarden (json)*; it asks for the passphrase.
- `….age`: `age -d -i KEY FILE.age`, where KEY is the private part of the key that you gave us.
- CSV files hold passwords exactly as they are. A spreadsheet may take one for a formula: import them, don't open them.
"""


def contracts(client: Client, systems: Sequence[System], *, at: datetime) -> str:
    """What has to be renewed, until when versions get fixes, licences, the retainer, and what we keep."""
    parts = ["# Licences, renewals, contracts", "", "## What has to be renewed", ""]
    checks = Check.objects.filter(
        client=client, ended_at=None, kind__in=[Kind.CERTIFICATE, Kind.CERT_FILE, Kind.DOMAIN]
    ).select_related("system")
    parts += writing.table(
        ("System", "What", "Of", "As it was seen"),
        [[one.system.name, one.get_kind_display(), one.subject, one.words] for one in checks.order_by("kind", "subject", "pk")],
    ) or ["Nothing is known.", ""]
    parts += ["## Until when versions get fixes", ""]
    parts += writing.table(
        ("System", "What", "Version", "Ends"),
        [[life.system.name, life.product, life.version, life.ends_on or "not known"] for life in of_systems(systems)],
    ) or ["Nothing is known.", ""]
    licences = Credential.objects.filter(client=client, kind=CredentialKind.LICENCE, archived_at=None).order_by("label", "pk")
    parts += ["## Licences", "", "The keys themselves are with the credentials.", ""]
    parts += writing.table(("Licence", "Where", "What to know"), [[one.label, one.url, one.notes] for one in licences]) or [
        "None.",
        "",
    ]
    parts += ["## The retainer", ""]
    plans = Plan.objects.filter(client=client).order_by("from_month", "pk")
    parts += writing.table(
        ("From", "Hours a month", "Rate"), [[one.from_month, one.hours, f"{one.rate} {one.currency}"] for one in plans]
    ) or ["No hours were agreed.", ""]
    months = Statement.objects.filter(client=client).order_by("month")
    parts += writing.table(
        ("Month", "Included", "Spent", "Over", "Amount"),
        [[f"{one.month:%Y-%m}", one.included_h, one.spent_h, one.over_h, f"{one.amount} {one.currency}"] for one in months],
    )
    parts += ["## What we keep, and until when", "", *kept_words(client, at=at), ""]
    return "\n".join(parts)


def update_runs(client: Client) -> str:
    """The runs of updates, the newest first."""
    runs = UpdateRun.objects.filter(client=client).select_related("system").order_by("-created_at", "-pk")[:MOST_RUNS]
    rows = [
        [writing.moment(one.created_at), one.system.name, one.get_kind_display(), one.verdict or one.state, one.actor_label]
        for one in runs.iterator()
    ]
    return "\n".join(["# Update runs", "", *(writing.table(("When", "System", "What", "Verdict", "By"), rows) or ["None.", ""])])


def incidents(client: Client) -> str:
    """Incidents as the client was told of them."""
    parts = ["# Incidents", ""]
    for incident in Incident.objects.filter(client=client).order_by("-opened_at", "-pk"):
        parts += [
            f"## {writing.inline(incident.title)}",
            "",
            f"{writing.moment(incident.opened_at)} to {writing.moment(incident.resolved_at)}",
            "",
        ]
        told = IncidentEntry.objects.filter(incident=incident).exclude(kind=EntryKind.NOTE).order_by("at", "pk")
        parts += [f"- {writing.moment(one.at)}: {writing.inline(one.words)}" for one in told]
        parts += ["", incident.post_mortem, ""]
    return "\n".join(parts)


def credentials_read_me(files: Sequence[File], limits: Sequence[str]) -> str:
    """Which files hold the credentials, how they are opened, and what will not import where."""
    said = "These open with what your owner chose in the portal; nobody of ours knows it."
    if not files:
        said = "**The credentials are not in this package.**"
    return "\n".join(
        [
            "# Credentials",
            "",
            said,
            "",
            *(
                f"- [{one.name}]({quote(one.name)}){' (PLAIN: whoever has this file can read it)' if one.plain else ''}"
                for one in files
            ),
            "",
            "## What will not import where",
            "",
            *(f"- {one}" for one in limits),
            "",
            _HOW_TO_OPEN,
        ]
    )


def kept_words(client: Client, *, at: datetime) -> list[str]:
    """What is kept after a handover, and until when: sentences."""
    until = at + timedelta(days=365 * settings.KEEP_YEARS)
    return [
        f"- The audit trail of what we did, and hours that were billed, are kept until the end of {until:%Y}: the law asks for it.",
        f"- Everything else of {client.name} is erased when the handover is closed. "
        f"Backups of the portal itself forget it {settings.KEEP_BACKUPS_DAYS} days later.",
    ]
