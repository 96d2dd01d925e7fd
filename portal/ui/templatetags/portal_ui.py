"""Filters that pages share: moments with their zone, ages, sizes of words."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, npgettext

from portal.ui import markdown as markdown_text

register = template.Library()


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """A moment in the reader's zone with the zone named, machine-readable for scripts; an em dash for none."""
    if not value:  # Django hands over an empty string where the chain to a value is broken
        return "—"
    local = timezone.localtime(value)
    zone = local.tzname() or ""
    return format_html('<time datetime="{}">{} {}</time>', value.isoformat(), local.strftime("%Y-%m-%d %H:%M"), zone)


@register.filter
def in_zone(value: datetime, zone: str) -> SafeString:
    """A moment in a zone of its own, such as the client's, with the weekday and the zone named."""
    local = value.astimezone(ZoneInfo(zone))
    return format_html(
        '<time datetime="{}">{} {}</time>', value.isoformat(), local.strftime("%a %Y-%m-%d %H:%M"), local.tzname() or zone
    )


@register.filter
def in_zone_plain(value: datetime, zone: str) -> str:
    """The same for a mail, which is plain text."""
    local = value.astimezone(ZoneInfo(zone))
    return f"{date_format(local, 'l')}, {local:%Y-%m-%d %H:%M} {local.tzname() or zone}"


@register.filter
def age(value: datetime | None) -> str:
    """How long ago, or how long until, in one unit."""
    if not value:
        return gettext("never")
    distance = timezone.now() - value
    words = gettext("%(span)s ago") if distance >= timedelta(0) else gettext("in %(span)s")
    return words % {"span": span(abs(distance), ago=True)}


@register.filter
def at(values: list[object], place: int) -> object:
    """The value at a place of a list; empty past its end."""
    return values[place] if 0 <= place < len(values) else ""


@register.filter
def percent(value: Decimal | None) -> str:
    """A probability as a percentage; small ones keep a digit that tells them from none."""
    if value is None:
        return "not known"
    hundredths = value * 100
    return f"{hundredths:.0f} %" if hundredths >= 10 else f"{hundredths:.1f} %" if hundredths >= Decimal("0.1") else "under 0.1 %"


@register.filter
def plain(value: object) -> str:
    """A JSON value as people read it: lists as their items, tables as their pairs."""
    if isinstance(value, list):
        return ", ".join(plain(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}: {plain(one)}" for name, one in value.items())
    return "" if value is None else str(value)


@register.filter
def markdown(value: str) -> SafeString:
    """Markdown that a person wrote, as harmless HTML."""
    return markdown_text.render(value)


def span(distance: timedelta, *, ago: bool = False) -> str:
    """A length of time in its largest sensible unit.

    Args:
        ago: behind “ago” or “in”, where German has another form.
    """
    seconds = int(distance.total_seconds())
    if seconds >= 86_400:
        days = seconds // 86_400
        if ago:
            return npgettext("ago", "%(count)d day", "%(count)d days", days) % {"count": days}
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if seconds >= 3_600:
        hours = seconds // 3_600
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    if seconds >= 60:
        minutes = seconds // 60
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return f"{seconds} s"


@register.filter
def past(value: datetime | None) -> bool:
    """Whether the moment is behind us."""
    return value < timezone.now() if value else False
