"""The mailbox of support, over IMAP: each new mail is kept in the database first, and marked as read after that."""

import imaplib
import logging
import ssl
from datetime import datetime

from django.conf import settings

from clients.support.services import incoming
from clients.support.services.files import LARGEST_OF_MAIL_B
from portal.accounts.scope import acting_for_all

logger = logging.getLogger(__name__)

TIMEOUT_S = 30.0
AT_ONCE = 50
_HEAD = b"\r\n\r\n(The rest was not fetched: the mail is too large.)\r\n"


def fetch(*, now: datetime) -> int:
    """Fetch what is unread; returns how many mails are new. Who dies in between fetches them again: the same mail is kept once.

    Raises:
        OSError, imaplib.IMAP4.error: the mailbox can't be read now.
    """
    box = settings.SUPPORT_MAILBOX
    if not box:
        return 0
    server = imaplib.IMAP4(box["host"], int(box.get("port", "143")), timeout=TIMEOUT_S)
    try:
        if box.get("tls", "true") == "true":
            server.starttls(ssl_context=ssl.create_default_context())
        server.login(box["user"], settings.SUPPORT_MAILBOX_PASSWORD)
        opened, why = server.select(box.get("folder", "INBOX"))
        if opened != "OK":
            raise imaplib.IMAP4.error(f"the folder can't be opened: {why!r}")
        _, found = server.uid("SEARCH", "UNSEEN")
        with acting_for_all():
            numbers = (found[0] or b"").split()[:AT_ONCE]
            for number in numbers:
                incoming.keep(_read(server, number.decode()), now=now)
                server.uid("STORE", number.decode(), "+FLAGS", r"(\Seen)")
        return len(numbers)
    finally:
        server.shutdown()


def _read(server: imaplib.IMAP4, number: str) -> bytes:
    """A mail's bytes; of one that is larger than what is taken, its head and as much filler as makes it known for that."""
    _, sizes = server.uid("FETCH", number, "(RFC822.SIZE)")
    size = int(bytes(sizes[0] or b"").rpartition(b"RFC822.SIZE ")[2].split(b")")[0].split()[0])
    wanted = "(BODY.PEEK[])" if size <= LARGEST_OF_MAIL_B else "(BODY.PEEK[HEADER])"
    _, parts = server.uid("FETCH", number, wanted)
    content = next(part[1] for part in parts if isinstance(part, tuple))
    if size > LARGEST_OF_MAIL_B:
        return bytes(content) + _HEAD + b" " * (LARGEST_OF_MAIL_B + 1 - len(content))
    return bytes(content)


def fetch_quietly(*, now: datetime) -> int:
    """`fetch`; a mailbox that can't be read now is noted in the log, and read with the next tick."""
    try:
        return fetch(now=now)
    except (OSError, imaplib.IMAP4.error) as error:
        logger.warning("mailbox.not_read", extra={"problem": f"{type(error).__name__}: {error}"[:200]})
        return 0
