"""Messages on their way: claimed, sent by the way of their channel, tried again where that failed, passed on to the next one."""

import hashlib
import hmac
import json
import logging
import smtplib
from datetime import datetime, timedelta

import apprise
import httpx
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from monitoring.choices import ChannelKind, DeliveryState
from monitoring.models import Delivery
from monitoring.services import channels
from monitoring.services.messages import facts_of, message_of
from portal import outbound
from portal.errors import PortalError

logger = logging.getLogger(__name__)

# Between tries; after the last one the next channel takes over, while this one is still tried each quarter of an hour.
AGAIN = (timedelta(seconds=20), timedelta(minutes=1), timedelta(minutes=5))
LATER = timedelta(minutes=15)
# Messages that one task sends.
SENT_AT_ONCE = 100
TIMEOUT_S = 15.0
# By which a message is found at its far end (services/drills.py).
HEADER = "X-Retainer-Alert"


def send_due(*, now: datetime) -> int:
    """Send the messages that are due, one by one; returns how many arrived. A failure is kept with the message and tried again."""
    sent = 0
    for delivery_id in _claim(now):
        delivery = Delivery.objects.select_related("alert__system__client", "alert__check_row", "channel__next_channel").get(
            pk=delivery_id
        )
        trouble = _send(delivery)
        if not trouble:
            Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.SENT, sent_at=now, trouble="")
            sent += 1
            continue
        Delivery.objects.filter(pk=delivery.pk).update(trouble=trouble[:500])
        if delivery.tries >= len(AGAIN):
            _fall_over(delivery, now=now)
        logger.warning("alert.not_sent", extra={"delivery": delivery.pk, "tries": delivery.tries})
    return sent


@transaction.atomic
def _claim(now: datetime) -> list[int]:
    """Due messages, each put off before it is tried: a worker that dies in between does not send it twice at once."""
    rows = Delivery.objects.filter(state=DeliveryState.WAITING, due_at__lte=now).order_by("due_at", "pk")
    claimed = list(rows.select_for_update(skip_locked=True)[:SENT_AT_ONCE])
    for row in claimed:
        row.due_at = now + (AGAIN[row.tries] if row.tries < len(AGAIN) else LATER)
        row.tries += 1
    Delivery.objects.bulk_update(claimed, ["due_at", "tries"])
    return [row.pk for row in claimed]


def _fall_over(delivery: Delivery, *, now: datetime) -> None:
    """Give the message to the next channel as well. This one is tried on: that it does not work is seen on the page."""
    following = delivery.channel.next_channel
    if following is not None and following.ended_at is None:
        channels.write([(delivery.alert, following, delivery.event, delivery.round)], now=now)


def _send(delivery: Delivery) -> str:
    """Send one message; what went wrong, or nothing. What opens the channel stands in no message of an error."""
    by_kind = {ChannelKind.EMAIL: _mail, ChannelKind.WEBHOOK: _webhook, ChannelKind.APPRISE: _apprise}
    try:
        return by_kind[ChannelKind(delivery.channel.kind)](delivery)
    except PortalError as error:
        return str(error)


def _mail(delivery: Delivery) -> str:
    if settings.EMAIL_BACKEND.endswith("filebased.EmailBackend"):
        return "No mail server is configured (EMAIL_HOST): nobody is told."
    subject, body = message_of(delivery.alert, delivery.event)
    headers = {HEADER: str(delivery.alert_id)}
    link = get_connection()
    try:
        EmailMessage(subject.replace("\n", " "), body, to=[delivery.channel.address], headers=headers, connection=link).send()
    except (OSError, smtplib.SMTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        # Django leaves it open where the server took the connection and refused the sign-in
        link.close()
    return ""


def _webhook(delivery: Delivery) -> str:
    opens = channels.opened(delivery.channel)
    body = json.dumps(facts_of(delivery.alert, delivery.event)).encode()
    headers = {"Content-Type": "application/json", HEADER: str(delivery.alert_id)}
    if opens["secret"]:
        headers["X-Retainer-Signature"] = "sha256=" + hmac.new(opens["secret"].encode(), body, hashlib.sha256).hexdigest()
    try:
        answer = outbound.post(opens["url"], body, headers=headers, allowed=settings.WEBHOOK_NETWORKS, timeout_s=TIMEOUT_S)
    except outbound.Refused as error:
        return f"Not asked: {error} Of webhooks: PORTAL_WEBHOOK_NETWORKS."
    except httpx.HTTPError as error:
        return f"No answer: {type(error).__name__}"
    return "" if 200 <= answer.status_code < 300 else f"Answered with status {answer.status_code}."


def _apprise(delivery: Delivery) -> str:
    sender = apprise.Apprise()
    sender.add(channels.opened(delivery.channel)["url"])
    subject, body = message_of(delivery.alert, delivery.event)
    with apprise.LogCapture(level=logging.WARNING) as said:  # type: ignore[no-untyped-call]
        arrived = sender.notify(title=subject, body=body)
    # its log names hosts and statuses, never what is secret; only the last line matters
    lines = said.getvalue().strip().splitlines()
    return "" if arrived else f"Apprise could not send it{': ' + _without_addresses(lines[-1]) if lines else '.'}"


def _without_addresses(line: str) -> str:
    return " ".join("(address)" if "://" in word else word for word in line.split())[:300]
