"""Pictures of systems and what is between them, drawn from what is known, as SVG that stands by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from django.utils.safestring import SafeString, mark_safe

from backups.models import BackupJob
from clients.choices import Environment
from clients.models import Client, System
from handover.models import SystemDocument

_BOX_W, _BOX_H, _GAP_X, _GAP_Y, _EDGE = 190, 64, 70, 110, 24
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#17201f}.small{font-size:11px;fill:#55615f}.box{fill:#eef5f4;stroke:#1f5f5b}"
    ".staging{fill:#f3f1fa;stroke:#4c4470;stroke-dasharray:5 3}.line{stroke:#55615f;fill:none;marker-end:url(#a)}"
    "@media(prefers-color-scheme:dark){text{fill:#e6eded}.small{fill:#a9b5b3}.box{fill:#173230;stroke:#6fb5af}.staging{fill:#26223a;stroke:#b0a5dd}.line{stroke:#a9b5b3}}"
)


@dataclass(frozen=True, slots=True)
class Relation:
    """From one system to another, and what it is."""

    start: int
    end: int
    words: str


def relations_of(systems: Sequence[System]) -> list[Relation]:
    """What is known between systems: staging twins, where backups are restored, and connections that a document saw."""
    by_address = {system.address: system.pk for system in systems}
    there = {system.pk for system in systems}
    newest = SystemDocument.objects.filter(system__in=there).order_by("system_id", "-number").distinct("system_id")
    peers = dict(newest.values_list("system_id", "facts__rows__peers"))
    found: dict[tuple[int, int], list[str]] = {}
    for system in systems:
        if system.staging_twin_id in there and system.staging_twin_id is not None:
            found.setdefault((system.staging_twin_id, system.pk), []).append("updates are tested first")
        for row in peers.get(system.pk) or []:
            other = by_address.get(row[1].strip("[]"))
            if other is not None and other != system.pk:
                found.setdefault((system.pk, other), []).append(f"talks to port {row[2]}")
    for job in BackupJob.objects.filter(system__in=there, ended_at=None).exclude(restore_on=None).order_by("pk"):
        if job.restore_on_id in there and job.restore_on_id != job.system_id and job.restore_on_id is not None:
            found.setdefault((job.system_id, job.restore_on_id), []).append("backups are restored there")
    return [Relation(start, end, ", ".join(dict.fromkeys(words))) for (start, end), words in sorted(found.items())]


def overview(client: Client, *, styled: bool = True) -> SafeString:
    """All systems of a client, production above staging."""
    systems = list(System.objects.filter(client=client).order_by("environment", "name", "pk"))
    return drawn(systems, relations_of(systems), title=f"The systems of {client.name}", styled=styled)


def around(system: System, *, relations: Sequence[Relation] | None = None, styled: bool = True) -> SafeString:
    """One system with those that it has to do with.

    Args:
        relations: of all the client's systems, where the caller has them already.
    """
    systems = list(System.objects.filter(client=system.client_id).order_by("environment", "name", "pk"))
    relations = relations_of(systems) if relations is None else relations
    relations = [one for one in relations if system.pk in {one.start, one.end}]
    near = {system.pk} | {one.start for one in relations} | {one.end for one in relations}
    return drawn([one for one in systems if one.pk in near], relations, title=f"{system.name} and what it talks to", styled=styled)


def drawn(systems: Sequence[System], relations: Sequence[Relation], *, title: str, styled: bool) -> SafeString:
    """The picture. A reader that hears it gets its title and each relation as a sentence.

    Args:
        styled: with its styles inside; pages of the portal have them in their own sheet.
    """
    rows = [[one for one in systems if one.environment == kind] for kind in (Environment.PRODUCTION, Environment.STAGING)]
    places: dict[int, tuple[int, int]] = {}
    y = _EDGE
    for row in rows:
        for start in range(0, len(row), 4):
            for column, system in enumerate(row[start : start + 4]):
                places[system.pk] = (_EDGE + column * (_BOX_W + _GAP_X), y)
            y += _BOX_H + _GAP_Y
    width = max((x for x, _ in places.values()), default=0) + _BOX_W + _EDGE
    names = {system.pk: system.name for system in systems}
    told = "; ".join(f"{names[one.start]} to {names[one.end]}: {one.words}" for one in relations) or "no relations are known"
    style = f"<style>{_STYLE}</style>" if styled else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {max(y - _GAP_Y + _EDGE, 2 * _EDGE)}" role="img">',
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc>{style}",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
        '<path d="M0 0 8 4 0 8z" fill="#55615f"/></marker></defs>',
    ]
    for number, one in enumerate(relations):
        parts += _line(places[one.start], places[one.end], one.words, number)
    for system in systems:
        x, top = places[system.pk]
        kind = "box" if system.environment == Environment.PRODUCTION else "box staging"
        parts.append(f'<rect class="{kind}" x="{x}" y="{top}" width="{_BOX_W}" height="{_BOX_H}" rx="6"/>')
        parts.append(f'<text x="{x + 12}" y="{top + 25}" font-weight="bold">{escape(_short(system.name, 22))}</text>')
        words = ", ".join(system.role_labels) or system.get_environment_display()
        parts.append(f'<text class="small" x="{x + 12}" y="{top + 45}">{escape(_short(words, 28))}</text>')
    # every word of it was escaped above
    return mark_safe("".join(parts) + "</svg>")  # noqa: S308


def _line(start: tuple[int, int], end: tuple[int, int], words: str, number: int) -> list[str]:
    (x1, y1), (x2, y2) = start, end
    if y1 == y2:
        x_from, x_to = (x1 + _BOX_W, x2) if x1 < x2 else (x1, x2 + _BOX_W)
        y_from = y_to = y1 + _BOX_H // 2
        bend = y_from - 34 if abs(x1 - x2) > _BOX_W + _GAP_X else y_from
        label = (x_from + x_to) // 2, bend - 6 + (14 if number % 2 else 0)
        path = f"M{x_from} {y_from} Q{(x_from + x_to) // 2} {2 * bend - y_from} {x_to} {y_to}"
    else:
        x_from, x_to = x1 + _BOX_W // 2, x2 + _BOX_W // 2
        y_from, y_to = (y1 + _BOX_H, y2) if y1 < y2 else (y1, y2 + _BOX_H)
        label = (x_from + x_to) // 2 + 8, (y_from + y_to) // 2 + (14 if number % 2 else 0)
        path = f"M{x_from} {y_from} L{x_to} {y_to}"
    anchor = "middle" if y1 == y2 else "start"
    return [
        f'<path class="line" d="{path}"/>',
        f'<text class="small" text-anchor="{anchor}" x="{label[0]}" y="{label[1]}">{escape(_short(words, 44))}</text>',
    ]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
