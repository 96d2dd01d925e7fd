"""Documents and runbooks as Markdown: what pages, the package and the book are made from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backups.models import BackupJob
from clients.models import System
from handover.models import Runbook, SystemDocument
from handover.parsers.runbooks import Runbook as Read
from handover.services import documents
from monitoring.models import Check

TITLES = {
    "identity": "What it is",
    "hardware": "Hardware",
    "network": "Network",
    "ports": "What listens",
    "peers": "Whom it talks to",
    "services": "Services and how they are started",
    "sources": "Where packages come from",
    "packages": "Packages that somebody asked for",
    "users": "Users and keys",
    "sudo": "Who becomes root",
    "cron": "What runs by cron",
    "timers": "What runs by timers",
    "containers": "Containers",
    "sites": "Virtual hosts",
    "certificates": "Certificates and their renewal",
    "databases": "Databases",
    "storage": "Storage",
    "firewall": "Firewall",
    "configuration": "Configuration",
}
HEADS: dict[str, Sequence[str]] = {
    "identity": ("What", "Is"),
    "hardware": ("What", "Is"),
    "network": ("What", "Is"),
    "port": ("Protocol", "Address", "Program", "Package"),
    "peer": ("Address", "Port"),
    "service": ("Unit", "At boot", "Now", "File", "What it is"),
    "source": ("File", "Line"),
    "package": ("Package", "Version"),
    "packages": ("Installed in all",),
    "user": ("Account", "Number", "Name", "Home", "Shell", "Groups", "Password"),
    "key": ("Account", "Fingerprint", "Key"),
    "sudo": ("File", "Line"),
    "cron": ("Where", "Line"),
    "timer": ("Timer", "Starts", "When"),
    "container": ("Engine", "Name", "Image", "State", "Restarts", "Mounts"),
    "site": ("Server", "What", "Value"),
    "certificate": ("File", "Of", "Good until", "Renewed by"),
    "database": ("Server", "What", "", ""),
    "mount": ("Place", "From", "Kind", "Size"),
    "fstab": ("Line",),
    "volume": ("Volume",),
    "rule": ("By", "Rule"),
    "left-out": ("File", "Why it is not here"),
}
_PASSWORD = {"P": "set", "L": "locked", "NP": "NONE", "PS": "set", "LK": "locked"}


def document_markdown(system: System, document: SystemDocument | None, *, configuration: bool = True, lines_most: int = 0) -> str:
    """A system's document.

    Args:
        configuration: with the text of each file.
        lines_most: of a file, so many lines; 0: all.
    """
    parts = [
        f"# {system.name}",
        "",
        f"{system.get_environment_display()}, {', '.join(system.role_labels) or 'no role stated'}. `{system.address}`.",
        "",
    ]
    parts += [system.notes.strip(), ""] if system.notes.strip() else []
    prose = documents.prose_of(system.client_id, system.pk)
    parts += ["## In our words", "", prose.strip(), ""] if prose.strip() else []
    parts += _how_it_is_kept(system)
    if document is None:
        return "\n".join([*parts, "**Nothing was collected of this system yet.**", ""])
    parts += [
        f"*Collected {moment(document.collected_at)}, found the same until {moment(document.confirmed_at)}. "
        f"Secrets are masked: {document.masked}.*",
        "",
    ]
    for area, title in TITLES.items():
        parts += [f"## {title}", ""]
        if area in document.facts["unread"]:
            parts += ["**This could not be read: it is not known.**", ""]
        parts += _tables(document.facts["rows"].get(area, []))
        if area == "configuration":
            parts += (
                _files(document.facts["files"], lines_most=lines_most)
                if configuration
                else [f"{len(document.facts['files'])} files.", ""]
            )
        elif not document.facts["rows"].get(area) and area not in document.facts["unread"]:
            parts += ["None.", ""]
    return "\n".join(parts)


def _how_it_is_kept(system: System) -> list[str]:
    """Backups and checks, as they are configured here."""
    parts = ["## Backup and monitoring, as configured with us", ""]
    jobs = BackupJob.objects.filter(system=system, ended_at=None).select_related("proof").order_by("name", "pk")
    rows = [
        [
            job.name,
            job.get_tool_display(),
            job.repository,
            ", ".join(job.sources),
            f"{job.proof.finished_at:%Y-%m-%d}" if job.proof and job.proof.finished_at else "never",
        ]
        for job in jobs
    ]
    parts += (
        table(("Backup", "Made with", "Lies at", "Of", "Last proven by a restore"), rows) if rows else ["**No backup is known.**", ""]
    )
    checks = Check.objects.filter(system=system, ended_at=None).order_by("kind", "subject", "pk")
    parts += table(
        ("Check", "Of", "Warns", "Alarms"),
        [[check.get_kind_display(), check.subject, check.warning, check.critical] for check in checks],
    )
    return parts


def _tables(rows: Sequence[Sequence[str]]) -> list[str]:
    parts: list[str] = []
    for word in dict.fromkeys(row[0] for row in rows):
        body = [list(row[1:]) for row in rows if row[0] == word]
        if word == "user":
            body = [[*row[:6], _PASSWORD.get(row[6], "not known")] if len(row) > 6 else row for row in body]
        parts += table(HEADS.get(word, ("",) * max(map(len, body))), body)
    return parts


def _files(files: Sequence[dict[str, Any]], *, lines_most: int) -> list[str]:
    parts: list[str] = []
    for file in files:
        parts += [f"### {file['path']}", "", f"{file['why']}.", ""]
        if file["default"]:
            parts += [
                "What is different from the package's own:",
                "",
                *code("\n".join(documents.lines_between(file["default"], file["text"])), "diff"),
            ]
        lines = file["text"].rstrip("\n").split("\n")
        cut = lines[:lines_most] if lines_most else lines
        parts += code("\n".join(cut), "")
        if len(cut) < len(lines):
            parts += [f"… and {len(lines) - len(cut)} lines more, in the document itself.", ""]
    return parts


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A Markdown table; nothing where there are no rows."""
    if not rows:
        return []
    width = max(len(head), *(len(row) for row in rows))
    head = [*head, *[""] * (width - len(head))]
    lines = [_row(head), "|" + "---|" * width]
    return [*lines, *(_row([*row, *[""] * (width - len(row))]) for row in rows), ""]


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(inline(cell) for cell in cells) + " |"


