"""Until when what is installed gets fixes from its makers: release of the system, databases, languages, applications.

The dates ship with the portal (`shipped/end_of_life.json`, of the day it names); PORTAL_END_OF_LIFE names a file of the same form
whose dates go before the shipped ones. A version that the table lacks is not known, and never shown as fine.
"""

import contextlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery

from clients.models import System
from maintenance.choices import ScanState
from maintenance.models import InstalledPackage, Scan
from portal.errors import PortalError

_SHIPPED = Path(__file__).resolve().parents[1] / "shipped" / "end_of_life.json"
# How long before its end a version is called out: time to plan, test and apply an upgrade.
SOON = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Product:
    """A product with the ends of its versions.

    Args:
        what: what `name` is matched with: `os`, `package` or `application`.
        name: the os-release ID, a regular expression over package names, or the application.
        version: a regular expression over the version; its group, or else that of `name`, is the cycle.
    """

    what: str
    product: str
    name: str
    version: str
    source: str
    cycles: dict[str, date]


@dataclass(frozen=True, slots=True)
class Life:
    """A version that is installed on a system. `ends_on` None: the table does not know it."""

    system: System
    product: str
    version: str
    ends_on: date | None
    is_system: bool
    source: str

    def level(self, today: date) -> str:
        """As pages colour it. A package past its makers' end is a warning: the distribution may fix it for longer."""
        if self.ends_on is None:
            return "unknown"
        if self.ends_on < today:
            return "bad" if self.is_system else "warn"
        return "warn" if self.ends_on < today + SOON else "ok"


def table() -> tuple[Product, ...]:
    """What is known of ends, an own file's dates before the shipped ones. A file that can't be read is left out; see `notices`."""
    own: tuple[Product, ...] = ()
    if settings.END_OF_LIFE:
        with contextlib.suppress(PortalError):
            own = _read(Path(settings.END_OF_LIFE))
    merged = {(product.what, product.name): product for product in _read(_SHIPPED)}
    for product in own:
        shipped = merged.get((product.what, product.name))
        merged[product.what, product.name] = product if shipped is None else replace(product, cycles=shipped.cycles | product.cycles)
    return tuple(merged.values())


def notices() -> list[str]:
    """What is wrong with the file that PORTAL_END_OF_LIFE names, as sentences."""
    try:
        _read(Path(settings.END_OF_LIFE or _SHIPPED))
    except PortalError as error:
        return [f"{error.message} The shipped dates are shown."]
    return []


def of_systems(systems: Iterable[System]) -> list[Life]:
    """Everything that has an end on some systems, the earliest first, what is not known before all; in three queries."""
    by_id = {system.pk: system for system in systems}
    products = table()
    found = [_of_system(system, products) for system in by_id.values()]
    lives = [life for life in found if life is not None]
    packages = [product for product in products if product.what == "package"]
    wanted = Q(pk__in=[])
    for product in packages:
        wanted |= Q(name__regex=product.name)
    for row in InstalledPackage.objects.filter(wanted, system_id__in=by_id).order_by("system_id", "name"):
        lives += _matched(by_id[row.system_id], packages, row.name, row.version)
    for system_id, (name, version, _) in _applications(by_id):
        lives += _matched(by_id[system_id], [p for p in products if p.what == "application"], name, version)
    unique = {(life.system.pk, life.product, life.version): life for life in reversed(lives)}
    return sorted(unique.values(), key=lambda one: (one.ends_on or date.min, one.system.name, one.product, one.version))


def release_ended(products: Sequence[Product], os_id: str, os_version: str, *, today: date) -> date | None:
    """Since when a system's release gets no fixes any more, by the `table`; None where it does, or where that is not known."""
    for product in products:
        if product.what == "os" and product.name == os_id:
            ends = _end_of_release(product, os_version)
            return ends if ends is not None and ends < today else None
    return None


def _of_system(system: System, products: Sequence[Product]) -> Life | None:
    """The release that a system runs; None where not even its name is known."""
    if not system.os_id:
        return None
    for product in products:
        if product.what == "os" and product.name == system.os_id:
            ends = _end_of_release(product, system.os_version)
            return Life(system, product.product, system.os_version, ends, is_system=True, source=product.source)
    return Life(system, system.os_name or system.os_id, system.os_version, None, is_system=True, source="")


def _end_of_release(product: Product, version: str) -> date | None:
    return product.cycles.get(version.partition(".")[0] if product.version else version)


def _matched(system: System, products: Iterable[Product], name: str, version: str) -> list[Life]:
    for product in products:
        match = re.search(product.name, name)
        if match is not None and product.version:
            match = re.search(product.version, version)
            cycle = match.group(1) if match else version
        elif match is not None:
            cycle = match.group(1)
        else:
            continue
        return [Life(system, product.product, cycle, product.cycles.get(cycle), is_system=False, source=product.source)]
    return []


def _applications(systems: Iterable[int]) -> list[tuple[int, tuple[str, str, str]]]:
    newest = Scan.objects.filter(system=OuterRef("pk"), applications__isnull=False).exclude(state=ScanState.QUEUED)
    rows = System.objects.filter(pk__in=list(systems)).annotate(
        listed=Subquery(newest.order_by("-finished_at", "-pk").values("applications")[:1])
    )
    return [(row.pk, (str(one[0]), str(one[1]), str(one[2]))) for row in rows for one in row.listed or []]


@cache
def _parsed(path: Path, changed: float) -> tuple[Product, ...]:  # a changed file is another key
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_products(content))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, re.error) as error:
        raise PortalError(
            f"The end of life dates in {path.name} can't be read: {error}.", hint="docs/upgrades.md has its form."
        ) from error


def _read(path: Path) -> tuple[Product, ...]:
    try:
        changed = path.stat().st_mtime
    except OSError as error:
        raise PortalError(f"The end of life dates in {path.name} can't be read: {error.strerror}.") from error
    return _parsed(path, changed)


def _products(content: dict[str, Any]) -> Iterable[Product]:
    for section, what, key in (
        ("operating_systems", "os", "os_id"), ("packages", "package", "package"), ("applications", "application", "application"),
    ):  # fmt: skip
        for entry in content.get(section, []):
            cycles = {str(name): date.fromisoformat(day) for name, day in entry["cycles"].items()}
            version = entry.get("version", "") or ("major" if entry.get("major") else "")
            if what == "package" and re.compile(entry[key]).groups == 0 and not version:
                raise ValueError(f"{entry[key]} has no group that says the version")
            yield Product(what, entry["product"], entry[key], version, entry.get("source", ""), cycles)
