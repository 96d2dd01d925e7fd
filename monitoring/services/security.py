"""Security events: what changed on a system that somebody who got in would change, until somebody says that it is meant."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from monitoring.choices import GRAVE, Area, Kind, Level
from monitoring.models import Inventory, SecurityEvent
from monitoring.parsers.inventory import Inventory as Seen
from monitoring.parsers.inventory import SignIn
from monitoring.services.rules import Observation
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.errors import PortalError

# Who signs in and who uses sudo is learnt for so long, before somebody new is an event.
LEARNS = timedelta(days=1)
# Files of packages are verified so seldom: it reads all of them.
VERIFIED_EVERY_S = 86_400
_READ_AS = {Area.SIGN_INS: "signins", Area.SUDO: "sudo"}
# What is there only while it happens: its absence later says nothing.
_PASSING = {Area.SIGN_INS, Area.SUDO}


def facts_of(seen: Seen) -> dict[Area, dict[str, str]]:
    """Fingerprints of things by area; only areas that were read whole."""
    found: dict[Area, dict[str, str]] = {}
    for area in Area:
        if _READ_AS.get(area, area) not in seen.read:
            continue
        if area == Area.SIGN_INS:
            found[area] = {_who(one): "signed in" for one in seen.sign_ins}
        elif area == Area.SUDO:
            found[area] = {f"{user} as {as_user}": "allowed" for user, as_user in seen.sudo}
            found[area] |= dict.fromkeys(seen.sudo_refused, "refused")
        else:
            found[area] = {thing[:500]: fingerprint[:500] for thing, fingerprint in seen.facts.get(area, {}).items()}
    return found


def _who(one: SignIn) -> str:
    """A key is the same person wherever they are; a password only from where it was used before."""
    return f"{one.user} by {one.how} {one.key}" if one.key != "-" else f"{one.user} by {one.how} from {one.source}"


def compare(*, inventory: Inventory, seen: Seen, now: datetime) -> list[Observation]:
    """Hold what was seen against what is known; opens and closes events, and tells of each area how many are open.

    What is seen of an area for the first time is known from then on. Updates `inventory.known`, which the caller saves. To be called
    inside a transaction with the row locked.
    """
    known: dict[str, dict[str, str]] = inventory.known
    facts = facts_of(seen)
    open_events: dict[str, dict[str, SecurityEvent]] = {area: {} for area in Area}
    for event in SecurityEvent.objects.filter(system_id=inventory.system_id, accepted_at=None, reverted_at=None):
        open_events[event.area][event.thing] = event
    new: list[SecurityEvent] = []
    for area, things in facts.items():
        if area not in known or (area in _PASSING and now < inventory.began_at + LEARNS):
            known[area] = known.get(area, {}) | things
            continue
        for thing, was, now_is in _changes(area, known[area], things):
            before = open_events[area].pop(thing) if thing in open_events[area] else None
            if before is None:
                new.append(
                    SecurityEvent(
                        client_id=inventory.client_id,
                        system_id=inventory.system_id,
                        area=area,
                        thing=thing,
                        was=was,
                        now_is=now_is,
                        seen_at=now,
                    )  # fmt: skip
                )
            elif before.now_is != now_is:
                SecurityEvent.objects.filter(pk=before.pk).update(now_is=now_is)
        # what is left is as it was before; that somebody was there does not go away by itself
        if area not in _PASSING:
            SecurityEvent.objects.filter(pk__in=[event.pk for event in open_events[area].values()]).update(reverted_at=now)
    SecurityEvent.objects.bulk_create(new, ignore_conflicts=True)
    return list(_observations(inventory.system_id, facts))


def _changes(area: Area, known: Mapping[str, str], things: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    names = things.keys() if area in _PASSING else known.keys() | things.keys()
    for thing in sorted(names):
        was, now_is = known.get(thing, ""), things.get(thing, "")
        if was != now_is:
            yield thing, was, now_is


def _observations(system_id: int, facts: Mapping[Area, Mapping[str, str]]) -> Iterator[Observation]:
    left: dict[str, list[str]] = {}
    rows = SecurityEvent.objects.filter(system_id=system_id, accepted_at=None, reverted_at=None).order_by("seen_at", "pk")
    for area, thing in rows.values_list("area", "thing"):
        left.setdefault(area, []).append(thing)
    for area in facts:
        things = left.get(area, [])
        level = Level.UP if not things else Level.CRITICAL if area in GRAVE else Level.WARNING
        more = f" and {len(things) - 3} more" if len(things) > 3 else ""
        words = f"Nobody said that it is meant: {'; '.join(things[:3])}{more}." if things else "As it is known."
        interval_s = VERIFIED_EVERY_S if area == Area.BINARIES else None
        yield Observation(Kind.SECURITY, area, level, float(len(things)), words, interval_s)


def accept(*, events: list[SecurityEvent], reason: str, actor: Actor, now: datetime) -> None:
    """Say that these changes are meant: they are known from now on. The check is in order with the next look.

    Raises:
        PortalError: no reason, or none of them is open any more.
    """
    actor.require(Permission.OPERATE)
    if not reason.strip():
        raise PortalError("Say who meant it, or what it was for: the reason is kept.")
    with transaction.atomic():
        rows = list(
            SecurityEvent.objects.select_for_update().filter(Q(accepted_at=None, reverted_at=None), pk__in=[one.pk for one in events])
        )
        if not rows:
            raise PortalError("None of them is open any more.", hint="Look at the page again.")
        for system_id in {row.system_id for row in rows}:
            inventory = Inventory.objects.select_for_update().get(system_id=system_id)
            for row in (row for row in rows if row.system_id == system_id):
                area = inventory.known.setdefault(row.area, {})
                if row.now_is:
                    area[row.thing] = row.now_is
                else:
                    area.pop(row.thing, None)
                audit.record(
                    action="security_event.accept", actor=actor, subject=row, client_id=row.client_id, now=now, area=row.area,
                    thing=row.thing, before={"is": row.was}, after={"is": row.now_is}, reason=reason.strip(),
                )  # fmt: skip
            inventory.due_at = now
            if any(row.area == Area.BINARIES for row in rows):
                inventory.verified_at = None
            inventory.save(update_fields=["known", "due_at", "verified_at"])
        SecurityEvent.objects.filter(pk__in=[row.pk for row in rows]).update(
            accepted_at=now, accepted_by=actor.label, accepted_why=reason.strip()[:500]
        )
