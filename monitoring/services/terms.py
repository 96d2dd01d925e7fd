"""What is asked of a system: thresholds of its own, things that must be there, drills that are under way."""

from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Q

from monitoring.choices import Kind
from monitoring.models import Check
from monitoring.services.rules import Own


@dataclass(slots=True)
class Terms:
    """Of one system.

    Args:
        own: thresholds by kind and subject.
        wanted: checks that are told of even when a look does not show their thing any more.
        drills: kinds for which a drill is under way.
    """

    own: Own = field(default_factory=dict)
    wanted: set[tuple[Kind, str]] = field(default_factory=set)
    drills: set[Kind] = field(default_factory=set)


def terms_of(systems: Collection[int], *, kinds: Collection[Kind]) -> dict[int, Terms]:
    """Terms of these systems; `wanted` of these kinds. One query."""
    found: dict[int, Terms] = {system_id: Terms() for system_id in systems}
    own: dict[int, dict[tuple[str, str], tuple[float | None, float | None]]] = {system_id: {} for system_id in systems}
    rows = Check.objects.filter(system__in=found, ended_at=None)
    rows = rows.filter(Q(warning__isnull=False) | Q(critical__isnull=False) | Q(kind__in=kinds) | Q(drill=True))
    for system_id, kind, subject, warning, critical, drill in rows.values_list(
        "system_id", "kind", "subject", "warning", "critical", "drill"
    ):
        if warning is not None or critical is not None:
            own[system_id][kind, subject] = (warning, critical)
        if drill:
            found[system_id].drills.add(Kind(kind))
        elif kind in kinds:
            found[system_id].wanted.add((Kind(kind), subject))
    for system_id, terms in found.items():
        terms.own = own[system_id]
    return found
