"""What a message says."""

from typing import Any

from django.conf import settings

from monitoring.choices import Event
from monitoring.models import Alert

# Systems that a message names.
NAMED = 30
_HEADS = {Event.CLOSED: "In order again", Event.RAISED: "Nobody is on it", Event.GIVEN: "For you"}


def message_of(alert: Alert, event: str) -> tuple[str, str]:
    """Subject and text of an alert's message; of one that tells of many, all of them."""
    head = _HEADS.get(Event(event), alert.get_level_display())
    system = f"{alert.system.client} · {alert.system}"
    since = f"Since {alert.opened_at:%Y-%m-%d %H:%M:%S} UTC"
    if alert.closed_at:
        since += f", in order again since {alert.closed_at:%Y-%m-%d %H:%M:%S} UTC"
    address = address_of(alert)
    parts = list(alert.parts.select_related("system__client", "check_row").order_by("system__client__name", "system__name", "pk"))
    if alert.check_row.drill:
        # several rules of one system in one message: each of them is proven by it
        lines = [f"{one.check_row}: {one.words}" for one in [alert, *parts]]
        text = ["A drill: these alerts were caused on purpose, to see that they arrive. Nothing is to be done.", "", *lines, "", since]
        return f"[Drill] {system}: {len(lines)} alerts", "\n".join(text)
    names = list(dict.fromkeys([system, *(f"{part.system.client} · {part.system}" for part in parts)]))
    if len(names) == 1:
        return f"[{head}] {system}: {alert.check_row}", "\n".join([system, f"{alert.check_row}: {alert.words}", since, "", address])
    more = [f"and {len(names) - NAMED} more"] if len(names) > NAMED else []
    cause = "Together, so look first for one cause: the network between the portal and them, or the portal itself."
    subject = f"[{head}] {len(names)} systems: {alert.check_row}"
    return subject, "\n".join([f"{alert.check_row}: {alert.words}", cause, since, "", *names[:NAMED], *more, "", address])


def address_of(alert: Alert) -> str:
    """Where the alert stands in the portal."""
    return f"{settings.PORTAL_URL}/alerts/{alert.pk}/"


def facts_of(alert: Alert, event: str) -> dict[str, Any]:
    """The same for machines: what a webhook gets."""
    subject, text = message_of(alert, event)
    return {
        "event": event, "alert": alert.pk, "drill": alert.check_row.drill, "level": alert.level, "check": str(alert.check_row),
        "words": alert.words, "client": str(alert.system.client), "system": str(alert.system),
        "opened_at": alert.opened_at.isoformat(), "closed_at": alert.closed_at.isoformat() if alert.closed_at else None,
        "url": address_of(alert),
        "subject": subject, "text": text,
    }  # fmt: skip