def inline(value: Any) -> str:
    """A value inside of a line of Markdown, as it is: no sign of it means anything."""
    text = " ".join(str("" if value is None else value).split())
    for sign in "\\`*_{}[]<>#|~!":
        text = text.replace(sign, f"\\{sign}")
    return text


def code(text: str, language: str) -> list[str]:
    """A block of code whose fence is longer than any in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}{language}", text, fence, ""]


def difference_markdown(changes: Sequence[dict[str, Any]]) -> str:
    """What became different, for reading."""
    parts: list[str] = []
    for change in changes:
        if "path" in change:
            parts += [f"### {change['path']}", "", *code("\n".join(change["lines"]), "diff")]
        else:
            lines = [f"- {' '.join(row[1:])}" for row in change["gone"]] + [f"+ {' '.join(row[1:])}" for row in change["new"]]
            parts += [f"### {TITLES[change['area']]}", "", *code("\n".join(lines), "diff")]
    return "\n".join(parts)


def runbook_markdown(row: Runbook, book: Read) -> str:
    """A runbook for reading, with its values on its system."""
    parts = [f"# {book.title}", "", f"On **{inline(row.system.name)}**. Who may run it: {book.who}.", "", book.about, ""]
    if book.parameters:
        parts += table(
            ("Parameter", "What it is", "Here"),
            [[one.name, one.words, row.values.get(one.name, one.default) or "—"] for one in book.parameters],
        )
    for number, step in enumerate(book.steps, start=1):
        parts += [f"## {number}. {step.title}", "", step.about.strip(), ""]
        parts += code(step.run, "sh") if step.run else []
        parts += [f"It has to show: `{step.expect}`", ""] if step.expect else []
        parts += ["To take it back:", "", *code(step.undo, "sh")] if step.undo else []
    return "\n".join(parts)


def moment(at: datetime | None) -> str:
    """A moment for a document; a dash where there is none."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "—"
