"""The far end of a channel, where it can be read: a mailbox over IMAP in which messages of drills must arrive."""

import imaplib
import logging
import ssl
from collections.abc import Collection

from django.conf import settings

from monitoring.services.sending import HEADER

logger = logging.getLogger(__name__)

TIMEOUT_S = 15.0


def find_alerts(alert_ids: Collection[int]) -> set[int]:
    """Of which alerts a message lies in the mailbox. Where it can't be read, of none: what is not seen did not arrive."""
    mailbox = settings.DRILL_MAILBOX
    if not mailbox:
        return set()
    try:
        server = imaplib.IMAP4(mailbox["host"], int(mailbox["port"]), timeout=TIMEOUT_S)
        try:
            if mailbox.get("tls", "true") == "true":
                server.starttls(ssl_context=ssl.create_default_context())
            server.login(mailbox["user"], settings.DRILL_MAILBOX_PASSWORD)
            server.select("INBOX", readonly=True)
            return {alert_id for alert_id in alert_ids if _holds(server, alert_id)}
        finally:
            server.shutdown()
    except (OSError, imaplib.IMAP4.error) as error:
        logger.warning("mailbox.not_read", extra={"problem": type(error).__name__})
        return set()


def _holds(server: imaplib.IMAP4, alert_id: int) -> bool:
    state, found = server.search(None, "HEADER", HEADER, str(alert_id))
    return state == "OK" and bool(found and found[0])
