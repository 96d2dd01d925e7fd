"""When an update has to be applied, and why: each of its advisories has a release and a window; the earliest end counts.

Pure but for `set_policy`. The release is the advisory's own date, else the date in the version's changelog, else the moment we first
saw the update, and the reason says which.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction

from clients.models import Client
from maintenance.choices import Severity
from maintenance.models import UpdateAdvisory, WindowPolicy
from portal.accounts.actor import Actor
from portal.accounts.roles import Permission
from portal.audit import services as audit
from portal.clock.business import BusinessCalendar, add_days, holidays_of
from portal.errors import PortalError

FIELDS = ("exploited_h", "critical_h", "high_h", "medium_h", "low_h")
OPTIONS = ("soak_h", "business_days", "region")
# An advisory that does not say how bad it is counts as high, not as nothing.
_WINDOW_OF = {
    Severity.CRITICAL: "critical_h", Severity.HIGH: "high_h", Severity.MEDIUM: "medium_h", Severity.LOW: "low_h",
    Severity.NEGLIGIBLE: "low_h", Severity.UNKNOWN: "high_h",
}  # fmt: skip


class Release(NamedTuple):
    """A moment, and where it is from."""

    at: datetime
    source: str


class Care(NamedTuple):
    """Under which policy, in which zone and since when a system is looked after."""

    policy: WindowPolicy
    zone: str
    since: datetime | None

    def begin(self, released: datetime) -> tuple[datetime, str]:
        """When a window begins, and what is to be said of it where that is not the release."""
        if self.since is None or self.since <= released:
            return released, ""
        return self.since, f", from {self.since:%Y-%m-%d}, when the system was taken on"


@dataclass(frozen=True, slots=True)
class Due:
    """Until when, since which release, and a sentence that says why."""

    at: datetime
    released_at: datetime
    reason: str


def policy_of(client: Client) -> WindowPolicy:
    """The client's policy, or the defaults."""
    return WindowPolicy.objects.filter(client=client).first() or WindowPolicy(client=client)


def due(
    *, advisories: Iterable[UpdateAdvisory], policy: WindowPolicy, is_security: bool | None, pending_since: datetime, client: Client,
    changelog_at: datetime | None = None, in_care_since: datetime | None = None,
) -> Due:  # fmt: skip
    """When an update is due.

    Args:
        advisories: those that it fixes, with exploitation as known now.
        pending_since: when the update was first seen; the release of what has no date of its own.
        changelog_at: when the version's packager closed its entry; counts where an advisory has no date.
        in_care_since: when the system was taken on. What was released before could not be applied before: a window begins then at
            the earliest, and the reason says so. The release itself stays what it is.
    """
    care = Care(policy, client.time_zone, in_care_since)
    # what came later than the update was seen (a newer version by now) does not put the release off
    seen = Release(pending_since, "first seen")
    known = Release(changelog_at, "changelog of") if changelog_at is not None and changelog_at <= pending_since else seen
    ends = [_end(advisory, care, seen, known) for advisory in advisories]
    if ends:
        return min(ends, key=lambda end: end.at)
    days = client.routine_window_days if is_security is False else client.security_window_days
    kind = {True: "security", False: "routine", None: "maybe security"}[is_security]
    source = "when it was first seen" if known is seen else f"its release (changelog of {known.at:%Y-%m-%d})"
    begins, note = care.begin(known.at)
    return Due(begins + timedelta(days=days), known.at, f"{kind} update: {days} days from {source}{note}")


def set_policy(*, client: Client, hours: dict[str, Any], actor: Actor, now: datetime) -> WindowPolicy:
    """Change a client's windows; the caller has the client's updates matched anew.

    Raises:
        PortalError: an hour that is no hour, or a more urgent window that is longer than a less urgent one.
    """
    actor.require(Permission.OPERATE)
    with transaction.atomic():
        policy = WindowPolicy.objects.select_for_update().filter(client=client).first() or WindowPolicy(client=client)
        before = {name: getattr(policy, name) for name in (*FIELDS, *OPTIONS)}
        for name in (*FIELDS, *OPTIONS):
            setattr(policy, name, hours.get(name, before[name]))
        if policy.region:
            try:
                holidays_of(policy.region, now.year)
            except ValueError as error:
                raise PortalError(
                    f"No public holidays are known for “{policy.region}”.", hint="Write DE, or DE-BY for a part."
                ) from error
        policy.changed_at, policy.actor_label = now, actor.label
        try:
            policy.full_clean(validate_constraints=False, validate_unique=False)
        except ValidationError as error:
            raise PortalError(" ".join(error.messages), hint="Windows are whole hours, up to a year.") from error
        values = [getattr(policy, name) for name in FIELDS]
        if values != sorted(values):
            raise PortalError("A more urgent update can't have a longer window than a less urgent one.")
        policy.save()
        audit.record(
            action="windows.change", actor=actor, subject=policy, client_id=client.pk, now=now, before=before,
            after={name: getattr(policy, name) for name in (*FIELDS, *OPTIONS)},
        )  # fmt: skip
    return policy


def _end(advisory: UpdateAdvisory, care: Care, seen: Release, known: Release) -> Due:
    """The end of one advisory's window. Exploitation counts from when it became known, where that was after the release."""
    # published later than the update came: it was there to be applied since then
    own = Release(advisory.published_at, "published") if advisory.published_at else known
    released, source = min(own, seen, key=lambda release: release.at)
    hours = getattr(care.policy, _WINDOW_OF[Severity(advisory.severity)])
    word = f"{advisory.identifier}, {Severity(advisory.severity).label.lower()}"
    begins, note = care.begin(released)
    end, span = _span(begins, hours, care.policy, care.zone)
    plain = Due(end, released, f"{word}, {source} {released:%Y-%m-%d}: {span}{note}")
    if advisory.exploited_since is None:
        return plain
    since = max(released, datetime.combine(advisory.exploited_since, time.min, UTC))
    begins, note = care.begin(since)
    end, span = _span(begins, care.policy.exploited_h, care.policy, care.zone)
    exploited = Due(end, released, f"{advisory.identifier}, exploited in the wild, known {since:%Y-%m-%d}: {span}{note}")
    return min(plain, exploited, key=lambda end: end.at)


def _span(start: datetime, hours: int, policy: WindowPolicy, zone: str) -> tuple[datetime, str]:
    """The end of a window and its length in words: on the clock, or in business days of the client's calendar."""
    if not policy.business_days:
        return start + timedelta(hours=hours), f"{hours} hours"
    days = -(-hours // 24)
    return add_days(start, days, BusinessCalendar(zone, region=policy.region)), f"{days} business day{'s' * (days > 1)}"
